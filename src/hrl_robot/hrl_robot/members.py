"""The lifecycle nodes a supervisor looks after: their heartbeats, and what is under way with each."""

import time
from collections.abc import Callable
from enum import Enum

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.task import Future

from hrl_core.restart_budget import RestartBudget
from hrl_msgs import msg
from hrl_ros.node import HrlNode


class Stage(Enum):
    """Where a node is on its way up."""

    ABSENT = "absent"
    """No heartbeat yet, or its process is gone."""
    PRESENT = "present"
    """Beating, not configured."""
    CONFIGURING = "configuring"
    INACTIVE = "inactive"
    ACTIVATING = "activating"
    ACTIVE = "active"
    FAILED = "failed"
    LEFT = "left"
    """Has ended by itself or on request."""


_UP = {
    Stage.PRESENT: (Stage.CONFIGURING, Transition.TRANSITION_CONFIGURE, Stage.INACTIVE),
    Stage.INACTIVE: (Stage.ACTIVATING, Transition.TRANSITION_ACTIVATE, Stage.ACTIVE),
}


class Member:
    """One node."""

    def __init__(
        self,
        owner: HrlNode,
        name: str,
        restarts: int,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know nothing of it yet.

        Args:
            owner: the supervisor.
            name: name of the node, in the supervisor's namespace.
            restarts: most restarts within a minute.
            timeout: seconds without a heartbeat after which it counts as dead.
            clock: steady time [s].
        """
        self.name, self.timeout = name, timeout
        self.stage = Stage.ABSENT
        self.pid, self.host = 0, ""
        self.budget = RestartBudget(limit=restarts)
        self._clock = clock
        self._beat = self.since = clock()
        self._client = owner.create_client(ChangeState, f"{name}/change_state")

    @property
    def silence(self) -> float:
        """Seconds since the last heartbeat."""
        return self._clock() - self._beat

    @property
    def under_way(self) -> bool:
        """Whether a transition keeps it from beating: loading a policy takes its time."""
        return self.stage in (Stage.CONFIGURING, Stage.ACTIVATING)

    def beat(self, heartbeat: msg.Heartbeat) -> bool:
        """Take a heartbeat; returns whether another process than before sent it."""
        self._beat = self._clock()
        if heartbeat.leaving:
            self._enter(Stage.LEFT)
            return False
        anew = heartbeat.pid != self.pid
        if anew or self.stage is Stage.ABSENT:
            self.pid, self.host = heartbeat.pid, heartbeat.host
            self._enter(Stage.ACTIVE if heartbeat.active else Stage.PRESENT)
        return anew

    def lost(self) -> None:
        """Its process is gone."""
        self.pid = 0
        self._enter(Stage.ABSENT)

    def climb(self) -> None:
        """Ask for the next transition on the way to ACTIVE, unless one is under way."""
        step = _UP.get(self.stage)
        if step is None or not self._client.service_is_ready():
            return
        during, transition, after = step
        self._enter(during)
        pid = self.pid

        def done(future: Future) -> None:
            if pid != self.pid or self.stage is not during:
                return
            answer = future.result()
            # A node may beat late after a long transition: its silence counts from now.
            self._beat = self._clock()
            self._enter(after if isinstance(answer, ChangeState.Response) and answer.success else Stage.FAILED)

        self._call(transition).add_done_callback(done)

    def descend(self, then: Callable[[], None]) -> None:
        """Deactivate it if it is active, then go on; without waiting for one that does not answer."""
        if self.stage is not Stage.ACTIVE or not self._client.service_is_ready():
            then()
            return
        self._enter(Stage.INACTIVE)
        self._call(Transition.TRANSITION_DEACTIVATE).add_done_callback(lambda _future: then())

    def _call(self, transition: int) -> Future:
        return self._client.call_async(ChangeState.Request(transition=Transition(id=transition)))

    def _enter(self, stage: Stage) -> None:
        self.stage, self.since = stage, self._clock()
