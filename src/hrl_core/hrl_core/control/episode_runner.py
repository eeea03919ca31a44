"""What simulator and robot bridge have in common: episodes of one task, told step by step as ``Observation``."""

from abc import ABC, abstractmethod

import numpy as np

from hrl_core.errors import InvalidDataError
from hrl_core.messages import ActionSource, EpisodeEnd, EpisodeResult, Mode, Observation, Vector, frozen
from hrl_core.task.spec import TaskSpec

NANOSECONDS = 1_000_000_000


class EpisodeRunner(ABC):
    """Counts steps, sums rewards and applies the task's success rule; subclasses know where the numbers come from."""

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
        """Start without an observation.

        Args:
            spec: the task.
            seed: seed of the run; every episode derives its own.
            mode: purpose of the episodes; in EVAL the first evaluation goal is the default goal, else the task draws
                one: demonstrations are to be as varied as what is learned from them is asked for.
            goal: task goal of every episode, layout of the task; None: see ``mode``.
            run: run id.
            robot: robot id.
            frame: frame id of observations; None: the task's.
        """
        self.spec = spec
        self.seed = seed
        self.mode = mode
        self.goal = goal
        if goal is None and mode is Mode.EVAL and spec.evaluation_goals:
            self.goal = frozen(spec.evaluation_goals[0])
        self.observation: Observation | None = None
        self.frame = frame or spec.frame
        """Frame id of observations, and of the goals in them."""
        self._run, self._robot = run, robot
        self._episode_seed = 0
        self._return = 0.0
        self._open()

    @abstractmethod
    def _open(self) -> None:
        """Make what the episodes run on."""

    @abstractmethod
    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start episode number ``episode``.

        Args:
            episode: episode number within the run.
            seed: seed of the reset; None: derived from the run's seed and the episode number.
            goal: task goal of this episode only; None: the run's.
        """

    def check_goal(self, goal: Vector) -> None:
        """Raise ``HrlError`` unless an episode can have this goal (goal_dim,); nothing is changed."""
        self.spec.check_goal(goal)

    @abstractmethod
    def set_goal(self, goal: Vector) -> None:
        """Change the task goal; it takes effect with the next observation."""

    @abstractmethod
    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Let one control period pass with an action and tell what it led to."""

    @abstractmethod
    def close(self) -> None:
        """Free what is held."""

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

    def _require_running(self) -> Observation:
        previous = self.observation
        if previous is None or previous.last:
            raise InvalidDataError("step: the episode has ended; reset first")
        return previous

    def _tell(
        self,
        stamp: int,
        episode: int,
        step: int,
        vectors: tuple[Vector, Vector, Vector, Vector],
        reward: float = 0.0,
        terminated: bool = False,
        truncated: bool = False,
        source: ActionSource = ActionSource.POLICY,
        success: bool | None = None,
    ) -> Observation:
        """Make the observation of this step the current one.

        Args:
            stamp: environment time [ns].
            episode: episode number.
            step: steps since its start.
            vectors: state, achieved goal, desired goal, applied action.
            reward: of the step.
            terminated: whether the task ended.
            truncated: whether the time limit cut the episode.
            source: of the action.
            success: the environment's own word; None: the task's radius decides.
        """
        state, achieved, desired, applied = vectors
        self.spec.check_state(state)
        self._return = self._return + reward if step else 0.0
        self.observation = Observation(
            stamp=stamp,
            frame=self.frame,
            run=self._run,
            robot=self._robot,
            episode=episode,
            step=step,
            state=state,
            achieved_goal=achieved,
            desired_goal=desired,
            reward=reward,
            success=self.spec.succeeded(achieved, desired) if success is None else success,
            first=step == 0,
            terminated=terminated,
            truncated=truncated and not terminated,
            mode=self.mode,
            applied_action=applied,
            action_source=source,
            task_hash=self.spec.hash64,
        )
        return self.observation

    def _clipped(self, action: Vector) -> Vector:
        """The action within its limits; raises ``InvalidDataError`` for a wrong size or non-finite numbers."""
        self.spec.check_action(action)
        return np.minimum(np.maximum(action, self.spec.action_low), self.spec.action_high)
