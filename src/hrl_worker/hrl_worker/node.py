"""Worker node: observation + subgoal in, action + segment result out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.timer import Timer
from sensor_msgs.msg import Joy

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.loading import WORKER
from hrl_core.demonstrations.demonstrator import Demonstrator
from hrl_core.demonstrations.replay import Replay
from hrl_core.demonstrations.teleoperation import Teleoperator, parse_controls
from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.path_sessions import worker_session
from hrl_core.hierarchy.policies import Worker
from hrl_core.hierarchy.stack import Message
from hrl_core.hierarchy.worker_messages import WorkerMessage
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import Action, Observation, Subgoal, SubgoalRequest, SubgoalResult
from hrl_core.randomness import outside_a_run
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.cdr import CdrCodec
from hrl_ros.node import RawPublisher
from hrl_ros.parameters import parameter
from hrl_ros.policy_node import PolicyNode, PolicyParameters
from hrl_ros.running import main_of

NOBODY, SCRIPT, TELEOP, REPLAY = "nobody", "script", "teleop", "replay"
NOTHING = b""
"""In the last words: no action, and the end of the results."""


@dataclass(frozen=True)
class WorkerParameters(PolicyParameters):
    """What a worker takes."""

    demonstrator: str = parameter(
        NOBODY, "who acts in the place of the policy's worker", (NOBODY, SCRIPT, TELEOP, REPLAY)
    )
    demonstrator_noise: float = parameter(0.0, "noise that a script adds [standard deviations, half-ranges]")
    demonstrator_correlation: float = parameter(0.0, "of that noise from step to step", low=0.0, high=0.999)
    demonstrator_controls: str = parameter("", "with teleop: axis, button or nothing for each element of the action")
    demonstrator_recording: str = parameter("", "with replay: bag whose actions are done again")


class WorkerNode(PolicyNode[Worker, WorkerSession]):
    """Acts on step t only with the subgoal valid for step t."""

    parameters_kind = WorkerParameters
    party = WORKER
    _observed_at = _hold_after = 0.0
    _holding: Timer | None = None
    _serialised: Sequence[tuple[Subgoal, bytes]] = ()

    def __init__(self) -> None:
        """Name the node."""
        super().__init__("worker")

    def build(self, checkpoint: Checkpoint) -> Worker:
        """Make the worker and run it once."""
        task, pursued = checkpoint.task, checkpoint.assignment(-1)
        worker = self._demonstrator(checkpoint) or checkpoint.worker()
        state = np.zeros(len(task.observation))
        worker.terminates(state, pursued, outside_a_run())
        choice = worker.act(state, pursued, outside_a_run())
        task.check_action(choice.value, "action of the new worker")
        return worker

    def _demonstrator(self, checkpoint: Checkpoint) -> Worker | None:
        """Who acts in the worker's place; None: nobody does."""
        parameters, task, version = self.read_parameters(WorkerParameters), checkpoint.task, checkpoint.version
        if parameters.demonstrator == SCRIPT:
            return Demonstrator(task, parameters.demonstrator_noise, version, parameters.demonstrator_correlation)
        if parameters.demonstrator == REPLAY:
            return Replay(task, Path(parameters.demonstrator_recording), version)
        if parameters.demonstrator == TELEOP:
            person = Teleoperator(task, parse_controls(parameters.demonstrator_controls, task), version)
            self.subscribe(Joy, topics.JOY, lambda joy: person.take(joy.axes, joy.buttons), qos.onlooker())
            return person
        return None

    def use(self, policy: Worker) -> None:
        """Take the policy to go live with."""
        self.session.worker = policy

    def outputs(self) -> list[RawPublisher]:
        """Create the publishers and the subgoal subscription."""
        self._holding, self._hold_after = None, 0.0
        self._subgoals = self.health.stream(topics.SUBGOAL)
        self._actions = self.publish_raw(msg.Action, topics.ACTION, qos.lockstep())
        self._results = self.publish_raw(msg.SubgoalResult, topics.SUBGOAL_RESULT, qos.lockstep())
        requests = self.publish_raw(msg.SubgoalRequest, topics.SUBGOAL_REQUEST, qos.event())
        self._channels: dict[type, tuple[RawPublisher, CdrCodec[Any]]] = {
            SubgoalResult: (self._results, messages.SUBGOAL_RESULT),
            Action: (self._actions, messages.ACTION),
            SubgoalRequest: (requests, messages.SUBGOAL_REQUEST),
        }
        self.subscribe_raw(msg.Subgoal, topics.SUBGOAL, self._on_subgoal, qos.lockstep())
        return [self._actions, self._results]

    def begin(self, info: msg.RunInfo) -> WorkerSession:
        """Start the session; real time additionally holds a subgoal whose successor is late."""
        session = worker_session(self.task, self.hierarchy, self.policy, info.seed)
        session.renew = self.reload.renew
        if self.realtime:
            self._expect_pace(info.real_time_factor)
        return session

    def observe(self, observation: Observation) -> None:
        """Answer with an action, a segment result, or both."""
        self._observed_at = time.monotonic()
        if not observation.last:
            self.health.due()
        self._answer(self.session.on_observation(observation))

    def repeat(self, last_words: list[bytes]) -> None:
        """Take over the subgoals in force, say the last words again: whoever has heard them drops them."""
        if not last_words:
            return
        end = last_words.index(NOTHING, 1)
        action, results, standing = last_words[0], last_words[1:end], last_words[end + 1 :]
        acted = [messages.ACTION.decode(action)] if action else []
        ended = map(messages.SUBGOAL_RESULT.decode, results)
        self.session.restore([*map(messages.SUBGOAL.decode, standing), *ended, *acted])
        for words in results:
            self._results.publish(words)
        if action:
            self._actions.publish(action)

    def waiting_for(self) -> str:
        """Manager or simulator."""
        return self.session.waiting_for

    def send(self, said: Sequence[Message]) -> None:
        """Publish; actions and results are kept before, with the subgoals in force."""
        words = [(type(message), self._channels[type(message)][1].encode(message)) for message in said]
        action = next((data for kind, data in words if kind is Action), NOTHING)
        results = [data for kind, data in words if kind is SubgoalResult]
        if action or results:
            last_words = [action, *results, NOTHING, *self._standing()]
            self._memory.keep(said[0].run, last_words, self.session.recall.pack())
        for kind, data in words:
            self._channels[kind][0].publish(data)

    def _on_subgoal(self, data: bytes) -> None:
        self._subgoals.received()
        subgoal = messages.SUBGOAL.decode(data)
        if not self.belongs(subgoal.run):
            return
        self.heard(f"{topics.SUBGOAL} {subgoal.level}", (subgoal.episode, subgoal.seq))
        self._answer(self.session.on_subgoal(subgoal))

    def _expect_pace(self, real_time_factor: float) -> None:
        """A subgoal is held after half a control period, however long that is now."""
        super()._expect_pace(real_time_factor)
        period = self.health.control_period
        # Statuses say it again every second.
        if not (self.realtime and period) or self._hold_after == period / 2:
            return
        self._hold_after, looks = period / 2, period / 8
        if self._holding is None:
            self._holding = self.every(looks, self._act_on_held)
        else:
            self._holding.timer_period_ns = round(1e9 * looks)

    def _act_on_held(self) -> None:
        if time.monotonic() - self._observed_at <= self._hold_after:
            return
        try:
            self._answer(self.session.act_on_held())
        except InvalidDataError as error:
            self.refuse(error)

    def _answer(self, answers: list[WorkerMessage]) -> None:
        """Send what an observation has led to, with or without the manager's word; an action ends the latency."""
        self.send(answers)
        if any(isinstance(answer, Action) for answer in answers):
            self.health.took(time.monotonic() - self._observed_at)
            self.health.done()

    def _standing(self) -> list[bytes]:
        """The subgoals in force, serialised once: most of them stand for many steps."""
        standing, known = self.session.standing(), self._serialised
        self._serialised = [
            next((pair for pair in known if pair[0] is subgoal), None) or (subgoal, messages.SUBGOAL.encode(subgoal))
            for subgoal in standing
        ]
        return [data for _, data in self._serialised]


main = main_of(WorkerNode)
