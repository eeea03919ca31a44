"""What manager and worker nodes share: policy, run, barrier, waiting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.checkpoints.loading import LoadedPolicy, PolicyReference
from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.manager_session import ManagerSession
from hrl_core.hierarchy.stack import Message
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import Observation
from hrl_core.threads import one_thread
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.health import Health
from hrl_ros.memory import LastWords
from hrl_ros.node import HrlNode, RawPublisher
from hrl_ros.parameters import FollowerParameters, parameter
from hrl_ros.peers import RECORDER, hears
from hrl_ros.policy_reload import PolicyReload
from hrl_ros.run_binding import RunBinding
from hrl_ros.run_watch import RunWatch
from hrl_ros.waiting import Patience

CHECK_PERIOD = 0.05
FOREIGN = "of a foreign run"
UNSOUND = "unsound"
"""Why a message was refused."""
P = TypeVar("P")
S = TypeVar("S", ManagerSession, WorkerSession)


@dataclass(frozen=True)
class PolicyParameters(FollowerParameters):
    """What manager and worker take."""

    policy: str = parameter("", "folder of the policy checkpoint")
    memory: str = parameter("", "file that keeps the last words for a node that is started again; empty: none")


class PolicyNode(HrlNode, Generic[P, S]):
    """Loads a policy, binds to a run, and hands observations on once everyone who must hear the answers can."""

    party: str
    """As in ``PolicyUpdate``."""
    session: S
    """Of the bound run; every hook from ``use`` on is called after there is one."""
    parameters_kind: ClassVar[type[PolicyParameters]] = PolicyParameters

    def __init__(self, name: str) -> None:
        """Declare parameters."""
        super().__init__(name, self.parameters_kind)

    def setup(self) -> None:
        """Load and check the checkpoint, create the subscriptions."""
        parameters = self.read_parameters(self.parameters_kind)
        # One observation at a time: more threads only fight over the cores that simulator and DDS need.
        one_thread()
        folder = Path(parameters.policy)
        checkpoint = load_checkpoint(folder)
        self.task, self.hierarchy = checkpoint.task, checkpoint.hierarchy
        self.policy = self.build(checkpoint)
        launched = PolicyReference(
            checkpoint.version, self.party, str(folder.absolute()), checkpoint.weights_sha256, self.task.sha256
        )
        self.health = Health(parameters.diagnostics)
        self._observations = self.health.stream(topics.OBSERVATION)
        loaded = LoadedPolicy(launched, self.policy)
        self._memory = LastWords(Path(parameters.memory) if parameters.memory else None, self.get_logger())
        self.closing.callback(self._memory.close)
        parts = self.party, self.parties, self.task, self.hierarchy, loaded, self.build, self.health
        self.reload = PolicyReload(self, *parts, self._memory.acts_with)
        self.closing.callback(self.reload.close)
        self._binding = RunBinding(self.get_logger(), self.task, self.hierarchy)
        self._patience = Patience(self.get_logger(), parameters.wait_report, parameters.wait_limit)
        announcing = partial(self.count_publishers, topics.RUN_INFO)
        self._watch = RunWatch(self._patience, announcing, parameters.ends_with_run)
        self.closing.callback(self._forget)
        self._early: Observation | None = None
        self._ready = False
        self.health.waits_for = self._whom
        self._outputs = self.outputs()
        self._runs = self.subscribe(msg.RunInfo, topics.RUN_INFO, self._on_run_info, qos.latched(qos.RIVALS))
        self.subscribe(msg.SimStatus, topics.SIM_STATUS, self._on_status, qos.latched())
        self.subscribe(msg.EpisodeResult, topics.EPISODE_RESULT, self._on_episode_result, qos.event())
        self.subscribe_raw(msg.Observation, topics.OBSERVATION, self._on_observation, qos.lockstep())
        self.every(CHECK_PERIOD, self._check)

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody who acts with a part of the policy, the worker first, who speaks first in an episode last."""
        return self.hierarchy.parties

    def connected(self) -> bool:
        """Whether a run is announced, the recorder, if any, hears every output, and all other parties are there."""
        if not self._runs or self.count_publishers(topics.POLICY_STATE) < len(self.parties):
            return False
        return self._recorded_as_announced(self._runs[0])

    def start(self) -> None:
        """Begin to wait for the simulator."""
        self._patience.progress()
        self.reload.start()

    def refuse(self, error: InvalidDataError) -> None:
        """A lock-step run cannot go on without the message; a robot holds or goes safe instead."""
        if self.realtime:
            self.health.refuse(UNSOUND)
            super().refuse(error)
        else:
            self.fail(str(error))

    @property
    def realtime(self) -> bool:
        """Whether the bound run goes by the wall clock."""
        info = self._binding.info
        return info is not None and info.clock_mode == msg.RunInfo.REALTIME

    def build(self, checkpoint: Checkpoint) -> P:
        """Make this party's policy and run it once, so that its first answer is as quick as the others."""
        raise NotImplementedError

    def use(self, policy: P) -> None:
        """Take the policy to go live with."""
        raise NotImplementedError

    def outputs(self) -> list[RawPublisher]:
        """Create the publishers (and further subscriptions) of this party; returns the publishers."""
        raise NotImplementedError

    def begin(self, info: msg.RunInfo) -> S:
        """Start the session of a run."""
        raise NotImplementedError

    def observe(self, observation: Observation) -> None:
        """Answer an observation of the bound run."""
        raise NotImplementedError

    def send(self, said: Sequence[Message]) -> None:
        """Publish what the session says, or says again."""
        raise NotImplementedError

    def repeat(self, last_words: list[bytes]) -> None:
        """Say again what a predecessor said last: it may have died before everybody had heard it."""
        raise NotImplementedError

    def waiting_for(self) -> str:
        """The peer this party waits for."""
        raise NotImplementedError

    def belongs(self, run: int) -> bool:
        """Whether a message of ``run`` is of the bound run; a foreign one is counted."""
        info = self._binding.info
        if info is not None and run != info.run:
            self.health.refuse(FOREIGN)
        return info is not None and run == info.run

    def heard(self, topic: str, key: tuple[int, ...]) -> None:
        """Tell the watch that a message of the run has arrived."""
        self._patience.heard(topic, key)

    def _forget(self) -> None:
        """After the run, leave nothing behind that only a restart needs."""
        if self.failure is None and self._watch.over:
            self._memory.forget()

    def _on_run_info(self, info: msg.RunInfo) -> None:
        if self._binding.offer(info):
            self.session = self.begin(info)
            self._recalled = self._memory.recall(info.run)
            if self._recalled.policy is not None:
                self.reload.acted_with(self._recalled.policy)
            self._prepare()

    def _on_status(self, status: msg.SimStatus) -> None:
        if self.belongs(status.run):
            self._watch.on_status(status)
            self.health.suspended = status.finished or status.paused
            self._expect_pace(status.wanted_real_time_factor)

    def _on_episode_result(self, result: msg.EpisodeResult) -> None:
        if self.belongs(result.run):
            self._watch.on_episode_result(result)

    def _expect_pace(self, real_time_factor: float) -> None:
        """Judge rates and latencies by the pace that is asked for; as fast as possible knows no right one."""
        paced = 0 < real_time_factor < math.inf
        self.health.control_period = self.task.control_period / real_time_factor if paced else None
        self._observations.nominal = real_time_factor / self.task.control_period if paced else None

    def _on_observation(self, data: bytes) -> None:
        self._observations.received()
        observation = messages.OBSERVATION.decode(data)
        if not self._ready:
            self._early = observation
        elif self._binding.accepts(observation):
            self.heard(topics.OBSERVATION, observation.key)
            self._observe(observation)
        else:
            self.health.refuse(FOREIGN)

    def _prepare(self) -> None:
        """Go live as soon as it is known with which policy and the recorder, if one takes part, hears every output."""
        info = self._binding.info
        if info is None or not self.reload.settled() or not self._recorded_as_announced(info):
            return
        self._ready = True
        self.use(self.reload.resume())
        # Real time goes on where a policy that remembers lacks steps.
        self.session.recall.strict = not self.realtime
        self.session.recall.restore(self._recalled.memory)
        self.repeat(self._recalled.messages)
        early, self._early = self._early, None
        if early is not None and self._binding.accepts(early):
            self._observe(early)

    def _recorded_as_announced(self, info: msg.RunInfo) -> bool:
        """Whether the recorder, if one takes part in a run, hears every output."""
        return not info.recorded or all(hears(self, RECORDER, output) for output in self._outputs)

    def _observe(self, observation: Observation) -> None:
        self._watch.on_observation(observation)
        if observation.last:
            self.health.done()
        self.observe(observation)

    def _check(self) -> None:
        self.reload.poll()
        self._watch.poll()
        self.finished |= self._watch.may_leave
        if not self._ready:
            self._prepare()
        if self._patience.check(self._whom()) and self._ready:
            self.send(self.session.resend())

    def _whom(self) -> str:
        """Who has the word, for people."""
        if self._binding.info is None:
            return "the simulator (no run_info yet)"
        if not self._ready:
            return "the recorder" if self.reload.settled() else "the policy_state of its peers"
        return self.waiting_for()
