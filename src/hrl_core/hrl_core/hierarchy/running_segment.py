"""A subgoal in force as the worker keeps it: what is summed up under it, and how it ends."""

from dataclasses import dataclass

from hrl_core.hierarchy.segments import End
from hrl_core.hierarchy.subgoals import intrinsic_reward
from hrl_core.messages import NAN, Observation, Subgoal, SubgoalKind, SubgoalResult, Vector


@dataclass
class RunningSegment:
    """The subgoal in force at a level and what has been summed up under it."""

    subgoal: Subgoal
    first_seq: int
    """Number with which it was chosen; CONTINUE counts on from there."""
    confirmed_step: int
    """Last step for which the manager confirmed it (cadence every_step)."""
    whole: bool
    """Whether every step since the subgoal was chosen has been seen."""
    result: SubgoalResult | None = None
    """How it ended; None while it goes on."""
    steps_seen: int = 0
    reward: float = 0.0
    discounted: float = 0.0
    intrinsic: float = 0.0

    @classmethod
    def of(cls, subgoal: Subgoal, observation: Observation) -> "RunningSegment":
        """Put a subgoal in force, perhaps later than at the observation it was chosen at."""
        return cls(subgoal, subgoal.seq, subgoal.step, whole=subgoal.step == observation.step)

    @property
    def ended(self) -> bool:
        """Whether it waits for its successor."""
        return self.result is not None

    def messages(self) -> list[Subgoal]:
        """What says as much to a successor: the choice, and how long it has been confirmed."""
        subgoal = self.subgoal
        if subgoal.seq == self.first_seq:
            return [subgoal]
        confirmed = subgoal._replace(kind=SubgoalKind.CONTINUE, step=self.confirmed_step)
        return [subgoal._replace(seq=self.first_seq), confirmed]

    def leads(self, child: "RunningSegment") -> bool:
        """Whether ``child``, of the level below, was chosen to serve it."""
        return self.first_seq <= child.subgoal.parent_seq <= self.subgoal.seq

    def go_on(self, seq: int, step: int) -> None:
        """The manager has confirmed it for a step under a new number."""
        self.confirmed_step, self.subgoal = step, self.subgoal._replace(seq=seq)

    def account(self, observation: Observation, position: Vector, discount: float) -> None:
        """Add the rewards of a step under it.

        Args:
            observation: what the step led to.
            position: goal-space part of it.
            discount: per step.
        """
        if self.ended or observation.step <= self.subgoal.step:
            return
        self.whole &= observation.step == self.subgoal.step + self.steps_seen + 1
        self.reward += observation.reward
        self.discounted += discount**self.steps_seen * observation.reward
        self.intrinsic += intrinsic_reward(self.subgoal, position)
        self.steps_seen += 1

    def end(self, observation: Observation, end: End, achieved: Vector, path: tuple[str, ...]) -> SubgoalResult:
        """End it; returns the word of that.

        Args:
            observation: what it ended at.
            end: why.
            achieved: goal-space part of the observation.
            path: names of the skills in control.
        """
        subgoal = self.subgoal
        self.result = SubgoalResult(
            stamp=observation.stamp,
            frame=observation.frame,
            run=observation.run,
            robot=observation.robot,
            episode=subgoal.episode,
            level=subgoal.level,
            seq=subgoal.seq,
            step=observation.step,
            steps_used=observation.step - subgoal.step,
            end_reason=end.reason,
            end_level=end.level,
            achieved=achieved,
            reward_sum=self.reward if self.whole else NAN,
            reward_discounted=self.discounted if self.whole else NAN,
            intrinsic_sum=self.intrinsic if self.whole else NAN,
            active_path=path,
        )
        return self.result
