"""What small control problems share: a state vector, a goal within it, one reward for every step short of it."""

from abc import abstractmethod
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

Float64 = npt.NDArray[np.float64]
Observation = dict[str, Float64]


class ControlEnv(gymnasium.Env[Observation, Any]):
    """A goal of the first elements of the state; -1 a step until every one is within its tolerance, 0 there.

    ``reset(options={"goal": [...]})`` sets the goal; otherwise it is drawn, as a rule uniformly from the box of goals.
    Writing ``goal`` changes it between steps.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_dim: ClassVar[int]
    """Elements of the observation."""
    goal_dim: ClassVar[int]
    """First elements of the observation that a goal speaks of."""

    def __init__(
        self,
        goal_box: tuple[tuple[float, ...], tuple[float, ...]],
        tolerance: tuple[float, ...],
        actions: int | spaces.Discrete,
    ) -> None:
        """Make the spaces; nothing random happens before ``reset``.

        Args:
            goal_box: lower and upper corner of the box of goals.
            tolerance: how far each element of the goal may be off for the reward.
            actions: elements of the action, each between -1 and 1; or the choices there are.
        """
        self.goal_low, self.goal_high = (np.array(corner) for corner in goal_box)
        self.goal, self._tolerance = self.goal_low.copy(), np.array(tolerance)
        goal_space = spaces.Box(-np.inf, np.inf, self.goal.shape, np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (self.observation_dim,), np.float64),
            achieved_goal=goal_space,
            desired_goal=goal_space,
        )
        choices = isinstance(actions, spaces.Discrete)
        self.action_space = actions if choices else spaces.Box(-1.0, 1.0, (actions,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw start and goal."""
        super().reset(seed=seed)
        self._place()
        sampled = self._draw_goal()
        wanted = (options or {}).get("goal")
        self.goal = sampled if wanted is None else self._checked_goal(wanted)
        return self._observation(), {}

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply the action, a vector or the number of a choice, for one control period."""
        self._advance(action)
        observation = self._observation()
        reward = self.compute_reward(observation["achieved_goal"], self.goal, {})
        return observation, float(reward), False, False, {}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """0 where every element is within its tolerance, else -1; batches along leading axes."""
        return -1.0 + np.all(np.abs(achieved_goal - desired_goal) <= self._tolerance, axis=-1)

    def _draw_goal(self) -> Float64:
        """A goal from the box of goals, after the start has been drawn."""
        return self.np_random.uniform(self.goal_low, self.goal_high)

    @abstractmethod
    def simulation_state(self) -> Float64:
        """Everything that stepping depends on."""

    @abstractmethod
    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""

    @abstractmethod
    def _place(self) -> None:
        """Draw the start of an episode."""

    @abstractmethod
    def _advance(self, action: Any) -> None:  # noqa: ANN401 - as the action space has it
        """Let one control period pass."""

    @abstractmethod
    def _state(self) -> Float64:
        """The state now, a fresh array."""

    def _observation(self) -> Observation:
        state = self._state()
        return {"observation": state, "achieved_goal": state[: self.goal_dim].copy(), "desired_goal": self.goal.copy()}

    def _checked_goal(self, goal: npt.ArrayLike) -> Float64:
        vector = np.array(goal, dtype=np.float64)
        if vector.shape != self.goal.shape or not np.isfinite(vector).all():
            raise ValueError(f"options['goal'] needs {self.goal.size} finite numbers, got {goal!r}")
        return vector
