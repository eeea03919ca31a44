"""Benchmark environments; importing this package registers their Gymnasium ids."""

import gymnasium

EPISODE_STEPS = 500

gymnasium.register(
    id="hrl/AntMaze-v0",
    entry_point="hrl_core.envs.ant_maze:make_ant_maze",
    max_episode_steps=EPISODE_STEPS,
)
