"""What a manager chooses at an observation; when it is asked is its session's affair."""

from typing import NamedTuple

from hrl_core.hierarchy.exploration import HeldSubgoals
from hrl_core.hierarchy.policies import Manager, SubgoalChoice
from hrl_core.hierarchy.recall import Recall
from hrl_core.hierarchy.recurrent_policies import RecurrentManager
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import Assignment, assignment, check_choice, to_float32
from hrl_core.messages import Mode, Observation, Subgoal
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.spec import TaskSpec


class Decision(NamedTuple):
    """What has been chosen."""

    choice: SubgoalChoice
    deterministic: bool
    """Whether it could not have come out otherwise."""


class Chooser:
    """Has the manager of a level choose by what it sees and serves, and explore where that is due."""

    def __init__(self, spec: TaskSpec, hierarchy: HierarchySpec, seed: int, level: int, recall: Recall) -> None:
        """Start before the first episode.

        Args:
            spec: the task.
            hierarchy: of the policy.
            seed: seed of the run, for exploration noise.
            level: of the subgoals that are chosen.
            recall: what a recurrent policy remembers.
        """
        self._seed, self._number, self._level, self._recall = seed, level, hierarchy.levels[level], recall
        self.space = GoalSpace(spec, self._level)
        """Where the subgoals lie that are chosen."""
        above = hierarchy.levels[level + 1 : level + 2]
        self.above = GoalSpace(spec, above[0]) if above else None
        """Where those lie that are served; None: the task goal is."""
        self._held = HeldSubgoals(seed, self.space.low, self.space.high, level)
        self._ahead: tuple[Observation, Decision] | None = None

    def choose(self, manager: Manager, observation: Observation, parent: Subgoal | None) -> Decision:
        """Have a manager choose.

        Args:
            manager: the policy.
            observation: what it chooses at.
            parent: subgoal of the level above that is served, if there is one.

        Raises:
            InvalidDataError: what it has chosen is no subgoal of its level, or it lacks a memory of the steps before.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] is observation:
            return ahead[1]
        return self._decide(manager, observation, parent)

    def choose_ahead(self, manager: Manager, observation: Observation) -> None:
        """Have it choose already, for ``choose`` at the same observation, where nothing can change the choice."""
        if self.above is not None or isinstance(manager, RecurrentManager):
            return  # What is to be served may change until then; what is remembered would with a choice never said.
        if self._ahead is None:
            self._ahead = observation, self._decide(manager, observation, None)

    def _decide(self, manager: Manager, observation: Observation, parent: Subgoal | None) -> Decision:
        explore = observation.mode == Mode.TRAIN and not (parent is not None and parent.test)
        draws = Draws(self._seed, Purpose.SUBGOAL, self._number, *observation.key, explore)
        choice = self._recall.select(manager, observation, self._assignment(observation, parent), draws)
        held = None
        if explore and self._level.has_target:
            decision = observation.step // self._level.horizon if self._level.horizon else 0
            held = self._held.at(observation.episode, decision, manager.held)
        if held is not None:
            choice = SubgoalChoice(held, test=choice.test)
        check_choice(self.space, choice.value, choice.skill, "the manager's subgoal")
        return Decision(choice, deterministic=held is None and not draws.used)

    def _assignment(self, observation: Observation, parent: Subgoal | None) -> Assignment:
        """The task goal, or the subgoal of the level above as it is seen from here; nothing where it is hidden."""
        if not self._level.sees_goal:
            return Assignment()
        if self.above is None or parent is None:
            return Assignment(to_float32(observation.desired_goal))
        return assignment(parent, observation.state[self.above.indices])
