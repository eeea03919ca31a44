"""Ant Push: a movable block must be pushed aside, not ahead, to enter the goal room (arXiv 1805.08296 B.2.2).

Intended route: left, up, push the block to the right, up. Walking straight on pushes the block into the goal
room's entrance and seals it. The block is not observed, unless ``observe_blocks`` says so.
"""

from hrl_core.envs.ant_maze import ANT_CELL, ANT_WALL_HEIGHT
from hrl_core.envs.ant_maze_env import AntMazeEnv, AntTask
from hrl_core.envs.maze import BlockSpec, Cell, MazeSpec, Slide

GOAL = (0.0, 19.0)
ANT_PUSH_MAZE = MazeSpec(
    rows=(
        "#####",
        "#.R##",
        "#.+.#",
        "##.##",
        "#####",
    ),
    cell_size=ANT_CELL,
    wall_height=ANT_WALL_HEIGHT,
    blocks=((Cell.BLOCK_XY, BlockSpec(mass=0.0002, slides=(Slide("x"), Slide("y")))),),
)


def make_ant_push(
    goal_low: tuple[float, ...] = GOAL,
    goal_high: tuple[float, ...] = GOAL,
    observe_blocks: bool = False,
    render_mode: str | None = None,
) -> AntMazeEnv:
    """Entry point of ``hrl/AntPush-v0``; training goals are the fixed one unless a box [m] is given."""
    task = AntTask(ANT_PUSH_MAZE, tuple(goal_low), tuple(goal_high), observe_blocks)
    return AntMazeEnv(task, render_mode=render_mode)
