"""Manager node: observation and segment results in, subgoals out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.hierarchy.manager_session import ManagerMessage, ManagerSession
from hrl_core.hierarchy.path_sessions import manager_session
from hrl_core.hierarchy.policies import Manager
from hrl_core.hierarchy.spec import manager_name
from hrl_core.hierarchy.stack import Message
from hrl_core.hierarchy.subgoals import check_choice
from hrl_core.messages import EPISODE_ENDS, Observation, Subgoal, SubgoalRequest
from hrl_core.randomness import outside_a_run
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.node import RawPublisher
from hrl_ros.parameters import parameter
from hrl_ros.policy_node import PolicyNode, PolicyParameters
from hrl_ros.running import main_of


@dataclass(frozen=True)
class ManagerParameters(PolicyParameters):
    """What a manager takes."""

    level: int = parameter(0, "level of the subgoals that it chooses: 0 feeds the worker, 1 the manager below, ...")


class ManagerNode(PolicyNode[Manager, ManagerSession]):
    """Answers the first observation of an episode and every segment result with the next subgoal of its level."""

    parameters_kind = ManagerParameters
    niceness = 5

    def __init__(self) -> None:
        """Name the node."""
        super().__init__("manager")

    def setup(self) -> None:
        """Know the level, which says who this is, before all else."""
        self._level = self.read_parameters(ManagerParameters).level
        self.party = manager_name(self._level)
        super().setup()

    def build(self, checkpoint: Checkpoint) -> Manager:
        """Make the manager and run it once."""
        manager = checkpoint.manager(self._level)
        state = np.zeros(len(checkpoint.task.observation))
        choice = manager.select(state, checkpoint.assignment(self._level), outside_a_run())
        check_choice(checkpoint.goal_space(self._level), choice.value, choice.skill, "the new manager's subgoal")
        return manager

    def use(self, policy: Manager) -> None:
        """Take the policy to go live with."""
        self.session.manager = policy

    def outputs(self) -> list[RawPublisher]:
        """Create the publisher and the subscriptions."""
        self._results = self.health.stream(topics.SUBGOAL_RESULT)
        self._subgoals = self.publish_raw(msg.Subgoal, topics.SUBGOAL, qos.lockstep())
        self.subscribe_raw(msg.SubgoalResult, topics.SUBGOAL_RESULT, self._on_result, qos.lockstep())
        self.subscribe_raw(msg.SubgoalRequest, topics.SUBGOAL_REQUEST, self._on_request, qos.event())
        if self._level + 2 < len(self.parties):
            self._requests = self.publish_raw(msg.SubgoalRequest, topics.SUBGOAL_REQUEST, qos.event())
            self.subscribe_raw(msg.Subgoal, topics.SUBGOAL, self._on_subgoal, qos.lockstep())
        return [self._subgoals]

    def begin(self, info: msg.RunInfo) -> ManagerSession:
        """Start the session."""
        session = manager_session(self.task, self.hierarchy, self.policy, info.seed, self._level)
        session.renew = self.reload.renew
        return session

    def observe(self, observation: Observation) -> None:
        """Answer with a subgoal when one is due."""
        if observation.first:
            self.health.due()
        self._answer(self.session.on_observation(observation), self._observations.last)
        self.session.choose_ahead()

    def repeat(self, last_words: list[bytes]) -> None:
        """Go on after a predecessor, whose last subgoal and whether it is all that is known are told."""
        self.session.remembers = self._memory.certain
        if last_words:
            self.session.restore(*map(messages.SUBGOAL.decode, last_words))
        for words in last_words:
            self._subgoals.publish(words)

    def waiting_for(self) -> str:
        """Between observations and results the worker has the word, and the simulator through it."""
        return "the worker or the simulator"

    def send(self, said: Sequence[Message]) -> None:
        """Publish requests and subgoals; the subgoals in force are kept before."""
        for message in said:
            if isinstance(message, SubgoalRequest):
                self._requests.publish(messages.SUBGOAL_REQUEST.encode(message))
        subgoals = [message for message in said if isinstance(message, Subgoal)]
        if not subgoals:
            return
        # Subgoals to send are the end of what the session has said; its beginning is the one in force.
        words = [messages.SUBGOAL.encode(subgoal) for subgoal in self.session.resend()]
        self._memory.keep(subgoals[0].run, words, self.session.recall.pack())
        for data in words[-len(subgoals) :]:
            self._subgoals.publish(data)

    def _on_result(self, data: bytes) -> None:
        result = messages.SUBGOAL_RESULT.decode(data)
        if not self.belongs(result.run) or result.level != self._level:
            return
        self._results.received()
        self.heard(topics.SUBGOAL_RESULT, (result.episode, result.seq))
        if result.end_reason not in EPISODE_ENDS:
            self.health.due()
        self._answer(self.session.on_result(result), self._results.last)

    def _on_subgoal(self, data: bytes) -> None:
        subgoal = messages.SUBGOAL.decode(data)
        if not self.belongs(subgoal.run) or subgoal.level != self._level + 1:
            return
        self.heard(topics.SUBGOAL, (subgoal.episode, subgoal.seq))
        self._answer(self.session.on_parent(subgoal), time.monotonic())

    def _on_request(self, data: bytes) -> None:
        request = messages.SUBGOAL_REQUEST.decode(data)
        if self.belongs(request.run):
            self._answer(self.session.on_request(request), time.monotonic())

    def _answer(self, said: Sequence[ManagerMessage], asked_at: float) -> None:
        """Send the subgoals that a message has led to, if any; ``asked_at`` is when it came [s, steady time]."""
        self.send(said)
        if any(isinstance(message, Subgoal) for message in said):
            self.health.took(time.monotonic() - asked_at)
            self.health.done()


main = main_of(ManagerNode)
