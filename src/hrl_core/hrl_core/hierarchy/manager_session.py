"""The manager's side of the barrier: observations and segment results become subgoals.

It keeps nothing that a restart would lose but its last subgoal, which ``restore`` gives back: the next seq follows from
the worker's result.
"""

from collections import Counter
from collections.abc import Callable

from hrl_core.hierarchy.chooser import Chooser, Decision
from hrl_core.hierarchy.embedded_policies import position
from hrl_core.hierarchy.policies import Manager
from hrl_core.hierarchy.recall import Recall
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.subgoal_messages import SubgoalMessages, request_for
from hrl_core.hierarchy.subgoals import check_number, check_subgoal, same_goal
from hrl_core.messages import (
    EPISODE_ENDS,
    WORKER_LEVEL,
    Observation,
    Subgoal,
    SubgoalKind,
    SubgoalRequest,
    SubgoalResult,
    Vector,
)
from hrl_core.task.spec import TaskSpec

ManagerMessage = Subgoal | SubgoalRequest


class ManagerSession:
    """Answers the first observation of an episode and every segment result with the next subgoal."""

    def __init__(
        self, spec: TaskSpec, hierarchy: HierarchySpec, manager: Manager, seed: int, level: int = WORKER_LEVEL
    ) -> None:
        """Start without observation.

        Args:
            spec: the task.
            hierarchy: of the policy.
            manager: the policy.
            seed: seed of the run, for exploration noise.
            level: of the subgoals that it chooses.
        """
        self.manager = manager
        self.renew: Callable[[int], Manager] | None = None
        """Asked for the policy before the first choice of every episode, with the version of what acts above.

        Of the topmost manager that is its own; it alone decides that another policy acts from now on."""
        self.dropped: Counter[str] = Counter()
        self.recall = Recall()
        """What a recurrent policy remembers."""
        self.remembers = True
        """Whether a subgoal that ``restore`` has not been given has never been."""
        self.level = level
        self._spec, self._horizon = spec, hierarchy.levels[level].horizon
        self._every_step = hierarchy.levels[level].cadence == "every_step"
        self._chooser = Chooser(spec, hierarchy, seed, level, self.recall)
        self._messages = SubgoalMessages(self._chooser.space, level)
        self._parent: Subgoal | None = None
        self._observation: Observation | None = None
        self._subgoal: Subgoal | None = None
        self._result: SubgoalResult | None = None
        self._request: SubgoalRequest | None = None
        self._outbox: list[Subgoal] = []

    def restore(self, last: Subgoal, *others: Subgoal) -> None:
        """Go on after a predecessor, whose last subgoal (other than CONTINUE) is given, and what it said with it.

        The worker mostly has it; one that was killed as well has nobody else to get it from.
        """
        del others
        self._subgoal, self._outbox = last, [last]

    def on_observation(self, observation: Observation) -> list[ManagerMessage]:
        """Take an observation; a repeated one is answered with the same subgoal again.

        Raises:
            InvalidDataError: it has the wrong size or holds a non-finite number.
        """
        current = self._observation
        if current is not None and observation.key <= current.key:
            self.dropped["duplicate" if observation.key == current.key else "old"] += 1
            return list(self._outbox) if observation.key == current.key else []
        last = self._subgoal
        if last is not None and observation.key < (last.episode, last.step):
            # A late copy from before the predecessor's last subgoal, which must not be lost to an older one.
            self.dropped["old"] += 1
            return []
        self._spec.check_state(observation.state)
        self._spec.check_goal(observation.desired_goal, "desired_goal")
        self._observation = observation
        if observation.last:
            return []
        if last is not None and observation.key == (last.episode, last.step):
            return list(self._outbox)  # A predecessor has chosen for it.
        return self._go_on()

    def on_parent(self, subgoal: Subgoal) -> list[ManagerMessage]:
        """Take a subgoal of the level above, which those chosen from now on serve.

        Raises:
            InvalidDataError: its value has the wrong size or holds a non-finite number, or its number is impossible.
        """
        if self._chooser.above is None or subgoal.level != self.level + 1:
            return []
        check_subgoal(self._chooser.above, subgoal)
        known = self._parent
        if known is not None and (subgoal.episode, subgoal.seq) <= (known.episode, known.seq):
            self.dropped["duplicate" if subgoal.seq == known.seq else "old"] += 1
            return []
        if subgoal.kind != SubgoalKind.CONTINUE:
            self._parent = subgoal
        return self._go_on()

    def on_result(self, result: SubgoalResult) -> list[ManagerMessage]:
        """Take the worker's word that a segment ended; a repeated one is answered with the same subgoal again.

        Raises:
            InvalidDataError: its number is impossible.
        """
        if result.level != self.level:
            return []
        check_number(result.seq, result.step, "subgoal result")
        known = self._result
        if known is not None and (result.episode, result.seq) <= (known.episode, known.seq):
            self.dropped["duplicate" if result.seq == known.seq else "old"] += 1
            return list(self._outbox)
        self._result = result
        if self._every_step:
            return []
        # A predecessor's answer may never have left it.
        return list(self._outbox) if self._has_answered(result) else self._answer()

    def on_request(self, request: SubgoalRequest) -> list[ManagerMessage]:
        """Say the subgoal in force again to a worker that lacks it; choose one where there has been none."""
        if request.level != self.level:
            return []
        self._request = request
        return self._meet_request()

    def choose_ahead(self) -> None:
        """Choose already while the worker's word on a segment that is about to end is still on its way."""
        observation, subgoal = self._observation, self._subgoal
        if observation is None or subgoal is None or observation.last or observation.episode != subgoal.episode:
            return
        if observation.step - subgoal.step >= subgoal.horizon > 0:
            self._chooser.choose_ahead(self.manager, observation)

    def resend(self) -> list[Subgoal]:
        """What a peer that lost messages or has just appeared needs to go on."""
        return list(self._outbox)

    def _go_on(self) -> list[ManagerMessage]:
        """Choose if that is due and possible, with what has come."""
        observation, last = self._observation, self._subgoal
        if observation is None or observation.last:
            return []
        if observation.first and (last is None or last.episode < observation.episode):
            return self._choose(observation, seq=0) if self._knows_parent(observation) else []
        answer = self._tick(observation) if self._every_step else self._answer() or self._meet_request()
        return answer or self._ask(observation)

    def _ask(self, observation: Observation) -> list[ManagerMessage]:
        """Ask for the subgoal of the level above that was chosen before this manager was there."""
        if observation.first or self._knows_parent(observation):
            return []
        return [request_for(self.level + 1, observation)]

    def _knows_parent(self, observation: Observation, result: SubgoalResult | None = None) -> bool:
        """Whether the subgoal to be served is known; ``result`` is the end of the one that served last."""
        parent, last = self._parent, self._subgoal
        if self._chooser.above is None:
            return True
        if parent is None or parent.episode != observation.episode or parent.step > observation.step:
            return False
        if result is not None and result.end_level > self.level:
            return parent.step >= result.step  # The segment above ended as well: what follows there.
        return last is None or last.episode != observation.episode or parent.seq >= last.parent_seq

    def _answer(self) -> list[ManagerMessage]:
        """Choose the next subgoal once both the result and an observation of its step are in hand."""
        observation, result = self._observation, self._result
        if observation is None or result is None or observation.last or result.end_reason in EPISODE_ENDS:
            return []
        if result.episode != observation.episode or result.step > observation.step:
            return []
        if self._has_answered(result) or not self._knows_parent(observation, result):
            return []
        return self._choose(observation, result.seq + 1)

    def _meet_request(self) -> list[ManagerMessage]:
        """Answer the worker's request once an observation of its step is in hand."""
        request, observation, subgoal = self._request, self._observation, self._subgoal
        if request is None:
            return []
        if subgoal is not None and subgoal.episode == request.episode:
            self._request = None
            return list(self._outbox)
        if observation is None or observation.key < (request.episode, request.step):
            return []
        if observation.episode != request.episode or observation.last:
            self._request = None
            return []
        if not self._knows_parent(observation):
            return []
        self._request = None
        # Nobody was there when the episode began. Where that is not certain, no number may be taken twice.
        return self._choose(observation, 0 if self.remembers else observation.step)

    def _has_answered(self, result: SubgoalResult) -> bool:
        subgoal = self._subgoal
        return subgoal is not None and (subgoal.episode, subgoal.seq) > (result.episode, result.seq)

    def _tick(self, observation: Observation) -> list[ManagerMessage]:
        """Cadence every_step: a new subgoal every period and on a change of goal, CONTINUE in between."""
        last, period = self._subgoal, self._horizon
        if not self._knows_parent(observation):
            return []
        if last is None or last.episode != observation.episode:
            return self._choose(observation, observation.step)
        # By the last subgoal, not by the step alone: real time does not wait for a manager that is away.
        if last.step // period < observation.step // period:
            return self._choose(observation, observation.step)
        if not same_goal(last.task_goal, observation.desired_goal):
            return self._choose(observation, observation.step)
        subgoal = self._messages.going_on(observation, self._anchor(observation), last, self.manager.version)
        # The subgoal in force goes along for a worker that has just started.
        self._outbox = [*self._outbox[:1], subgoal]
        return [subgoal]

    def _choose(self, observation: Observation, seq: int) -> list[ManagerMessage]:
        self._follow(observation)
        self._outbox = self._said(observation, self._chooser.choose(self.manager, observation, self._parent), seq)
        self._subgoal = self._outbox[0]
        return list(self._outbox)

    def _follow(self, observation: Observation) -> None:
        """Take the policy of an episode that is new here: who leads at its first observation, others from above."""
        last = self._subgoal
        if self.renew is None or (last is not None and last.episode == observation.episode):
            return
        if self._parent is not None:
            self.manager = self.renew(self._parent.policy_version)
        elif observation.first:
            self.manager = self.renew(self.manager.version)

    def _said(self, observation: Observation, chosen: Decision, seq: int) -> list[Subgoal]:
        """A decision as it is said."""
        return [
            self._messages.decision(
                observation,
                self._anchor(observation),
                self._parent,
                chosen.choice,
                seq=seq,
                attempt=self._attempt(seq, observation.step),
                deterministic=chosen.deterministic,
                version=self.manager.version,
            )
        ]

    def _anchor(self, observation: Observation) -> Vector:
        return position(self._chooser.space, observation.state, self.manager)

    def _attempt(self, seq: int, step: int) -> int:
        """Number of a subgoal among those that serve the same parent; it survives a restart with the last one."""
        if self._parent is None:
            # The task goal's: a count of its own would not survive.
            return step // self._horizon if self._every_step else seq
        last = self._subgoal
        same = last is not None and (last.episode, last.parent_seq) == (self._parent.episode, self._parent.seq)
        return last.attempt + 1 if last is not None and same else 0
