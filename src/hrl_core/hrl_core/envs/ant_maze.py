"""Ant Maze: a U-shaped corridor of width 8 m (arXiv 1805.08296 B.2.1)."""

from hrl_core.envs.ant_maze_env import AntMazeEnv, AntTask
from hrl_core.envs.maze import MazeSpec

ANT_CELL = 8.0
ANT_WALL_HEIGHT = 4.0

ANT_MAZE = AntTask(
    maze=MazeSpec(
        rows=(
            "#####",
            "#R..#",
            "###.#",
            "#...#",
            "#####",
        ),
        cell_size=ANT_CELL,
        wall_height=ANT_WALL_HEIGHT,
    ),
    goal_low=(-4.0, -4.0),
    goal_high=(20.0, 20.0),
)


def make_ant_maze(render_mode: str | None = None) -> AntMazeEnv:
    """Entry point of ``hrl/AntMaze-v0``."""
    return AntMazeEnv(ANT_MAZE, render_mode=render_mode)
