"""Both sides of the barrier in a tree, whose path is one segment under several names.

The subgoals of a path are chosen at the same step, under the same number, and end with the leaf. So these are the
sessions of a single level, whose word is said for every composite on the path.
"""

from collections.abc import Sequence

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.chooser import Decision
from hrl_core.hierarchy.manager_session import ManagerSession
from hrl_core.hierarchy.policies import Manager, Worker
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoal_messages import SubgoalMessages
from hrl_core.hierarchy.subgoals import check_subgoal
from hrl_core.hierarchy.tree import Tree
from hrl_core.hierarchy.worker_messages import WorkerMessage
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import NO_VECTOR, WORKER_LEVEL, Observation, Subgoal, SubgoalResult
from hrl_core.task.spec import TaskSpec

SPACE = "tree/"
"""Of a subgoal, before the name of the composite that chose."""


def manager_session(
    spec: TaskSpec, hierarchy: HierarchySpec, manager: Manager, seed: int, level: int = WORKER_LEVEL
) -> ManagerSession:
    """The session of a manager, or of all composites of a tree; arguments as of ``ManagerSession``."""
    if hierarchy.tree is not None:
        return PathManagerSession(spec, hierarchy, hierarchy.tree, manager, seed)
    return ManagerSession(spec, hierarchy, manager, seed, level)


def worker_session(spec: TaskSpec, hierarchy: HierarchySpec, worker: Worker, seed: int) -> WorkerSession:
    """The session of a worker, or of all leaves of a tree; arguments as of ``WorkerSession``."""
    if hierarchy.tree is not None:
        return PathWorkerSession(spec, hierarchy, hierarchy.tree, worker, seed)
    return WorkerSession(spec, hierarchy, worker, seed)


class PathManagerSession(ManagerSession):
    """Answers with one subgoal for each composite on the path, the lowest, which names the leaf, first."""

    def __init__(self, spec: TaskSpec, hierarchy: HierarchySpec, tree: Tree, manager: Manager, seed: int) -> None:
        """Start without observation."""
        super().__init__(spec, HierarchySpec(hierarchy.levels[:1]), manager, seed)
        self._tree = tree
        self._of_levels = [SubgoalMessages(GoalSpace(spec, own), k) for k, own in enumerate(hierarchy.levels)]

    def restore(self, last: Subgoal, *others: Subgoal) -> None:
        """Go on after a predecessor, whose last path is given, the lowest subgoal first."""
        self._subgoal, self._outbox = last, [last, *others]

    def _said(self, observation: Observation, chosen: Decision, seq: int) -> list[Subgoal]:
        choices = [*chosen.choice.above, chosen.choice]
        names = [child_name(self._tree, len(choices) - 1 - k, choice.skill) for k, choice in enumerate(choices)]
        commit, parent, said = self._tree[names[-1]].commit, None, []
        for above, choice in zip([self._tree.root, *names], choices, strict=False):
            subgoal = self._of_levels[len(choices) - 1 - len(said)].decision(
                observation,
                NO_VECTOR,
                parent,
                choice,
                seq=seq,
                attempt=seq if parent is None else 0,
                deterministic=chosen.deterministic,
                version=self.manager.version,
            )
            parent = subgoal._replace(space=SPACE + above, horizon=commit)
            said.append(parent)
        return said[::-1]


class PathWorkerSession(WorkerSession):
    """Follows the leaf of a path once all of the path is in hand; what ends the leaf ends the path."""

    def __init__(self, spec: TaskSpec, hierarchy: HierarchySpec, tree: Tree, worker: Worker, seed: int) -> None:
        """Start without observation or subgoal."""
        super().__init__(spec, HierarchySpec(hierarchy.levels[:1]), worker, seed)
        self._tree = tree
        self._of_levels = [GoalSpace(spec, level) for level in hierarchy.levels]
        self._heard: dict[tuple[int, int], dict[int, Subgoal]] = {}
        """Subgoals by level, of every decision from the one in force on."""

    def on_subgoal(self, subgoal: Subgoal) -> list[WorkerMessage]:
        """Take a subgoal of any level; a path is followed when all of it is there.

        Raises:
            InvalidDataError: it is none of this tree.
        """
        if subgoal.level >= len(self._of_levels):
            return []
        check_subgoal(self._of_levels[subgoal.level], subgoal)
        self._require_child(subgoal)
        segment, key = self._segments[WORKER_LEVEL], _key(subgoal)
        if segment is not None:
            if key < _key(segment.subgoal):
                self.dropped["old"] += 1
                return []
            self._heard = {k: levels for k, levels in self._heard.items() if k >= _key(segment.subgoal)}
        self._heard.setdefault(key, {})[subgoal.level] = subgoal
        path = self._whole(key)
        return super().on_subgoal(path[-1]) if path else []

    def standing(self) -> list[Subgoal]:
        """What a successor has to know: the subgoals of the path in force."""
        lowest = super().standing()
        return [*(above for own in lowest for above in self._whole(_key(own))[:-1]), *lowest]

    def restore(self, said: Sequence[Subgoal | WorkerMessage]) -> None:
        """Go on after a predecessor; as ``WorkerSession.restore``."""
        for message in said:
            if isinstance(message, Subgoal):
                self._heard.setdefault(_key(message), {})[message.level] = message
        # What is said of the levels above follows from the lowest one's.
        told = (Subgoal, SubgoalResult)
        super().restore([m for m in said if not (isinstance(m, told) and m.level > WORKER_LEVEL)])

    def _said(self, result: SubgoalResult) -> list[SubgoalResult]:
        """The result of every level, the lowest one's, which says that all has been said, last."""
        path, names = self._whole((result.episode, result.seq)), result.active_path
        above = [result._replace(level=s.level, active_path=names[: len(names) - s.level]) for s in path[:-1]]
        return [*above, result]

    def _path(self, level: int) -> tuple[str, ...]:
        segment = self._segments[level]
        path = self._whole(_key(segment.subgoal)) if segment is not None else []
        return path_names(self._tree, path)

    def _whole(self, key: tuple[int, int]) -> list[Subgoal]:
        """The subgoals of a decision from the root's on; empty while one of them is missing."""
        path, heard, level = [], self._heard.get(key, {}), WORKER_LEVEL
        while level in heard:
            path.append(heard[level])
            if heard[level].parent_seq < 0:
                return path[::-1]
            level += 1
        return []

    def _require_child(self, subgoal: Subgoal) -> None:
        child = child_name(self._tree, subgoal.level, subgoal.skill_id)
        above = next((n for n in self._tree.nodes if SPACE + n.name == subgoal.space), None)
        if above is None or child not in above.children:
            raise InvalidDataError(f"subgoal: '{child}' is no child of '{subgoal.space.removeprefix(SPACE)[:40]}'")


def child_name(tree: Tree, level: int, number: int) -> str:
    """What a subgoal of a level chooses by a number: a leaf at the lowest, a composite above."""
    return tree.composites[number] if level > WORKER_LEVEL else tree.leaves[number]


def path_names(tree: Tree, path: Sequence[Subgoal]) -> tuple[str, ...]:
    """Names of the nodes in control by the subgoals of a path, the root's first."""
    return (tree.root, *(child_name(tree, subgoal.level, subgoal.skill_id) for subgoal in path))


def _key(subgoal: Subgoal) -> tuple[int, int]:
    return subgoal.episode, subgoal.seq
