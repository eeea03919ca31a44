"""The worker's side of the barrier: observations and subgoals, in any order, become actions and segment results.

Idempotent by construction: everything that leaves is a function of the current observation and the subgoals in force,
so a worker that is killed and started again in mid-episode goes on with the very same numbers.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from hrl_core.hierarchy.early_subgoals import EarlySubgoals
from hrl_core.hierarchy.embedded_policies import position
from hrl_core.hierarchy.policies import Worker
from hrl_core.hierarchy.recall import Recall
from hrl_core.hierarchy.running_segment import RunningSegment
from hrl_core.hierarchy.segments import End, OpenSegment, segment_ends
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, manager_name
from hrl_core.hierarchy.subgoal_messages import request_for
from hrl_core.hierarchy.subgoals import Assignment, assignment, check_subgoal, to_float32
from hrl_core.hierarchy.worker_messages import WorkerMessage, action_for
from hrl_core.messages import (
    EPISODE_ENDS,
    WORKER_LEVEL,
    Action,
    Mode,
    Observation,
    SegmentEnd,
    Subgoal,
    SubgoalKind,
    SubgoalResult,
    Vector,
)
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.spec import TaskSpec

DISCOUNT = 0.99
"""Per step, of ``SubgoalResult.reward_discounted``."""
HELD = 20
"""Steps for which an ended subgoal that had no horizon is acted on while its successor is late."""


class WorkerSession:
    """Acts on step t only with subgoals of all levels valid for step t; ends segments, waits for their successors."""

    def __init__(self, spec: TaskSpec, hierarchy: HierarchySpec, worker: Worker, seed: int) -> None:
        """Start without observation or subgoal.

        Args:
            spec: the task.
            hierarchy: of the policy; without levels the worker pursues the task goal.
            worker: the policy.
            seed: seed of the run, for exploration noise.
        """
        self.worker = worker
        self.renew: Callable[[int], Worker] | None = None
        """Asked for the policy at the first subgoal of every episode, given the version that the subgoal carries; of a
        flat policy at the first observation, given its own."""
        self.dropped: Counter[str] = Counter()
        self.recall = Recall()
        """What a recurrent policy remembers."""
        self._spec, self._seed = spec, seed
        self._spaces = tuple(GoalSpace(spec, level) for level in hierarchy.levels)
        self._observation: Observation | None = None
        self._answered = True
        self._positions: list[Vector] = []
        """Goal-space part of the observation, by level."""
        self._segments: list[RunningSegment | None] = [None] * len(self._spaces)
        self._early = [EarlySubgoals() for _ in self._spaces]
        self._outbox: list[WorkerMessage] = []
        self._oldest = (0, 0)
        """Episode and step that a predecessor has answered: observations before are late copies."""

    @property
    def waiting_for(self) -> str:
        """The peer whose message is missing: ``simulator``, or the highest manager that owes a subgoal."""
        observation = self._observation
        if observation is not None and observation.last:
            owing = [level for level, segment in enumerate(self._segments) if segment is None]
        else:
            owing = [level for level in range(len(self._segments)) if not self._answered and not self._in_force(level)]
        return manager_name(max(owing)) if owing else "simulator"

    def standing(self) -> list[Subgoal]:
        """What a successor has to know besides the last words: the subgoals under which they were said."""
        kept = [s for s in self._segments if s and (s.result is None or self._reported(s.result))]
        return [message for segment in kept for message in segment.messages()]

    def restore(self, said: Sequence[Subgoal | WorkerMessage]) -> None:
        """Go on after a predecessor.

        Args:
            said: what was ``standing`` when it spoke last, then its words.
        """
        for message in said:
            segment = self._segments[message.level] if isinstance(message, Subgoal | SubgoalResult) else None
            if isinstance(message, Subgoal):
                if segment is not None:
                    segment.go_on(message.seq, message.step)
                else:
                    self._segments[message.level] = RunningSegment(message, message.seq, message.step, whole=True)
                continue
            self._oldest = max(self._oldest, (message.episode, message.step))
            if isinstance(message, SubgoalResult) and segment is not None and segment.subgoal.seq == message.seq:
                segment.result = message

    def _follow_predecessor(self) -> None:
        segment = self._segments[WORKER_LEVEL] if self._segments else None
        if segment is not None and self.renew is not None:
            self.worker = self.renew(segment.subgoal.policy_version)

    def on_observation(self, observation: Observation) -> list[WorkerMessage]:
        """Take an observation; a repeated one is answered with the same messages again.

        What the managers have not answered is said again with every observation: real time does not stop for it.

        Raises:
            InvalidDataError: it has the wrong size or holds a non-finite number.
        """
        current = self._observation
        if current is not None and observation.key == current.key:
            self.dropped["duplicate"] += 1
            return self.resend()
        if observation.key < (self._oldest if current is None else current.key):
            self.dropped["old"] += 1
            return []
        self._spec.check_state(observation.state)
        self._spec.check_goal(observation.desired_goal, "desired_goal")
        if current is not None and observation.episode != current.episode:
            self._outbox = []
            self._abandon(current)
        elif current is None and observation.episode != self._oldest[0]:
            self._segments = [None] * len(self._segments)
        else:
            if current is None:
                self._follow_predecessor()
            self._outbox = [m for s in self._segments if s and s.result for m in self._said(s.result)]
        self._observation, self._answered = observation, observation.last
        if not self._spaces and observation.first and self.renew is not None:
            self.worker = self.renew(self.worker.version)
        self._positions = self._located(observation)
        for segment, place in zip(self._segments, self._positions, strict=True):
            if segment is not None:
                segment.account(observation, place, DISCOUNT)
        if any(self._early):
            # Before it is taken: a subgoal that came ahead of its observation does not change why another one ends.
            self._end_what_is_over(observation)
        # From the top down: a subgoal is held against the one that it serves.
        for level in reversed(range(len(self._early))):
            for subgoal in self._early[level].take(observation):
                self._take(subgoal)
        self._advance()
        return self.resend()

    def on_subgoal(self, subgoal: Subgoal) -> list[WorkerMessage]:
        """Take a subgoal of any level; an early one is held, an old one dropped.

        Raises:
            InvalidDataError: its value has the wrong size or holds a non-finite number, or its number is impossible.
        """
        if subgoal.level >= len(self._spaces):
            return []
        check_subgoal(self._spaces[subgoal.level], subgoal)
        before = len(self._outbox)
        self._take(subgoal)
        self._advance()
        return self._outbox[before:]

    def act_on_held(self) -> list[WorkerMessage]:
        """Act on the ended subgoal because the manager is late (real time); silent once it has expired.

        That is after two horizons, or after ``HELD`` steps where it ends by itself, whenever that is.
        The action is new and the policy's, as the environment will say of it: HOLD is one applied before.
        """
        segment, observation = self._segments[WORKER_LEVEL] if self._segments else None, self._observation
        if self._answered or segment is None or observation is None:
            return []
        horizon = segment.subgoal.horizon or self._spaces[WORKER_LEVEL].level.horizon
        begun = segment.subgoal.step if horizon or segment.result is None else segment.result.step
        expired = observation.step - begun > (2 * horizon or HELD)
        return [] if expired else [self._act(observation, segment)]

    def resend(self) -> list[WorkerMessage]:
        """What a peer that lost messages or has just appeared needs to go on, and what is lacking here."""
        return [*self._outbox, *self._requests()]

    def _requests(self) -> list[WorkerMessage]:
        """Ask for subgoals that were chosen before this worker was there; the first ones come without asking."""
        observation = self._observation
        if observation is None or observation.first:
            return []
        return [request_for(level, observation) for level, segment in enumerate(self._segments) if segment is None]

    def _take(self, subgoal: Subgoal) -> None:
        """Put a subgoal in force, hold it, or drop it."""
        observation, level = self._observation, subgoal.level
        segment = self._segments[level]
        if observation is None or (subgoal.episode, subgoal.step) > observation.key:
            self._early[level].hold(subgoal)
            return
        if subgoal.episode < observation.episode or (segment and subgoal.seq <= segment.subgoal.seq):
            self.dropped["old"] += 1
            return
        if subgoal.kind == SubgoalKind.CONTINUE:
            if segment is not None and not segment.ended:
                segment.go_on(subgoal.seq, subgoal.step)
            return
        if segment is not None and not segment.ended:
            self._end(level, observation, End(SegmentEnd.PREEMPTED, level))
        if segment is None and level == WORKER_LEVEL and self.renew is not None:
            self.worker = self.renew(subgoal.policy_version)
            self._positions = self._located(observation)
        self._segments[level] = RunningSegment.of(subgoal, observation)

    def _advance(self) -> None:
        """End the segments that are over, then act if valid subgoals of all levels are in hand."""
        observation = self._observation
        if observation is None:
            return
        self._end_what_is_over(observation)
        if not self._answered and all(self._in_force(level) for level in range(len(self._segments))):
            segment = self._segments[WORKER_LEVEL] if self._segments else None
            self._outbox.append(self._act(observation, segment))

    def _located(self, observation: Observation) -> list[Vector]:
        """Goal-space part of an observation, by level."""
        return [position(space, observation.state, self.worker) for space in self._spaces]

    def _end_what_is_over(self, observation: Observation) -> None:
        self._end_orphans(observation)
        for level, end in segment_ends(self._judged(observation), observation).items():
            self._end(level, observation, end)

    def _end_orphans(self, observation: Observation) -> None:
        """End what serves a subgoal that has ended or been replaced: a worker just started may hear of that first."""
        for level in reversed(range(len(self._segments) - 1)):
            parent, segment = self._segments[level + 1], self._segments[level]
            if parent is None or segment is None:
                continue
            replaced = segment.subgoal.parent_seq < parent.first_seq
            overruled = parent.result is not None and parent.result.end_reason not in EPISODE_ENDS
            if replaced or (overruled and parent.leads(segment)):
                highest = level + 1 if replaced or parent.result is None else parent.result.end_level
                self._end(level, observation, End(SegmentEnd.HIGHER_GOAL_REACHED, highest))

    def _judged(self, observation: Observation) -> list[OpenSegment | None]:
        """What is in force, by level, as far as all above it is known: without that nobody knows why it ends."""
        stack: list[OpenSegment | None] = [None] * len(self._segments)
        for level in reversed(range(len(self._segments))):
            segment = self._segments[level]
            parent = self._segments[level + 1] if level + 1 < len(self._segments) else None
            ahead = segment and parent and segment.subgoal.parent_seq > parent.subgoal.seq
            if segment is None or (ahead and not observation.last):
                break
            stack[level] = self._open(level, observation)
        return stack

    def _open(self, level: int, observation: Observation) -> OpenSegment | None:
        segment = self._segments[level]
        if segment is None or segment.ended:
            return None
        child = self._segments[level - 1] if level else None
        # By the child's own word, which outlives the process that has counted.
        attempts = child.subgoal.attempt + child.ended if child is not None and segment.leads(child) else 0
        return OpenSegment(segment.subgoal, self._positions[level], attempts, self._terminates(segment, observation))

    def _terminates(self, segment: RunningSegment, observation: Observation) -> bool:
        """Whether the worker wants to end its segment: asked at observations later than the choice."""
        subgoal = segment.subgoal
        if not subgoal.worker_may_terminate or observation.last or observation.step <= subgoal.step:
            return False
        draws = self._draws(Purpose.TERMINATION, observation, segment)
        return self.worker.terminates(observation.state, self._assignment(observation, segment), draws)

    def _in_force(self, level: int) -> bool:
        """Whether the level's subgoal is valid for the present step and serves the one above."""
        segment, observation = self._segments[level], self._observation
        if segment is None or segment.ended or observation is None:
            return False
        if self._spaces[level].level.cadence == "every_step" and segment.confirmed_step != observation.step:
            return False
        parent = self._segments[level + 1] if level + 1 < len(self._segments) else None
        return parent is None or parent.leads(segment)

    def _draws(self, purpose: Purpose, observation: Observation, segment: RunningSegment | None) -> Draws:
        tested = segment is not None and segment.subgoal.test
        explore = observation.mode == Mode.TRAIN and not tested
        return Draws(self._seed, purpose, WORKER_LEVEL, *observation.key, explore)

    def _assignment(self, observation: Observation, segment: RunningSegment | None) -> Assignment:
        if segment is None:
            return Assignment(to_float32(observation.desired_goal))
        return assignment(segment.subgoal, self._positions[WORKER_LEVEL])

    def _act(self, observation: Observation, segment: RunningSegment | None) -> Action:
        draws = self._draws(Purpose.ACTION, observation, segment)
        subgoal = None if segment is None else segment.subgoal
        choice = self.recall.act(self.worker, observation, subgoal, self._assignment(observation, segment), draws)
        self._spec.check_action(choice.value, "action of the worker")
        self._answered = True
        return action_for(observation, choice, 0 if subgoal is None else subgoal.seq, self.worker.version)

    def _end(self, level: int, observation: Observation, end: End) -> None:
        segment = self._segments[level]
        if segment is None or segment.ended:
            return
        achieved = self._located(observation)[level]
        self._outbox += self._said(segment.end(observation, end, achieved, self._path(level)))

    def _said(self, result: SubgoalResult) -> list[SubgoalResult]:
        """The end of a segment as it is said."""
        return [result] if self._reported(result) else []

    def _reported(self, result: SubgoalResult) -> bool:
        """Whether the end of a segment is said: where there is a new one at every step, only the episode's is."""
        return self._spaces[result.level].level.reports_each or result.end_reason in EPISODE_ENDS

    def _path(self, level: int) -> tuple[str, ...]:
        """Names of the skills in control down to a level, outermost first."""
        open_ones = [self._segments[k] for k in reversed(range(level, len(self._segments)))]
        chosen = [segment.subgoal for segment in open_ones if segment is not None]
        return tuple(self._spaces[s.level].level.skills[s.skill_id] for s in chosen if s.kind == SubgoalKind.SKILL)

    def _abandon(self, last: Observation) -> None:
        """A new episode begins: close what was open in the old one at its last observation."""
        for level in range(len(self._segments)):
            self._end(level, last, End(SegmentEnd.TRUNCATED, len(self._segments) - 1))
        self._segments = [None] * len(self._segments)
