"""Runs the episodes of one environment and tells of each step as an ``Observation``.

The simulator node, the in-process rollout and the fake robot all step environments through this class, so that their
numbers are the same bits.
"""

from typing import Any, Protocol

import gymnasium
import numpy as np

from hrl_core.errors import InvalidDataError, TaskError
from hrl_core.randomness import episode_seed
from hrl_core.task import TaskSpec
from hrl_core.types import NO_VECTOR, ActionSource, EpisodeEnd, EpisodeResult, Mode, Observation, Vector, frozen

NANOSECONDS = 1_000_000_000


class GoalEnv(Protocol):
    """What every goal-conditioned environment has behind its wrappers."""

    goal: np.ndarray


class EnvRunner:
    """Steps a goal-conditioned Gymnasium environment under a task specification."""

    def __init__(
        self,
        spec: TaskSpec,
        seed: int,
        mode: Mode = Mode.EVAL,
        goal: Vector | None = None,
        run: int = 0,
        robot: str = "robot",
        frame: str | None = None,
    ) -> None:
        """Make the environment and check that it fits the specification.

        Args:
            spec: the task.
            seed: seed of the run; every episode derives its own.
            mode: purpose of the episodes; outside TRAIN the first evaluation goal is the default goal.
            goal: task goal of every episode, layout of the task; None: see ``mode``.
            run: run id.
            robot: robot id.
            frame: frame id of observations; None: the task's.

        Raises:
            TaskError: the environment does not exist or does not fit the specification.
        """
        self.spec = spec
        self.seed = seed
        self.mode = mode
        self.goal = goal
        if goal is None and mode is not Mode.TRAIN and spec.evaluation_goals:
            self.goal = frozen(spec.evaluation_goals[0])
        self._run, self._robot, self._frame = run, robot, frame or spec.frame
        self.env = make_env(spec)
        self._action_dtype = self.env.action_space.dtype
        self._goal_env: GoalEnv = self.env.unwrapped  # pyright: ignore[reportAttributeAccessIssue]
        self._period = round(spec.control_period * NANOSECONDS)
        self._stamp = 0
        self._episode_seed = 0
        self._return = 0.0
        self.observation: Observation | None = None

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start episode number ``episode``.

        Args:
            episode: episode number within the run.
            seed: seed of the reset; None: derived from the run's seed and the episode number.
            goal: task goal of this episode only; None: the run's.
        """
        wanted = self.goal if goal is None else goal
        if wanted is not None:
            self.spec.check_goal(wanted)
        self._episode_seed = episode_seed(self.seed, episode) if seed is None else seed
        options = {} if wanted is None else {"goal": wanted.tolist()}
        data, _ = self.env.reset(seed=self._episode_seed, options=options)
        if wanted is not None:
            self.set_goal(wanted)
        self._return = 0.0
        self.observation = self._observe(data, episode, 0, 0.0, False, False, NO_VECTOR, ActionSource.POLICY)
        return self.observation

    def set_goal(self, goal: Vector) -> None:
        """Change the task goal; it takes effect with the next observation."""
        self.spec.check_goal(goal)
        self._goal_env.goal = goal.copy()

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Apply an action (clipped to its limits) for one control period.

        Raises:
            InvalidDataError: the action, or what the environment answers, has the wrong size or is not finite.
        """
        previous = self.observation
        if previous is None or previous.last:
            raise InvalidDataError("step: the episode has ended; reset first")
        self.spec.check_action(action)
        applied = np.minimum(np.maximum(action, self.spec.action_low), self.spec.action_high)
        data, reward, terminated, truncated, _ = self.env.step(applied.astype(self._action_dtype, copy=False))
        self._stamp += self._period
        self._return += float(reward)
        self.observation = self._observe(
            data,
            previous.episode,
            previous.step + 1,
            float(reward),
            bool(terminated),
            bool(truncated) and not terminated,
            applied,
            source,
        )
        return self.observation

    def result(self, end: EpisodeEnd | None = None) -> EpisodeResult:
        """Outcome of the episode so far; ``end`` defaults to what the last observation says."""
        last = self.observation
        if last is None:
            raise InvalidDataError("result: no episode has been run")
        if end is None:
            end = EpisodeEnd.TERMINATED if last.terminated else EpisodeEnd.TIME_LIMIT
        return EpisodeResult(
            stamp=last.stamp,
            frame=last.frame,
            run=last.run,
            robot=last.robot,
            episode=last.episode,
            seed=self._episode_seed,
            steps=last.step,
            episode_return=self._return,
            success=last.success,
            final_distance=self.spec.distance(last.achieved_goal, last.desired_goal),
            end_reason=end,
        )

    def close(self) -> None:
        """Free the environment."""
        self.env.close()

    def _observe(
        self,
        data: dict[str, Any],
        episode: int,
        step: int,
        reward: float,
        terminated: bool,
        truncated: bool,
        applied: Vector,
        source: ActionSource,
    ) -> Observation:
        state = np.asarray(data["observation"], dtype=np.float64)
        achieved = np.asarray(data["achieved_goal"], dtype=np.float64)
        # The environment's own goal, not the dictionary's: set_goal may have changed it since.
        desired = np.asarray(self._goal_env.goal, dtype=np.float64)
        self.spec.check_state(state)
        return Observation(
            stamp=self._stamp,
            frame=self._frame,
            run=self._run,
            robot=self._robot,
            episode=episode,
            step=step,
            state=state,
            achieved_goal=achieved,
            desired_goal=desired,
            reward=reward,
            success=self.spec.succeeded(achieved, desired),
            first=step == 0,
            terminated=terminated,
            truncated=truncated,
            mode=self.mode,
            applied_action=applied,
            action_source=source,
            task_hash=self.spec.hash64,
        )


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
