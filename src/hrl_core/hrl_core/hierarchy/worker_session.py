"""The worker's side of the barrier: observations and subgoals, in any order, become actions and segment results.

Idempotent by construction: everything that leaves is a function of the current observation and the subgoal in force, so
a worker that is killed and started again in mid-episode goes on with the very same numbers.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hrl_core.hierarchy.policies import Worker
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import carried_subgoal, check_subgoal, intrinsic_reward, segment_end
from hrl_core.messages import (
    NAN,
    NO_VECTOR,
    WORKER_LEVEL,
    Action,
    ActionSource,
    Mode,
    Observation,
    SegmentEnd,
    Subgoal,
    SubgoalKind,
    SubgoalRequest,
    SubgoalResult,
    Vector,
)
from hrl_core.randomness import Purpose, step_generator
from hrl_core.task.spec import TaskSpec

WorkerMessage = SubgoalResult | SubgoalRequest | Action


@dataclass
class _Segment:
    """The subgoal in force and what has been summed up under it."""

    subgoal: Subgoal
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

    @property
    def ended(self) -> bool:
        """Whether it waits for its successor."""
        return self.result is not None


class WorkerSession:
    """Acts on step t only with the subgoal valid for step t; ends segments, waits for the next seq."""

    def __init__(
        self, spec: TaskSpec, hierarchy: HierarchySpec, worker: Worker, seed: int, discount: float = 0.99
    ) -> None:
        """Start without observation or subgoal.

        Args:
            spec: the task.
            hierarchy: of the policy.
            worker: the policy.
            seed: seed of the run, for exploration noise.
            discount: discount per step of ``SubgoalResult.reward_discounted``.
        """
        self.worker = worker
        self.renew: Callable[[int], Worker] | None = None
        """Asked for the policy at the first subgoal of every episode, given the version that the subgoal carries."""
        self.dropped: Counter[str] = Counter()
        self._spec, self._seed, self._discount = spec, seed, discount
        self._level = hierarchy.levels[WORKER_LEVEL]
        self._space = GoalSpace(spec, self._level)
        self._every_step = self._level.cadence == "every_step"
        self._observation: Observation | None = None
        self._answered = True
        self._position: Vector = NO_VECTOR
        self._segment: _Segment | None = None
        self._early: Subgoal | None = None
        self._outbox: list[WorkerMessage] = []

    @property
    def waiting_for(self) -> str | None:
        """The peer whose message is missing: ``manager`` or ``simulator``."""
        return "simulator" if self._answered else "manager"

    def on_observation(self, observation: Observation) -> list[WorkerMessage]:
        """Take an observation; a repeated one is answered with the same messages again.

        What the manager has not answered is said again with every observation: real time does not stop for it.

        Raises:
            InvalidDataError: it has the wrong size or holds a non-finite number.
        """
        current = self._observation
        if current is not None and observation.key <= current.key:
            self.dropped["duplicate" if observation.key == current.key else "old"] += 1
            return self.resend() if observation.key == current.key else []
        self._spec.check_state(observation.state)
        self._spec.check_goal(observation.desired_goal, "desired_goal")
        segment = self._segment
        if current is not None and observation.episode != current.episode:
            self._outbox = []
            self._abandon(current)
        else:
            self._outbox = [segment.result] if segment is not None and segment.result is not None else []
        self._observation, self._answered = observation, observation.last
        self._position = observation.state[self._space.indices]
        self._account(observation)
        early, self._early = self._early, None
        if early is not None:
            self._take(early)
        self._advance()
        return self.resend()

    def on_subgoal(self, subgoal: Subgoal) -> list[WorkerMessage]:
        """Take a subgoal; an early one is held, an old one dropped.

        Raises:
            InvalidDataError: its value has the wrong size or holds a non-finite number, or its number is impossible.
        """
        if subgoal.level != WORKER_LEVEL:
            return []
        check_subgoal(self._space, subgoal)
        before = len(self._outbox)
        self._take(subgoal)
        self._advance()
        return self._outbox[before:]

    def act_on_held(self) -> list[WorkerMessage]:
        """Act on the ended subgoal because the manager is late (real time); silent once it has expired.

        The action is new and the policy's, as the environment will say of it: HOLD is one applied before.
        """
        segment, observation = self._segment, self._observation
        if self._answered or segment is None or observation is None:
            return []
        expired = observation.step - segment.subgoal.step > 2 * (segment.subgoal.horizon or self._level.horizon)
        return [] if expired else [self._act(observation, segment)]

    def resend(self) -> list[WorkerMessage]:
        """What a peer that lost messages or has just appeared needs to go on, and what is lacking here."""
        return [*self._outbox, *self._requests()]

    def _requests(self) -> list[WorkerMessage]:
        """Ask for the subgoal that was chosen before this worker was there; the first one comes without asking."""
        observation = self._observation
        if observation is None or self._segment is not None or observation.first or observation.last:
            return []
        return [
            SubgoalRequest(
                stamp=observation.stamp,
                frame=observation.frame,
                run=observation.run,
                robot=observation.robot,
                episode=observation.episode,
                level=WORKER_LEVEL,
                step=observation.step,
            )
        ]

    def _take(self, subgoal: Subgoal) -> None:
        """Put a subgoal in force, hold it, or drop it."""
        observation, segment = self._observation, self._segment
        if observation is None or (subgoal.episode, subgoal.step) > observation.key:
            if self._early is None or (subgoal.episode, subgoal.seq) > (self._early.episode, self._early.seq):
                self._early = subgoal
            return
        if subgoal.episode < observation.episode or (segment and subgoal.seq <= segment.subgoal.seq):
            self.dropped["old"] += 1
            return
        if subgoal.kind == SubgoalKind.CONTINUE:
            if segment is not None and not segment.ended:
                segment.confirmed_step = subgoal.step
                segment.subgoal = segment.subgoal._replace(seq=subgoal.seq)
            return
        if segment is not None and not segment.ended:
            self._end(segment, observation, SegmentEnd.PREEMPTED)
        if segment is None and self.renew is not None:
            self.worker = self.renew(subgoal.policy_version)
        self._segment = _Segment(subgoal, subgoal.step, whole=subgoal.step == observation.step)

    def _account(self, observation: Observation) -> None:
        """Add the step's rewards to the running segment and end it if it is over."""
        segment = self._segment
        if segment is None or segment.ended or observation.step <= segment.subgoal.step:
            return
        segment.whole &= observation.step == segment.subgoal.step + segment.steps_seen + 1
        segment.reward += observation.reward
        segment.discounted += self._discount**segment.steps_seen * observation.reward
        segment.intrinsic += intrinsic_reward(segment.subgoal, self._position)
        segment.steps_seen += 1

    def _advance(self) -> None:
        """End the segment if it is over, then act if a valid subgoal is in hand."""
        observation, segment = self._observation, self._segment
        if observation is None or segment is None or segment.ended:
            return
        if observation.step > segment.subgoal.step:
            reason = segment_end(segment.subgoal, observation, self._position)
            if reason is not None:
                self._end(segment, observation, reason)
                return
        confirmed = not self._every_step or segment.confirmed_step == observation.step
        if confirmed and not self._answered:
            self._outbox.append(self._act(observation, segment))

    def _act(self, observation: Observation, segment: _Segment) -> Action:
        subgoal = segment.subgoal
        explore = observation.mode == Mode.TRAIN and not subgoal.test
        noise = step_generator(self._seed, Purpose.ACTION, WORKER_LEVEL, *observation.key) if explore else None
        carried = carried_subgoal(subgoal, self._position)
        choice = self.worker.act(observation.state, carried, noise)
        self._spec.check_action(choice.value, "action of the worker")
        self._answered = True
        return Action(
            stamp=observation.stamp,
            frame=observation.frame,
            run=observation.run,
            robot=observation.robot,
            episode=observation.episode,
            step=observation.step,
            value=choice.value,
            subgoal_seq=subgoal.seq,
            observation_stamp=observation.stamp,
            log_probability=choice.log_probability,
            policy_version=self.worker.version,
            source=ActionSource.POLICY,
            intended=NO_VECTOR,
        )

    def _end(self, segment: _Segment, observation: Observation, reason: SegmentEnd) -> None:
        subgoal = segment.subgoal
        segment.result = SubgoalResult(
            stamp=observation.stamp,
            frame=observation.frame,
            run=observation.run,
            robot=observation.robot,
            episode=subgoal.episode,
            level=subgoal.level,
            seq=subgoal.seq,
            step=observation.step,
            steps_used=observation.step - subgoal.step,
            end_reason=reason,
            end_level=subgoal.level,
            achieved=observation.state[self._space.indices],
            reward_sum=segment.reward if segment.whole else NAN,
            reward_discounted=segment.discounted if segment.whole else NAN,
            intrinsic_sum=segment.intrinsic if segment.whole else NAN,
            active_path=(),
        )
        self._outbox.append(segment.result)

    def _abandon(self, last: Observation) -> None:
        """A new episode begins: close what was open in the old one at its last observation."""
        if self._segment is not None and not self._segment.ended:
            self._end(self._segment, last, SegmentEnd.TRUNCATED)
        self._segment = None
