"""Node base of whoever closes the loop: announces the run, publishes observations, takes actions, minds the recorder.

Manager, worker, recorder and onlookers see no difference between a simulator and a robot; ``tests/graph`` holds one
suite that both pass.
"""

import secrets
from pathlib import Path

from hrl_core.checkpoints.checkpoint import load_hierarchy
from hrl_core.control.episode_runner import EpisodeRunner
from hrl_core.errors import HrlError, InvalidDataError
from hrl_core.messages import EpisodeResult, Observation
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health
from hrl_ros.loop.announcement import Announcement
from hrl_ros.loop.course import Course, EnvironmentClock, Listeners
from hrl_ros.loop.goal_pose import GoalPose
from hrl_ros.loop.parameters import EnvironmentParameters
from hrl_ros.loop.progress_line import ProgressLine
from hrl_ros.loop.reach_goal import ReachGoalServer
from hrl_ros.loop.recorder_link import RecorderLink
from hrl_ros.loop.rivals import Rivals
from hrl_ros.loop.status_reports import StatusReports
from hrl_ros.node import HrlNode
from hrl_ros.waiting import Patience

CHECK_PERIOD = 0.05
STATUS_PERIOD = 1.0
WORKER = "the worker (and the manager through it)"
"""Whom is waited for while no action comes."""


