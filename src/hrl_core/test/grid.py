"""A floor of five by five tiles on which one goes a tile at a time: four actions to choose from."""

import gymnasium
import numpy as np
from gymnasium import spaces

SIZE = 5
MOVES = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])


class Grid(gymnasium.Env):
    """The goal is a tile."""

    def __init__(self) -> None:
        """Four moves."""
        tile = spaces.Box(0.0, SIZE - 1.0, (2,), np.float64)
        self.action_space = spaces.Discrete(4)
        self.observation_space = spaces.Dict(observation=tile, achieved_goal=tile, desired_goal=tile)

    def reset(self, *, seed=None, options=None):
        """Begin on a random tile."""
        super().reset(seed=seed)
        self._tile, self.goal = self.np_random.integers(SIZE, size=(2, 2)).astype(float)
        return self._told(), {}

    def step(self, action):
        """Go on, unless the floor ends there."""
        assert self.action_space.contains(action), action
        self._tile = np.clip(self._tile + MOVES[action], 0, SIZE - 1)
        return self._told(), float(self.compute_reward(self._tile, self.goal, {})), False, False, {}

    def compute_reward(self, achieved_goal, desired_goal, info):
        """-1 for each step that is not there."""
        return np.where(np.linalg.norm(achieved_goal - desired_goal, axis=-1) < 0.5, 0.0, -1.0)

    def _told(self):
        return {"observation": self._tile.copy(), "achieved_goal": self._tile.copy(), "desired_goal": self.goal.copy()}


gymnasium.register("Grid-v0", "grid:Grid", max_episode_steps=12)
