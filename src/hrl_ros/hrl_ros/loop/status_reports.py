"""``SimStatus``: how the run goes, for nodes and people that were not there from the beginning."""

import time
from collections.abc import Callable

from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.loop.course import Course
from hrl_ros.node import HrlNode


class StatusReports:
    """Publishes the counts of a course, and how fast it gets on."""

    def __init__(self, node: HrlNode, course: Course, run: int, robot: str, wanted: Callable[[], float]) -> None:
        """Begin to measure.

        Args:
            node: owner.
            course: what is told of.
            run: its id.
            robot: who runs.
            wanted: simulated seconds per wall second that are asked for; 0: as fast as possible.
        """
        self._course, self._run, self._robot, self._wanted = course, run, robot, wanted
        self._publisher = node.create_lifecycle_publisher(msg.SimStatus, topics.SIM_STATUS, qos.latched())
        self._mark = (time.monotonic(), 0)
        self.real_time_factor = 0.0
        """Simulated seconds per wall second between the last two reports."""

    def publish(self) -> None:
        """Say how it stands."""
        course, log = self._course, self._course.log
        observation = course.observation
        status = msg.SimStatus(run=self._run, robot=self._robot)
        status.paused, status.finished = course.paused, course.finished
        status.reached_step = log.steps
        status.target_step = course.target_step if course.paused else log.steps
        if observation is not None:
            status.header.stamp = messages.to_time(observation.stamp)
            status.episode = observation.episode
        now, (since, steps) = time.monotonic(), self._mark
        if now > since:
            self.real_time_factor = (log.steps - steps) * course.runner.spec.control_period / (now - since)
            status.real_time_factor = self.real_time_factor
        self._mark = (now, log.steps)
        status.wanted_real_time_factor = self._wanted()
        status.action_latency = log.recent_latency()
        status.observations, status.actions = log.observations, log.actions
        status.refused_actions, status.missed_deadlines = log.refused_actions, log.missed_deadlines
        self._publisher.publish(status)
