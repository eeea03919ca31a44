"""How a run goes, in one line for people who see nothing else of it."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np

from hrl_core.messages import EpisodeEnd, EpisodeResult
from hrl_core.task.spec import TaskSpec
from hrl_core.wording import counted
from hrl_ros.loop.course import Course


class ProgressLine:
    """Counts what happened since it last spoke."""

    def __init__(
        self, course: Course, spec: TaskSpec, episodes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to count.

        Args:
            course: whose progress.
            spec: the task.
            episodes: of the run; 0: it has no end of its own.
            clock: seconds.
        """
        self._course, self._spec, self._episodes, self._clock = course, spec, episodes, clock
        self._mark = clock(), course.log.steps

    def __str__(self) -> str:
        """Steps, steps per second, episodes, success so far and time left."""
        course, steps, now = self._course, self._course.log.steps, self._clock()
        rate = (steps - self._mark[1]) / max(now - self._mark[0], 1e-9)
        self._mark = now, steps
        ended = [result for result in course.log.results if result.end_reason != EpisodeEnd.CANCELLED]
        done = f"{len(ended)} of {self._episodes} episodes" if self._episodes else counted(len(ended), "episode")
        told = [f"{steps:,} steps, {rate:,.0f} steps/s, {done} done", self._so_far(ended)]
        if course.paused:
            told.append("paused")
        elif self._episodes:
            seconds = self._steps_left(ended) / rate if rate else math.inf
            told.append(f"{timedelta(seconds=round(seconds))} left" if math.isfinite(seconds) else "time left unknown")
        return ", ".join(part for part in told if part)

    def _so_far(self, ended: Sequence[EpisodeResult]) -> str:
        if not ended:
            return ""
        if self._spec.goal:
            return f"success so far {np.mean([result.success for result in ended]):.2f}"
        return f"mean return so far {np.mean([result.episode_return for result in ended]):.2f}"

    def _steps_left(self, ended: Sequence[EpisodeResult]) -> float:
        """Steps that the episodes to come will take if they are as long as those that have ended."""
        length = np.mean([result.steps for result in ended]) if ended else self._spec.max_episode_steps
        observation = self._course.observation
        begun = 0 if observation is None or observation.last else observation.step
        return max(0.0, (self._episodes - len(ended)) * float(length) - begun)
