"""What tasks that cannot be solved without remembering share: choices, ticks, one goal that is always the same."""

from abc import abstractmethod
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

Float64 = npt.NDArray[np.float64]
Told = dict[str, Float64]
TICK, RIGHT, WRONG = -0.01, 1.0, -0.1
"""Reward of a tick, of what the task is about, and of its opposite."""
_DRAWN = 64
"""Random numbers of an episode, which are gone through again and again."""


class MemoryTaskEnv(gymnasium.Env[Told, Any]):
    """Solved or not: achieved is 1 once it is, the goal always 1, so that it tells a policy nothing.

    Everything random is drawn by ``reset``, so that a saved state is whole.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_dim: ClassVar[int]
    """Elements of the observation."""
    choices: ClassVar[int]
    """Actions to choose from."""

    def __init__(self, repeat: int = 1) -> None:
        """Make the spaces; nothing random happens before ``reset``.

        Args:
            repeat: ticks for which an action is taken, fewer where the episode ends.

        Raises:
            ValueError: not even one.
        """
        if repeat < 1:
            raise ValueError(f"repeat: at least 1, got {repeat}")
        self._repeat = repeat
        self._drawn = np.zeros(_DRAWN)
        solved = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (self.observation_dim,), np.float64),
            achieved_goal=solved,
            desired_goal=solved,
        )
        self.action_space = spaces.Discrete(self.choices)
        self._numbers: list[int] = []
        """Everything else that ticks depend on."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Told, dict[str, Any]]:
        """Draw an episode."""
        super().reset(seed=seed)
        self._drawn = self.np_random.random(_DRAWN)
        self._numbers = self._begin()
        return self._told(), {}

    def step(self, action: Any) -> tuple[Told, float, bool, bool, dict[str, Any]]:  # noqa: ANN401 - a whole number
        """Take the action for some ticks."""
        earned, over = 0.0, False
        for _ in range(self._repeat):
            reward, over = self._tick(int(action))
            earned += reward
            if over:
                break
        return self._told(), earned, over, False, {}

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on."""
        return np.concatenate((self._numbers, self._drawn))

    def restore(self, state: Float64) -> Told:
        """Go back to a ``simulation_state``; return the observation there."""
        self._numbers = [int(number) for number in state[:-_DRAWN]]
        self._drawn = state[-_DRAWN:].copy()
        return self._told()

    def _random(self, number: int) -> float:
        """One of the episode's random numbers, uniform in [0, 1)."""
        return float(self._drawn[number % _DRAWN])

    @abstractmethod
    def _begin(self) -> list[int]:
        """Draw what an episode is about, by ``np_random``; the numbers that ticks depend on and change."""

    @abstractmethod
    def _tick(self, action: int) -> tuple[float, bool]:
        """Let a tick pass; its reward, and whether the episode is over."""

    @abstractmethod
    def _see(self) -> list[float]:
        """The observation now."""

    @abstractmethod
    def _solved(self) -> bool:
        """Whether the task is solved."""

    def _told(self) -> Told:
        achieved = np.array([float(self._solved())])
        return {"observation": np.array(self._see(), np.float64), "achieved_goal": achieved, "desired_goal": np.ones(1)}


def one_hot(number: int, count: int) -> list[float]:
    """``count`` numbers of which one is 1; none where ``number`` is negative."""
    return [float(k == number) for k in range(count)]
