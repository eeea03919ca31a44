"""The recorder of a run, if one takes part: it hears everything, and the run never gets too far ahead of it."""

from collections.abc import Sequence

from hrl_core.errors import PeerError
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.loop.course import Course, EnvironmentClock
from hrl_ros.loop.credit import Credit
from hrl_ros.loop.parameters import EnvironmentParameters
from hrl_ros.node import HrlNode, RawPublisher
from hrl_ros.peers import RECORDER, hears
from hrl_ros.waiting import Patience


class RecorderLink:
    """Takes acknowledgements, and holds the course while the recorder is a whole window behind."""

    def __init__(
        self,
        node: HrlNode,
        run: int,
        settings: EnvironmentParameters,
        course: Course,
        clock: EnvironmentClock,
        patience: Patience,
        outputs: Sequence[RawPublisher],
    ) -> None:
        """Listen.

        Args:
            node: owner.
            run: its id.
            settings: whether a recorder takes part, and the window.
            course: what is held.
            clock: looks again when the course is not held any more.
            patience: told that the recorder gets on.
            outputs: what the recorder has to hear.
        """
        self._node, self._run, self._takes_part = node, run, settings.recorder
        self._course, self._clock, self._patience, self._outputs = course, clock, patience, outputs
        self._credit = Credit(settings.credit_window)
        node.subscribe(msg.RecorderStatus, topics.RECORDER_STATUS, self._on_status, qos.event())

    @property
    def hears(self) -> bool:
        """Whether nothing would be lost on a recorder from now on."""
        return not self._takes_part or all(hears(self._node, RECORDER, output) for output in self._outputs)

    @property
    def lagging(self) -> str | None:
        """Who it is, and how far, while it lacks something of what has been published."""
        published, recorded = self._course.log.observations, self._credit.recorded
        if not self._takes_part or recorded >= published:
            return None
        return f"the recorder, which has acknowledged {recorded} of {published} observations"

    def apply_credit(self) -> None:
        """Hold the next step, or let go of it, by what is published and acknowledged now."""
        if self._takes_part:
            self._course.held = self._credit.spent(self._course.log.observations)
            if not self._course.held:
                self._clock.poll()

    def _on_status(self, status: msg.RecorderStatus) -> None:
        if status.run != self._run:
            return
        if status.error:
            raise PeerError(f"the recorder stopped: {status.error}")
        if self._credit.acknowledge(status.recorder, status.recorded, self._course.log.observations):
            self._node.get_logger().warning("the recorder was started anew: what was sent meanwhile is not recorded")
        self._patience.heard(topics.RECORDER_STATUS, (self._credit.recorded,))
        self.apply_credit()
