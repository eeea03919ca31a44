"""Simulator node: owns the environment, closes the loop with manager and worker, under either clock."""

import secrets
import time
from pathlib import Path

from geometry_msgs.msg import PoseStamped

import hrl_core.envs  # noqa: F401 - registers the Gymnasium ids
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import InvalidDataError, PeerError
from hrl_core.task import load_task
from hrl_core.types import EpisodeResult, Mode, Observation, frozen
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.node import HrlNode, main_of
from hrl_ros.peers import RECORDER, hears
from hrl_ros.waiting import Patience
from hrl_sim.clocks import LockstepClock, RealtimeClock, SimulationClock
from hrl_sim.credit import Credit
from hrl_sim.pace import FASTEST, Pace
from hrl_sim.parameters import REALTIME, SimulatorParameters, parse_goal
from hrl_sim.reach_goal import ReachGoalServer
from hrl_sim.services import SimulationServices
from hrl_sim.simulation import Listeners, Simulation
from hrl_sim.standard_topics import StandardTopics

CHECK_PERIOD = 0.05
STATUS_PERIOD = 1.0
FINISH_LIMIT = 10.0
"""Longest wait [s] for the recorder's last acknowledgement."""


class SimulatorNode(HrlNode):
    """Publishes observations, applies the actions that answer them."""

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("simulator", SimulatorParameters)

    def setup(self) -> None:
        """Make the environment, publishers, subscriptions and services."""
        self._settings = p = self.read_parameters(SimulatorParameters)
        task = load_task(p.task)
        self._run = secrets.randbits(64)
        prefix = self.get_namespace().strip("/")
        prefix = f"{prefix}/" if prefix else ""
        self._runner = EnvRunner(
            task,
            p.seed,
            Mode[p.episode_mode.upper()],
            parse_goal(p.goal, task),
            self._run,
            p.robot,
            prefix + task.frame,
        )
        listeners = Listeners(self._publish_observation, self._publish_result, self._publish_status)
        self._simulation = Simulation(self._runner, p.episodes, listeners)
        self._standard = StandardTopics(self, self._runner, prefix)
        self._reach_goal = ReachGoalServer(self, self._simulation)
        self._patience = Patience(self.get_logger(), p.wait_report, p.wait_limit)
        self._credit = Credit(p.credit_window)
        self._live = False
        self._rate_mark = (time.monotonic(), 0)
        self._observations = self.publish_raw(msg.Observation, topics.OBSERVATION, qos.lockstep())
        self._results = self.publish_raw(msg.EpisodeResult, topics.EPISODE_RESULT, qos.event())
        self._info = self.create_lifecycle_publisher(msg.RunInfo, topics.RUN_INFO, qos.latched())
        self._status = self.create_lifecycle_publisher(msg.SimStatus, topics.SIM_STATUS, qos.latched())
        self.subscribe_raw(msg.Action, topics.ACTION, self._on_action, qos.lockstep())
        self.subscribe(msg.RecorderStatus, topics.RECORDER_STATUS, self._on_recorder, qos.event())
        self.subscribe(msg.RunInfo, topics.RUN_INFO, self._on_run_info, qos.latched(qos.RIVALS))
        self.subscribe(PoseStamped, topics.GOAL_POSE, self._on_goal_pose, qos.event())
        self._stepper: SimulationClock = LockstepClock(self._simulation)
        if p.clock == REALTIME:
            self._stepper = RealtimeClock(self._simulation, p.max_action_age)
        factor = p.real_time_factor if p.clock == REALTIME else FASTEST
        self._pace = Pace(self, self._stepper, task.control_period, factor)
        self._offers = SimulationServices(self, self._simulation, self._stepper, self._pace)
        self.every(CHECK_PERIOD, self._check)
        self.every(STATUS_PERIOD, self._publish_status)

    def start(self) -> None:
        """Announce the run; the first observation follows once the recorder, if any, can hear it."""
        p, task = self._settings, self._runner.spec
        info = msg.RunInfo(run=self._run, robot=p.robot, task=task.to_yaml(), task_hash=task.sha256, seed=p.seed)
        info.header.stamp = messages.to_time(time.time_ns())
        info.clock_mode = msg.RunInfo.REALTIME if p.clock == REALTIME else msg.RunInfo.LOCKSTEP
        info.real_time_factor = p.real_time_factor if p.clock == REALTIME else 0.0
        info.recorded = p.recorder
        info.git_commit = p.git_commit
        self._announced = info
        self._info.publish(info)
        self._publish_status()
        self._patience.progress()

    def teardown(self) -> None:
        """Write the run's log and free the environment."""
        if not hasattr(self, "_simulation"):
            return
        p, task = self._settings, self._runner.spec
        if p.out:
            identity = {"run": self._run, "robot": p.robot, "task": task.name, "task_hash": task.sha256}
            identity |= {"seed": p.seed, "clock": p.clock, "failure": self.failure}
            self._simulation.log.write(Path(p.out), identity)
        self._runner.close()

    def _on_action(self, data: bytes) -> None:
        action = messages.ACTION.decode(data)
        if action.run != self._run:
            self._simulation.log.refused_actions += 1
            if self._simulation.log.refused_actions == 1:
                self.get_logger().error(f"action of foreign run {action.run:016x} refused")
            return
        self._patience.progress()
        try:
            self._stepper.on_action(action)
        except InvalidDataError as error:
            # A lock-step run cannot go on without the action; a robot is stopped by its watchdog instead.
            if self._settings.clock != REALTIME:
                raise
            self.get_logger().error(str(error), throttle_duration_sec=1.0)

    def _on_recorder(self, status: msg.RecorderStatus) -> None:
        if status.run != self._run:
            return
        if status.error:
            raise PeerError(f"the recorder stopped: {status.error}")
        if self._credit.acknowledge(status.recorded, self._simulation.log.observations):
            self.get_logger().warning("the recorder was started anew: what was sent meanwhile is not recorded")
        self._patience.progress()
        self._apply_credit()

    def _on_run_info(self, info: msg.RunInfo) -> None:
        """Of two simulators on the same topics the younger gives way, so that a running stack is not disturbed."""
        if info.run == self._run:
            return
        ours, theirs = messages.from_time(self._announced.header.stamp), messages.from_time(info.header.stamp)
        if (ours, self._run) > (theirs, info.run):
            raise PeerError(
                f"another simulator or bridge (run {info.run:016x}) is already running in namespace "
                f"'{self.get_namespace()}'; stop it or start this one with another namespace:="
            )
        self.get_logger().error(f"a second simulator (run {info.run:016x}) has appeared; its messages are ignored")

    def _on_goal_pose(self, pose: PoseStamped) -> None:
        position = (pose.pose.position.x, pose.pose.position.y, pose.pose.position.z)
        names = [element.name for element in self._runner.spec.goal]
        if names != ["x", "y", "z"][: len(names)]:
            self.get_logger().error(f"goal_pose ignored: the task's goal is {', '.join(names)}, not a position")
            return
        self._runner.set_goal(frozen(position[: len(names)]))

    def _publish_observation(self, observation: Observation) -> None:
        data = messages.OBSERVATION.encode(observation)
        self._observations.publish(data)
        self._standard.publish(observation.stamp, data)
        self._reach_goal.observe(observation)
        self._apply_credit()

    def _publish_result(self, result: EpisodeResult) -> None:
        self._results.publish(messages.EPISODE_RESULT.encode(result))

    def _apply_credit(self) -> None:
        """Hold the next step while the recorder is a whole window behind."""
        if self._settings.recorder:
            self._simulation.held = self._credit.spent(self._simulation.log.observations)
            if not self._simulation.held:
                self._stepper.poll()

    def _publish_status(self) -> None:
        simulation, log = self._simulation, self._simulation.log
        observation = simulation.observation
        status = msg.SimStatus(run=self._run, robot=self._settings.robot)
        status.paused, status.finished = simulation.paused, simulation.finished
        status.reached_step = log.steps
        status.target_step = simulation.target_step if simulation.paused else log.steps
        if observation is not None:
            status.header.stamp = messages.to_time(observation.stamp)
            status.episode = observation.episode
        now, (since, steps) = time.monotonic(), self._rate_mark
        if now > since:
            status.real_time_factor = (log.steps - steps) * self._runner.spec.control_period / (now - since)
        self._rate_mark = (now, log.steps)
        status.wanted_real_time_factor = self._pace.real_time_factor
        status.action_latency = log.recent_latency()
        status.observations, status.actions = log.observations, log.actions
        status.refused_actions, status.missed_deadlines = log.refused_actions, log.missed_deadlines
        self._status.publish(status)

    def _check(self) -> None:
        """Go live, wait with reports and resending, or finish."""
        simulation = self._simulation
        if not self._live:
            if not self._settings.recorder or hears(self, RECORDER, self._observations):
                self._live = True
                simulation.begin()
            else:
                self._patience.check("the recorder")
            return
        if simulation.finished:
            self._finish()
            return
        self._standard.catch_up()
        self._patience.suspended = simulation.paused and not simulation.may_step
        whom = None if self._stepper.answered else "the worker (and the manager through it)"
        whom = "the recorder" if simulation.held else whom
        if self._patience.check(whom) and simulation.observation is not None:
            self._observations.publish(messages.OBSERVATION.encode(simulation.observation))

    def _finish(self) -> None:
        """Leave once the recorder has everything, or after a while without it."""
        published, recorded = self._simulation.log.observations, self._credit.recorded
        complete = not self._settings.recorder or recorded >= published
        self._finish_since = getattr(self, "_finish_since", time.monotonic())
        if not complete and time.monotonic() - self._finish_since > FINISH_LIMIT:
            raise PeerError(f"the recorder acknowledged {recorded} of {published} observations")
        self.finished = complete


main = main_of(SimulatorNode)
