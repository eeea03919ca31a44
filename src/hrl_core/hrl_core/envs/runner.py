"""Runs the episodes of one environment and tells of each step as an ``Observation``.

The simulator node, the in-process rollout and the fake robot all step environments through this class, so that their
numbers are the same bits.
"""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hrl_core.control.episode_runner import NANOSECONDS, EpisodeRunner
from hrl_core.envs.goal_env import GoalStep
from hrl_core.envs.randomised_env import make_environment
from hrl_core.messages import NO_VECTOR, ActionSource, Mode, Observation, Vector
from hrl_core.randomisation import NONE, Randomisation
from hrl_core.randomness import episode_seed
from hrl_core.task.spec import TaskSpec


class EnvRunner(EpisodeRunner):
    """Steps a goal-conditioned Gymnasium environment under a task specification."""

    render_mode: ClassVar[str | None] = None
    """How the environment makes pictures; None: as the task says."""

    def __init__(
        self,
        spec: TaskSpec,
        seed: int,
        mode: Mode = Mode.EVAL,
        goal: Vector | None = None,
        run: int = 0,
        robot: str = "robot",
        frame: str | None = None,
        randomisation: Randomisation = NONE,
    ) -> None:
        """Start without an observation; ``randomisation``: how episodes differ, the rest as ``EpisodeRunner`` says."""
        self._randomisation = randomisation
        super().__init__(spec, seed, mode, goal, run, robot, frame)

    def _open(self) -> None:
        """Make the environment; raises ``TaskError`` where it does not exist or does not fit the specification."""
        self._environment = make_environment(self.spec, self._randomisation, render_mode=self.render_mode)
        self.env = self._environment.env
        self._period = round(self.spec.control_period * NANOSECONDS)
        self._stamp = 0

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start episode number ``episode`` as ``EpisodeRunner`` says."""
        wanted = self.goal if goal is None else goal
        if wanted is not None:
            self.spec.check_goal(wanted)
        self._episode_seed = episode_seed(self.seed, episode) if seed is None else seed
        step = self._environment.reset(self._episode_seed, wanted)
        return self._observe(episode, 0, step, NO_VECTOR)

    def check_goal(self, goal: Vector) -> None:
        """Raise ``HrlError`` unless an episode can have this goal."""
        super().check_goal(goal)
        self._environment.require_other_goals()

    def set_goal(self, goal: Vector) -> None:
        """Change the task goal; it takes effect with the next observation."""
        self.spec.check_goal(goal)
        self._environment.set_goal(goal)

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Apply an action (clipped to its limits) for one control period.

        Raises:
            InvalidDataError: the action, or what the environment answers, has the wrong size or is not finite.
        """
        previous = self._require_running()
        applied = self._clipped(action)
        step = self._environment.step(applied)
        self._stamp += self._period
        return self._observe(previous.episode, previous.step + 1, step, applied, source)

    def render(self) -> npt.NDArray[np.uint8]:
        """The environment's own picture of now; raises ``InvalidDataError`` where it makes none."""
        return self._environment.render()

    def close(self) -> None:
        """Free the environment."""
        self._environment.close()

    def _observe(
        self, episode: int, number: int, step: GoalStep, applied: Vector, source: ActionSource = ActionSource.POLICY
    ) -> Observation:
        self._environment.check(step)
        ends = step.terminated, step.truncated or number >= self.spec.max_episode_steps
        vectors = step.state, step.achieved, step.desired, applied
        return self._tell(self._stamp, episode, number, vectors, step.reward, *ends, source, step.success)
