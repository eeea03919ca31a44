"""An arm of two links in plain Python: no MuJoCo, float32, Gymnasium's goal API and nothing beyond it."""

import gymnasium
import numpy as np
from gymnasium import spaces

REACH = 0.1
"""Distance of the tip to the target within which it is reached [m]."""


class TwoLink(gymnasium.Env):
    """Turn shoulder and elbow until the tip is at the target; the reward is -1 until then, 0 there."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        goal = spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (6,), np.float32), achieved_goal=goal, desired_goal=goal
        )
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._angles, self._rates = self.np_random.uniform(-1.0, 1.0, 2), np.zeros(2)
        self._target = tip(self.np_random.uniform(-2.0, 2.0, 2))
        return self._observation(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self._rates = 0.9 * self._rates + 0.05 * action
        self._angles = self._angles + self._rates
        observation = self._observation()
        reward = self.compute_reward(observation["achieved_goal"], observation["desired_goal"], {})
        return observation, float(reward), False, False, {"is_success": bool(reward == 0.0)}

    def compute_reward(self, achieved_goal, desired_goal, info):
        return -(np.linalg.norm(achieved_goal - desired_goal, axis=-1) > REACH).astype(np.float32)

    def render(self):
        picture = np.full((160, 160, 3), 255, np.uint8)
        elbow = tip(np.array([self._angles[0], 0.0])) / 2
        for share in np.linspace(0.0, 1.0, 200):
            self._dot(picture, elbow * share, (60, 90, 200))
            self._dot(picture, elbow + (tip(self._angles) - elbow) * share, (60, 90, 200))
        self._dot(picture, self._target, (30, 160, 60))
        return picture

    def _observation(self):
        state = np.concatenate((tip(self._angles), self._angles, self._rates)).astype(np.float32)
        target = self._target.astype(np.float32)
        return {"observation": state, "achieved_goal": state[:2].copy(), "desired_goal": target}

    @staticmethod
    def _dot(picture, place, color):
        column, row = (80 + 36 * place * np.array([1, -1])).astype(int)
        picture[row - 2 : row + 3, column - 2 : column + 3] = color


def tip(angles):
    """Where the tip is [m]; each link is 1 m long."""
    shoulder, both = angles[0], angles.sum()
    return np.array([np.cos(shoulder) + np.cos(both), np.sin(shoulder) + np.sin(both)])


gymnasium.register("TwoLink-v0", f"{__name__}:TwoLink", max_episode_steps=40)
