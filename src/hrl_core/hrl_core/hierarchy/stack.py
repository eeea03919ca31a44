"""A whole hierarchy in one process: the same sessions as the nodes, wired by function calls instead of DDS."""

from collections import deque
from collections.abc import Sequence

from hrl_core.hierarchy.manager_session import ManagerMessage, ManagerSession
from hrl_core.hierarchy.worker_messages import WorkerMessage
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import Observation, Subgoal, SubgoalRequest, SubgoalResult

Message = ManagerMessage | WorkerMessage


class Hierarchy:
    """A worker and the managers above it, kept over the episodes of a run."""

    def __init__(self, worker: WorkerSession, managers: Sequence[ManagerSession] = ()) -> None:
        """Wire them; ``managers`` by level, none for a flat policy, one for a tree."""
        self.worker, self.managers = worker, tuple(managers)

    def answer(self, observation: Observation) -> list[Message]:
        """Everything that is said at an observation, in order; the last of it is the action, if one is due."""
        said: list[Message] = []
        waiting: deque[Message] = deque(self.worker.on_observation(observation))
        for manager in reversed(self.managers):
            waiting += manager.on_observation(observation)
        while waiting:
            said.append(waiting.popleft())
            waiting += self._hand_on(said[-1])
        return said

    def _hand_on(self, message: Message) -> list[Message]:
        """What those answer who hear a message."""
        if isinstance(message, Subgoal):
            below = self._manager(message.level - 1).on_parent(message) if message.level else []
            return [*below, *self.worker.on_subgoal(message)]
        if isinstance(message, SubgoalResult):
            return list(self._manager(message.level).on_result(message))
        if isinstance(message, SubgoalRequest):
            return list(self._manager(message.level).on_request(message))
        return []

    def _manager(self, level: int) -> ManagerSession:
        """Who chooses the subgoals of a level: of a tree one for all."""
        return self.managers[min(level, len(self.managers) - 1)]
