"""How a run goes, in one line for people who see nothing else of it."""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from hrl_core.task.spec import TaskSpec
from hrl_core.wording import counted
from hrl_ros.loop.course import Course
from hrl_ros.node import HrlNode


class ProgressLine:
    """Counts what happened since it last spoke."""

    def __init__(
        self,
        node: HrlNode,
        period: float,
        course: Course,
        spec: TaskSpec,
        episodes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count.

        Args:
            node: whose log it goes to while episodes run.
            period: seconds between two lines.
            course: whose progress.
            spec: the task.
            episodes: of the run; 0: it has no end of its own.
            clock: seconds.
        """
        self._node, self._course, self._spec, self._episodes, self._clock = node, course, spec, episodes, clock
        self._mark = clock(), course.log.steps
        node.every(period, self._tell)

    def __str__(self) -> str:
        """Steps, steps per second, episodes, success so far and time left."""
        course, steps, now = self._course, self._course.log.steps, self._clock()
        rate = (steps - self._mark[1]) / max(now - self._mark[0], 1e-9)
        self._mark = now, steps
        ended = course.log.results.ended
        done = f"{ended} of {self._episodes} episodes" if self._episodes else counted(ended, "episode")
        told = [f"{steps:,} steps, {rate:,.0f} steps/s, {done} done", self._so_far()]
        if course.paused:
            told.append("paused")
        elif self._episodes:
            seconds = self._steps_left() / rate if rate else math.inf
            told.append(f"{timedelta(seconds=round(seconds))} left" if math.isfinite(seconds) else "time left unknown")
        return ", ".join(part for part in told if part)

    def _tell(self) -> None:
        if self._course.begun and not self._course.finished:
            self._node.get_logger().info(str(self))

    def _so_far(self) -> str:
        outcomes = self._course.log.results
        if not outcomes.ended:
            return ""
        if self._spec.goal:
            return f"success so far {outcomes.success_rate:.2f}"
        return f"mean return so far {outcomes.mean_return:.2f}"

    def _steps_left(self) -> float:
        """Steps that the episodes to come will take if they are as long as those that have ended."""
        outcomes = self._course.log.results
        length = outcomes.mean_steps if outcomes.ended else self._spec.max_episode_steps
        observation = self._course.observation
        begun = 0 if observation is None or observation.last else observation.step
        return max(0.0, (self._episodes - outcomes.ended) * length - begun)