class EnvironmentNode(HrlNode):
    """Publishes observations, applies the actions that answer them."""

    parameters_kind: type[EnvironmentParameters] = EnvironmentParameters

    def __init__(self, name: str) -> None:
        """Declare parameters."""
        super().__init__(name, self.parameters_kind)

    def make_runner(self, task: TaskSpec, prefix: str) -> EpisodeRunner:
        """Make what is stepped; ``prefix`` of frame ids is empty or ends in "/"."""
        raise NotImplementedError

    def make_clock(self) -> EnvironmentClock:
        """Make the clock of ``self.course`` and what else belongs to it."""
        raise NotImplementedError

    def shown(self, observation: Observation, data: bytes) -> None:
        """An observation has been published; ``data`` is its serialised form."""

    def repeated(self, observation: Observation) -> None:
        """An observation that nobody has answered has been published again."""

    def idle(self) -> None:
        """Called a few times a second while episodes run."""

    @property
    def missing(self) -> str | None:
        """Whom the environment itself waits for before it can go on, besides worker and recorder."""
        return None

    @property
    def unhurried(self) -> bool:
        """Whether those may take their time, as people do."""
        return False

    @property
    def wanted_real_time_factor(self) -> float:
        """Simulated seconds per wall second asked for; 0: as fast as possible."""
        return self.settings.real_time_factor

    @property
    def told_task(self) -> str:
        """The task specification as the run tells it."""
        return self.runner.spec.to_yaml()

    def setup(self) -> None:
        """Make the environment, publishers, subscriptions and services."""
        self.settings = p = self.read_parameters(self.parameters_kind)
        self.health = Health(p.diagnostics)
        self.run_id = secrets.randbits(64)
        prefix = self.get_namespace().strip("/")
        task = load_task(p.task)
        self.runner = self.make_runner(task, f"{prefix}/" if prefix else "")
        self.closing.callback(self.runner.close)
        hierarchy = load_hierarchy(Path(p.policy)) if p.policy else None
        listeners = Listeners(self._publish_observation, self._publish_result, lambda: self._status.publish())
        # Real time waits for nobody.
        levels = 0 if p.realtime or hierarchy is None else hierarchy.awaited
        self.course = Course(self.runner, p.episodes, listeners, levels)
        self.course.log.took = self._acted
        self.closing.callback(self._write_log)
        self.health.waits_for = lambda: WORKER
        self._taken = self.health.stream(
            topics.ACTION, p.real_time_factor / task.control_period if p.realtime else None
        )
        self._reports = HealthReports(self, self.health, self.examine)
        self._reach_goal = ReachGoalServer(self, self.course)
        self._patience = Patience(self.get_logger(), p.wait_report, p.wait_limit)
        self._observations = self.publish_raw(msg.Observation, topics.OBSERVATION, qos.lockstep())
        self._results = self.publish_raw(msg.EpisodeResult, topics.EPISODE_RESULT, qos.lockstep())
        self._announcement = Announcement(self, self.run_id, p, self.told_task, task.sha256, hierarchy)
        self._status = StatusReports(self, self.course, self.run_id, p.robot, lambda: self.wanted_real_time_factor)
        self.subscribe_raw(msg.Action, topics.ACTION, self._on_action, qos.lockstep())
        if levels:
            self.subscribe_raw(msg.SubgoalResult, topics.SUBGOAL_RESULT, self._on_subgoal_result, qos.lockstep())
        self._rivals = Rivals(self, self.run_id, lambda: self.course.log.actions)
        self._goal_pose = GoalPose(self, self.course, self._leave_out)
        self.clock = self.make_clock()
        outputs = self._observations, self._results
        self._recorder = RecorderLink(self, self.run_id, p, self.course, self.clock, self._patience, outputs)
        self.every(CHECK_PERIOD, self._check)
        self.every(STATUS_PERIOD, self._status.publish)
        if p.progress_period:
            self._progress = ProgressLine(self, p.progress_period, self.course, task, p.episodes)

    def start(self) -> None:
        """Announce the run; the first observation follows once the recorder, if any, can hear it."""
        self._announcement.publish()
        self._rivals.announced()
        self._status.publish()
        self._patience.progress()

    def refuse(self, error: InvalidDataError) -> None:
        """A lock-step run cannot go on without the message; a robot is stopped by its watchdog instead."""
        if self.settings.realtime:
            self._leave_out(error)
        else:
            self.fail(str(error))

    def _leave_out(self, error: HrlError) -> None:
        self.course.log.refuse("unsound")
        super().refuse(error)

    def examine(self) -> None:
        """Bring the figures of the node's health up to date."""
        health, log, course = self.health, self.course.log, self.course
        health.missed_deadlines, health.refusals = log.missed_deadlines, log.refusals
        health.suspended = course.paused or course.finished or course.waiting or not course.begun
        factor = self.wanted_real_time_factor
        health.control_period = self.runner.spec.control_period / factor if factor else None
        self._taken.nominal = None if health.control_period is None else 1 / health.control_period
        health.figures |= {
            "real-time factor": self._status.real_time_factor,
            "env steps": log.steps,
            "episode": course.episode,
        }

    def _write_log(self) -> None:
        p, task = self.settings, self.runner.spec
        if p.out:
            identity = {"run": self.run_id, "robot": p.robot, "task": task.name, "task_hash": task.sha256}
            identity |= {"seed": p.seed, "clock": p.clock, "failure": self.failure, "has_goal": bool(task.goal)}
            self.course.log.write(Path(p.out), identity)

    def _acted(self, latency: float | None) -> None:
        self.health.done()
        if latency is not None:
            self.health.took(latency)

    def _on_action(self, data: bytes) -> None:
        self._taken.received()
        action = messages.ACTION.decode(data)
        if action.run != self.run_id:
            self.course.log.refuse("foreign run")
            if self.course.log.refused_actions == 1:
                self.get_logger().error(f"action of foreign run {action.run:016x} refused")
            return
        self._patience.heard(topics.ACTION, (action.episode, action.step))
        self.clock.on_action(action)

    def _on_subgoal_result(self, data: bytes) -> None:
        if not self.course.ending:
            return
        result = messages.SUBGOAL_RESULT.decode(data)
        if result.run == self.run_id:
            self.course.on_result(result)

    def _publish_observation(self, observation: Observation) -> None:
        data = messages.OBSERVATION.encode(observation)
        self._observations.publish(data)
        if observation.last:
            self.health.done()
        else:
            self.health.due()
        self.shown(observation, data)
        self._reach_goal.observe(observation)
        self._recorder.apply_credit()

    def _publish_result(self, result: EpisodeResult) -> None:
        self._results.publish(messages.EPISODE_RESULT.encode(result))

    def _check(self) -> None:
        """Go live, wait with reports and resending, or finish."""
        course = self.course
        if not course.begun:
            self._go_live()
        elif course.finished:
            self._finish()
        else:
            self.idle()
            self._patience.suspended = course.paused and not course.may_step
            whom = None if self.clock.answered else WORKER
            whom = "the recorder" if course.held else self.missing or whom
            again = self._patience.check(whom, unhurried=self.unhurried and not course.held)
            if again and course.observation is not None and not course.waiting:
                self._observations.publish(messages.OBSERVATION.encode(course.observation))
                self.repeated(course.observation)

    def _go_live(self) -> None:
        """Begin once nobody else does, and everyone who must hear the first observation can."""
        if self._rivals.contested:
            return
        if self._recorder.hears:
            self.course.next_episode(None, None)
        else:
            self._patience.check("the recorder")

    def _finish(self) -> None:
        """Leave once the recorder has everything; it is waited for as long as it gets on."""
        whom = self._recorder.lagging
        self.finished = whom is None
        self._patience.suspended = False
        if self._patience.check(whom) and self.course.observation is not None:
            self._observations.publish(messages.OBSERVATION.encode(self.course.observation))
