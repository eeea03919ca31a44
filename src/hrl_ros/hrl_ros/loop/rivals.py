"""Two simulators or bridges in one namespace: one stays, the one that was at work first, as each has seen itself.

What a message says of its age is no ground to give way: a recording that is played says what was true once.
"""

import time
from collections.abc import Callable

from hrl_core.errors import PeerError
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.node import HrlNode

AT_WORK = 2.0
"""Seconds since the first answer of a worker after which a run is at work: it has not seen a rival in all that time."""
SETTLED = 10.0
"""Seconds since its announcement after which a run is settled in its namespace even if nobody has answered."""
PATIENCE = 5.0
"""Seconds in which a rival that began at the same time has given way."""
CHECK_PERIOD = 0.1


class Rivals:
    """Listens for the RunInfo of others and decides who gives way.

    A run at work stays, whoever comes. Of two that are not, each of which may be the newcomer, the one with the greater
    run id gives way at once, and the other one waits for that: a rival that is still there then was at work.
    """

    def __init__(
        self, node: HrlNode, run: int, answers: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Listen.

        Args:
            node: the simulator or bridge.
            run: its run id.
            answers: tells how many actions of this run have come.
            clock: steady time [s].
        """
        self._node, self._run, self._answers, self._clock = node, run, answers, clock
        self._announced: float | None = None
        self._at_work_from = float("inf")
        self._rival = 0
        self._contested_since: float | None = None
        node.subscribe(msg.RunInfo, topics.RUN_INFO, self._on_run_info, qos.latched(qos.RIVALS))
        node.every(CHECK_PERIOD, self._check)

    @property
    def contested(self) -> bool:
        """Whether it is open who stays, so that nothing should begin."""
        return self._contested_since is not None

    def announced(self) -> None:
        """This run has been announced, for the first time or again."""
        self._announced = self._clock() if self._announced is None else self._announced

    def _on_run_info(self, info: msg.RunInfo) -> None:
        if info.run == self._run:
            return
        if self._stays:
            self._node.get_logger().error(f"{_someone(info.run)} has appeared; its messages are ignored")
        elif info.run < self._run:
            raise self._giving_way(info.run)
        else:
            self._rival = info.run
            self._contested_since = self._contested_since or self._clock()

    @property
    def _stays(self) -> bool:
        now = self._clock()
        settled = self._announced is not None and now - self._announced >= SETTLED
        return not self.contested and (settled or now >= self._at_work_from)

    def _check(self) -> None:
        now = self._clock()
        if self._contested_since is None:
            if self._answers() and self._at_work_from == float("inf"):
                self._at_work_from = now + AT_WORK
        elif self._node.count_publishers(topics.RUN_INFO) <= 1:
            self._contested_since = None
        elif now - self._contested_since > PATIENCE:
            raise self._giving_way(self._rival)

    def _giving_way(self, rival: int) -> PeerError:
        return PeerError(
            f"{_someone(rival)} is already running in namespace '{self._node.get_namespace()}'; stop it or start this "
            "one with another namespace:="
        )


def _someone(run: int) -> str:
    return f"another simulator, bridge or player (run {run:016x})"
