"""Episodes on a robot, told like those of an environment."""

import time
from collections.abc import Callable

from hrl_core.control.episode_runner import EpisodeRunner
from hrl_core.errors import InvalidDataError
from hrl_core.messages import NO_VECTOR, ActionSource, Observation, Vector
from hrl_core.randomness import episode_seed
from hrl_core.task.given_commands import GivenCommands
from hrl_robot.robot_state import Instant, StateAssembler


class RobotRunner(EpisodeRunner):
    """A step is what has happened in one control period; the robot does not wait for it.

    The reward is minus the distance to the task goal, as in HIRO's Ant Maze, Push and Fall, or minus the number of
    things that are not in place, as in the kitchen: a robot has no other.
    Stamps are wall time.
    """

    look: Callable[[], Instant | None]
    """What the robot's streams say now."""
    assembler: StateAssembler

    def _open(self) -> None:
        self._instant: Instant | None = None
        self._given = GivenCommands(self.spec)

    def fresh(self) -> bool:
        """Whether the streams have a state for this instant; the next step tells of it."""
        self._instant = self.look()
        return self._instant is not None

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start an episode where the robot is; arguments as for ``EpisodeRunner``.

        Raises:
            InvalidDataError: the robot is silent, or there is no goal.
        """
        wanted = self.goal if goal is None else goal
        if wanted is None:
            raise InvalidDataError("a robot's episodes need a goal: the task has no evaluation goal and none is given")
        self._episode_seed = episode_seed(self.seed, episode) if seed is None else seed
        self.set_goal(wanted)
        self.assembler.begin()
        self._given.begin()
        if self._instant is None:
            self.fresh()
        return self._observe(episode, 0, NO_VECTOR)

    def set_goal(self, goal: Vector) -> None:
        """Change the task goal; it takes effect with the next observation."""
        self.spec.check_goal(goal)
        self._goal = goal.copy()

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Tell of the control period that has passed under ``action``; raises ``InvalidDataError`` on silence."""
        previous = self._require_running()
        return self._observe(previous.episode, previous.step + 1, self._clipped(action), source)

    def unseen(self, action: Vector) -> None:
        """A control period has passed under ``action`` of which nothing can be told."""
        self._given.give(self._clipped(action))

    def cut(self, action: Vector) -> Observation:
        """End the episode of a robot that has fallen silent: its last state again, truncated."""
        last = self._require_running()
        vectors = last.state, last.achieved_goal, last.desired_goal, action
        return self._tell(
            time.time_ns(), last.episode, last.step + 1, vectors, last.reward, truncated=True, source=ActionSource.SAFE
        )

    def close(self) -> None:
        """Nothing is held."""

    def _observe(
        self, episode: int, step: int, applied: Vector, source: ActionSource = ActionSource.POLICY
    ) -> Observation:
        instant, self._instant = self._instant, None
        if instant is None:
            raise InvalidDataError("the robot's state is too old")
        if step:
            self._given.give(applied)
        state, achieved = self.assembler.assemble(instant, step, self._given.observed)
        reward = self._reward(achieved) if step else 0.0
        over = step >= self.spec.max_episode_steps
        vectors = state, achieved, self._goal, applied
        return self._tell(time.time_ns(), episode, step, vectors, reward, truncated=over, source=source)

    def _reward(self, achieved: Vector) -> float:
        """Minus the number of things that are not in place, or, where a goal is one place, the distance to it."""
        if self.spec.success.groups:
            return -float(self.spec.out_of_place(achieved, self._goal))
        return -self.spec.distance(achieved, self._goal)
