"""Manager node: observation and segment results in, subgoals out."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hrl_core.checkpoint import Checkpoint
from hrl_core.manager_session import ManagerSession
from hrl_core.policies import Manager
from hrl_core.policy_loading import MANAGER
from hrl_core.types import Observation, Subgoal, SubgoalKind
from hrl_manager.memory import SubgoalMemory
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.node import RawPublisher
from hrl_ros.parameters import parameter
from hrl_ros.policy_node import PolicyNode, PolicyParameters
from hrl_ros.running import main_of


@dataclass(frozen=True)
class ManagerParameters(PolicyParameters):
    """What the manager takes."""

    memory: str = parameter("", "file that keeps the last subgoal for a manager that is started again; empty: none")


class ManagerNode(PolicyNode[Manager]):
    """Answers the first observation of an episode and every segment result with the next subgoal."""

    level = MANAGER
    niceness = 5
    parameters_kind = ManagerParameters
    _session: ManagerSession | None = None

    def __init__(self) -> None:
        """Name the node."""
        super().__init__("manager")

    def build(self, checkpoint: Checkpoint) -> Manager:
        """Make the manager and run it once."""
        manager: Manager = checkpoint.manager()
        task = checkpoint.task
        choice = manager.select(np.zeros(len(task.observation)), np.zeros(len(task.goal)), None)
        task.check_subgoal(choice.value, "subgoal of the new manager")
        return manager

    def use(self, policy: Manager) -> None:
        """Take the policy to go live with."""
        if self._session is not None:
            self._session.manager = policy

    def outputs(self) -> list[RawPublisher]:
        """Create the publisher and the result subscription."""
        path = self.read_parameters(ManagerParameters).memory
        self._memory = SubgoalMemory(Path(path) if path else None, self.get_logger())
        self._results = self.health.stream(topics.SUBGOAL_RESULT)
        self._subgoals = self.publish_raw(msg.Subgoal, topics.SUBGOAL, qos.lockstep())
        self.subscribe_raw(msg.SubgoalResult, topics.SUBGOAL_RESULT, self._on_result, qos.lockstep())
        return [self._subgoals]

    def begin(self, info: msg.RunInfo) -> None:
        """Start the session."""
        self._session = ManagerSession(self.task, self.policy, info.seed)
        self._session.renew = self.reload.begin_episode
        last = self._memory.recall(info.run)
        if last is not None:
            self._session.restore(last)

    def observe(self, observation: Observation) -> None:
        """Answer with a subgoal when one is due."""
        if self._session is not None:
            self._answer(self._session.on_observation(observation), self._observations.last)
            self._session.choose_ahead()

    def resend(self) -> None:
        """Send the last subgoal again."""
        if self._session is not None:
            self._send(self._session.resend())

    def teardown(self) -> None:
        """Leave nothing behind that only a restart needs."""
        super().teardown()
        if hasattr(self, "_memory"):
            self._memory.forget()

    def waiting_for(self) -> str | None:
        """Between observations and results the worker has the word, and the simulator through it."""
        return "the worker or the simulator" if self._session else None

    def _on_result(self, data: bytes) -> None:
        self._results.received()
        result = messages.SUBGOAL_RESULT.decode(data)
        if self._session is None or not self.belongs(result.run):
            return
        self.heard(topics.SUBGOAL_RESULT, (result.episode, result.seq))
        self._answer(self._session.on_result(result), self._results.last)

    def _answer(self, subgoals: list[Subgoal], asked_at: float) -> None:
        """Send the subgoals that a message has led to, if any; ``asked_at`` is when it came [s, steady time]."""
        self._send(subgoals)
        if subgoals:
            self.health.took(time.monotonic() - asked_at)

    def _send(self, subgoals: list[Subgoal]) -> None:
        for subgoal in subgoals:
            data = messages.SUBGOAL.encode(subgoal)
            self._subgoals.publish(data)
            if subgoal.kind != SubgoalKind.CONTINUE:
                # After it has left: nobody waits for the disk.
                self._memory.keep(data)


main = main_of(ManagerNode)
