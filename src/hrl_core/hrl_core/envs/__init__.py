"""Benchmark environments; importing this package registers their Gymnasium ids."""

import gymnasium

EPISODE_STEPS = 500
TASKS = {
    "AntMaze": "ant_maze",
    "AntPush": "ant_push",
    "AntFall": "ant_fall",
    "AntGather": "ant_gather",
    "PointMaze": "point_maze",
}
"""Environment name -> module; the id is ``hrl/NAME-v0``."""

for _name, _module in TASKS.items():
    gymnasium.register(
        id=f"hrl/{_name}-v0",
        entry_point=f"hrl_core.envs.{_module}:make_{_module}",
        max_episode_steps=EPISODE_STEPS,
    )
