"""The manager's side of the barrier: observations and segment results become subgoals.

It keeps nothing that a restart would lose but its last subgoal, which ``restore`` gives back: the next seq follows from
the worker's result.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np

from hrl_core.hierarchy.exploration import HeldSubgoals
from hrl_core.hierarchy.policies import Manager, SubgoalChoice
from hrl_core.hierarchy.spec import KINDS, GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import check_number, same_goal
from hrl_core.messages import (
    EPISODE_ENDS,
    NAN,
    NO_VECTOR,
    WORKER_LEVEL,
    HorizonUnit,
    Mode,
    Observation,
    Subgoal,
    SubgoalKind,
    SubgoalRequest,
    SubgoalResult,
)
from hrl_core.randomness import Purpose, step_generator
from hrl_core.task.spec import TaskSpec


class ManagerSession:
    """Answers the first observation of an episode and every segment result with the next subgoal."""

    def __init__(self, spec: TaskSpec, hierarchy: HierarchySpec, manager: Manager, seed: int) -> None:
        """Start without observation.

        Args:
            spec: the task.
            hierarchy: of the policy.
            manager: the policy.
            seed: seed of the run, for exploration noise.
        """
        self.manager = manager
        self.renew: Callable[[], Manager] | None = None
        """Asked for the policy at the first observation of every episode."""
        self.dropped: Counter[str] = Counter()
        self.remembers = True
        """Whether a subgoal that ``restore`` has not been given has never been."""
        self._spec, self._seed = spec, seed
        self._level = hierarchy.levels[WORKER_LEVEL]
        self._space = GoalSpace(spec, self._level)
        self._held = HeldSubgoals(seed, self._space.low, self._space.high)
        self._every_step = self._level.cadence == "every_step"
        self._observation: Observation | None = None
        self._subgoal: Subgoal | None = None
        self._result: SubgoalResult | None = None
        self._request: SubgoalRequest | None = None
        self._outbox: list[Subgoal] = []
        self._ahead: tuple[Observation, SubgoalChoice] | None = None

    def restore(self, last: Subgoal) -> None:
        """Go on after a predecessor, whose last subgoal (other than CONTINUE) is given.

        The worker mostly has it; one that was killed as well has nobody else to get it from.
        """
        self._subgoal, self._outbox = last, [last]

    def on_observation(self, observation: Observation) -> list[Subgoal]:
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
        if observation.first:
            if self.renew is not None:
                self.manager = self.renew()
            return self._choose(observation, seq=0)
        if self._every_step:
            return self._tick(observation)
        return self._answer() or self._meet_request()

    def on_result(self, result: SubgoalResult) -> list[Subgoal]:
        """Take the worker's word that a segment ended; a repeated one is answered with the same subgoal again.

        Raises:
            InvalidDataError: its number is impossible.
        """
        if result.level != WORKER_LEVEL:
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

    def on_request(self, request: SubgoalRequest) -> list[Subgoal]:
        """Say the subgoal in force again to a worker that lacks it; choose one where there has been none."""
        if request.level != WORKER_LEVEL:
            return []
        self._request = request
        return self._meet_request()

    def choose_ahead(self) -> None:
        """Choose already while the worker's word on a segment that is about to end is still on its way."""
        observation, subgoal = self._observation, self._subgoal
        if observation is None or subgoal is None or observation.last or observation.episode != subgoal.episode:
            return
        if self._ahead is None and observation.step - subgoal.step >= subgoal.horizon > 0:
            self._ahead = (observation, self._select(observation))

    def resend(self) -> list[Subgoal]:
        """What a peer that lost messages or has just appeared needs to go on."""
        return list(self._outbox)

    def _answer(self) -> list[Subgoal]:
        """Choose the next subgoal once both the result and an observation of its step are in hand."""
        observation, result = self._observation, self._result
        if observation is None or result is None or observation.last or result.end_reason in EPISODE_ENDS:
            return []
        if result.episode != observation.episode or result.step > observation.step:
            return []
        if self._has_answered(result):
            return []
        return self._choose(observation, result.seq + 1)

    def _meet_request(self) -> list[Subgoal]:
        """Answer the worker's request once an observation of its step is in hand."""
        request, observation, subgoal = self._request, self._observation, self._subgoal
        if request is None:
            return []
        if subgoal is not None and subgoal.episode == request.episode:
            self._request = None
            return list(self._outbox)
        if observation is None or observation.key < (request.episode, request.step):
            return []
        self._request = None
        if observation.episode != request.episode or observation.last:
            return []
        # Nobody was there when the episode began. Where that is not certain, no number may be taken twice.
        return self._choose(observation, 0 if self.remembers else observation.step)

    def _has_answered(self, result: SubgoalResult) -> bool:
        subgoal = self._subgoal
        return subgoal is not None and (subgoal.episode, subgoal.seq) > (result.episode, result.seq)

    def _tick(self, observation: Observation) -> list[Subgoal]:
        """Cadence every_step: a new subgoal every period and on a change of goal, CONTINUE in between."""
        last, period = self._subgoal, self._level.horizon
        if last is None or last.episode != observation.episode:
            return self._choose(observation, observation.step)
        # By the last subgoal, not by the step alone: real time does not wait for a manager that is away.
        if last.step // period < observation.step // period:
            return self._choose(observation, observation.step)
        if not same_goal(last.task_goal, observation.desired_goal):
            return self._choose(observation, observation.step)
        subgoal = self._message(observation, observation.step, SubgoalKind.CONTINUE, NO_VECTOR, True)
        # The subgoal in force goes along for a worker that has just started.
        self._outbox = [*self._outbox[:1], subgoal]
        return [subgoal]

    def _choose(self, observation: Observation, seq: int) -> list[Subgoal]:
        ahead, self._ahead = self._ahead, None
        choice = ahead[1] if ahead is not None and ahead[0] is observation else self._select(observation)
        deterministic = observation.mode != Mode.TRAIN
        subgoal = self._message(observation, seq, KINDS[self._level.kind], choice.value, deterministic)._replace(
            log_probability=choice.log_probability, value_estimate=choice.value_estimate
        )
        self._subgoal = subgoal
        self._outbox = [subgoal]
        return [subgoal]

    def _select(self, observation: Observation) -> SubgoalChoice:
        explore = observation.mode == Mode.TRAIN
        noise = step_generator(self._seed, Purpose.SUBGOAL, WORKER_LEVEL, *observation.key) if explore else None
        choice = self.manager.select(observation.state, observation.desired_goal, noise)
        if explore:
            decision = observation.step // self._level.horizon
            held = self._held.at(observation.episode, decision, self.manager.held)
            choice = choice if held is None else SubgoalChoice(held)
        self._space.check(choice.value, "subgoal of the manager")
        return choice

    def _message(
        self, observation: Observation, seq: int, kind: SubgoalKind, value: np.ndarray, deterministic: bool
    ) -> Subgoal:
        return Subgoal(
            stamp=observation.stamp,
            frame=observation.frame,
            run=observation.run,
            robot=observation.robot,
            episode=observation.episode,
            step=observation.step,
            seq=seq,
            parent_seq=-1,
            level=WORKER_LEVEL,
            kind=kind,
            value=value,
            anchor=observation.state[self._space.indices],
            skill_id=-1,
            num_skills=0,
            space=self._level.space,
            task_goal=observation.desired_goal,
            horizon=self._level.horizon,
            horizon_unit=HorizonUnit.STEPS,
            tolerance=NO_VECTOR,
            end_when_achieved=False,
            worker_may_terminate=False,
            test=False,
            deterministic=deterministic,
            log_probability=NAN,
            value_estimate=NAN,
            policy_version=self.manager.version,
            # Its parent is the task goal; a count of its own would not survive a restart.
            attempt=observation.step // self._spec.subgoal.period if self._every_step else seq,
        )
