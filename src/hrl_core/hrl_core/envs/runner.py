"""Runs the episodes of one environment and tells of each step as an ``Observation``.

The simulator node, the in-process rollout and the fake robot all step environments through this class, so that their
numbers are the same bits.
"""

from typing import Any, Protocol

import gymnasium
import numpy as np

from hrl_core.episode_runner import NANOSECONDS, EpisodeRunner
from hrl_core.errors import TaskError
from hrl_core.randomness import episode_seed
from hrl_core.task import TaskSpec
from hrl_core.types import NO_VECTOR, ActionSource, Observation, Vector


class GoalEnv(Protocol):
    """What every goal-conditioned environment has behind its wrappers."""

    goal: np.ndarray


class EnvRunner(EpisodeRunner):
    """Steps a goal-conditioned Gymnasium environment under a task specification."""

    def _open(self) -> None:
        """Make the environment; raises ``TaskError`` where it does not exist or does not fit the specification."""
        spec = self.spec
        self.env = make_env(spec)
        self._action_dtype = self.env.action_space.dtype
        self._goal_env: GoalEnv = self.env.unwrapped  # pyright: ignore[reportAttributeAccessIssue]
        self._period = round(spec.control_period * NANOSECONDS)
        self._stamp = 0

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start episode number ``episode`` as ``EpisodeRunner`` says."""
        wanted = self.goal if goal is None else goal
        if wanted is not None:
            self.spec.check_goal(wanted)
        self._episode_seed = episode_seed(self.seed, episode) if seed is None else seed
        options = {} if wanted is None else {"goal": wanted.tolist()}
        data, _ = self.env.reset(seed=self._episode_seed, options=options)
        if wanted is not None:
            self.set_goal(wanted)
        return self._tell(self._stamp, episode, 0, self._vectors(data, NO_VECTOR))

    def set_goal(self, goal: Vector) -> None:
        """Change the task goal; it takes effect with the next observation."""
        self.spec.check_goal(goal)
        self._goal_env.goal = goal.copy()

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Apply an action (clipped to its limits) for one control period.

        Raises:
            InvalidDataError: the action, or what the environment answers, has the wrong size or is not finite.
        """
        previous = self._require_running()
        applied = self._clipped(action)
        data, reward, terminated, truncated, _ = self.env.step(applied.astype(self._action_dtype, copy=False))
        self._stamp += self._period
        vectors = self._vectors(data, applied)
        ends = bool(terminated), bool(truncated)
        return self._tell(self._stamp, previous.episode, previous.step + 1, vectors, float(reward), *ends, source)

    def close(self) -> None:
        """Free the environment."""
        self.env.close()

    def _vectors(self, data: dict[str, Any], applied: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        state = np.asarray(data["observation"], dtype=np.float64)
        achieved = np.asarray(data["achieved_goal"], dtype=np.float64)
        # The environment's own goal, not the dictionary's: set_goal may have changed it since.
        return state, achieved, np.asarray(self._goal_env.goal, dtype=np.float64), applied


def make_env(spec: TaskSpec) -> gymnasium.Env[dict[str, Any], np.ndarray]:
    """Make the task's environment and compare its spaces with the specification.

    Raises:
        TaskError: unknown id, or a space that does not fit; names both sizes.
    """
    try:
        # The passive checker looks at every step again; the specification is checked here once and each state below.
        env = gymnasium.make(
            spec.env_id, max_episode_steps=spec.max_episode_steps, disable_env_checker=True, **spec.env_kwargs
        )
    except (gymnasium.error.Error, ModuleNotFoundError, TypeError) as error:
        raise TaskError(f"task '{spec.name}': cannot make env_id '{spec.env_id}': {error}") from error
    space = env.observation_space
    if not isinstance(space, gymnasium.spaces.Dict) or not hasattr(env.unwrapped, "goal"):
        env.close()
        raise TaskError(f"task '{spec.name}': {spec.env_id} is not goal-conditioned (Dict observation, goal attribute)")
    sizes = {
        "observation": (space["observation"].shape, len(spec.observation)),
        "goal": (space["desired_goal"].shape, len(spec.goal)),
        "action": (env.action_space.shape, len(spec.action)),
    }
    for field, (shape, declared) in sizes.items():
        if shape != (declared,):
            env.close()
            raise TaskError(f"task '{spec.name}': {field} has {declared} elements, {spec.env_id} has shape {shape}")
    return env
