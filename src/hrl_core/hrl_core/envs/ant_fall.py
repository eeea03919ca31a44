"""Ant Fall: a block must be pushed into a chasm to bridge it (arXiv 1805.08296 B.2.3)."""

from hrl_core.envs.ant_maze import ANT_CELL, ANT_WALL_HEIGHT
from hrl_core.envs.ant_maze_env import AntMazeEnv, AntTask
from hrl_core.envs.maze import BlockSpec, Cell, MazeSpec, Slide

GOAL = (0.0, 27.0, 4.5)
PLATFORM_HEIGHT = 4.0
ANT_FALL_MAZE = MazeSpec(
    rows=(
        "####",
        "#R.#",
        "#.v#",
        "#~~#",
        "#..#",
        "####",
    ),
    cell_size=ANT_CELL,
    wall_height=ANT_WALL_HEIGHT,
    platform_height=PLATFORM_HEIGHT,
    blocks=(
        (
            Cell.BLOCK_YZ,
            BlockSpec(
                mass=0.001,
                slides=(Slide("y", (-ANT_CELL, ANT_CELL)), Slide("z", (-PLATFORM_HEIGHT, 0.0))),
                shrink=0.99,
            ),
        ),
    ),
)


def make_ant_fall(
    goal_low: tuple[float, ...] = GOAL,
    goal_high: tuple[float, ...] = GOAL,
    observe_blocks: bool = False,
    render_mode: str | None = None,
) -> AntMazeEnv:
    """Entry point of ``hrl/AntFall-v0``; training goals are the fixed one unless a box [m] is given."""
    task = AntTask(ANT_FALL_MAZE, tuple(goal_low), tuple(goal_high), observe_blocks)
    return AntMazeEnv(task, render_mode=render_mode)
