"""How the run of a manager or worker stands: paused, between episodes, or over."""

import time
from collections.abc import Callable

from hrl_core.messages import Observation
from hrl_msgs import msg
from hrl_ros.waiting import Patience

LEAVING_LIMIT = 30.0
"""Longest time [s] that a node stays after its run, for a simulator that has died then: others hear of that late."""
PAUSE_LIMIT = 10.0
"""Longest time [s] for which a pause lasts without a word of whoever paused; it says so about once a second."""


class RunWatch:
    """Has a node wait only while something can come, and tells when it may leave."""

    def __init__(
        self,
        patience: Patience,
        simulators: Callable[[], int],
        ends_with_run: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know of nothing yet.

        Args:
            patience: with which the node waits.
            simulators: counts those who announce a run.
            ends_with_run: whether the node ends when its run does.
            clock: steady time [s].
        """
        self._patience, self._simulators, self._ends_with_run, self._clock = patience, simulators, ends_with_run, clock
        self._between_episodes = True
        self._episode = -1
        """Of the newest observation."""
        self._paused_at: float | None = None
        """When the run was last said to be paused, if it is."""
        self._over_at: float | None = None
        """When the run was said to be over, for a node that ends with it."""

    @property
    def over(self) -> bool:
        """Whether the run has ended, and the node is to end with it."""
        return self._over_at is not None

    @property
    def may_leave(self) -> bool:
        """Whether it is over and nobody lacks the last words: the simulator leaves once the recorder has everything."""
        if self._over_at is None:
            return False
        return not self._simulators() or self._clock() - self._over_at > LEAVING_LIMIT

    def on_status(self, status: msg.SimStatus) -> None:
        """Take a status of the run."""
        paused = status.paused and status.target_step <= status.reached_step
        self._patience.suspended = status.finished or paused
        self._paused_at = self._clock() if paused and not status.finished else None
        if self._between_episodes:
            # People may take their time with a robot; that somebody prepares the next episode is all there is to know.
            self._patience.progress()
        if status.finished and self._ends_with_run and self._over_at is None:
            self._over_at = self._clock()

    def on_observation(self, observation: Observation) -> None:
        """Take an observation of the run."""
        self._between_episodes, self._episode = observation.last, observation.episode

    def on_episode_result(self, result: msg.EpisodeResult) -> None:
        """Take an outcome: an episode that somebody has ended has no last observation."""
        self._between_episodes |= result.episode == self._episode

    def poll(self) -> None:
        """Wait again where whoever paused has fallen silent."""
        if self._paused_at is not None and self._clock() - self._paused_at > PAUSE_LIMIT:
            self._patience.suspended, self._paused_at = False, None
