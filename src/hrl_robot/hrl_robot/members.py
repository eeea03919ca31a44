"""The lifecycle nodes a supervisor looks after: their heartbeats, and what is under way with each."""

import socket
import time
from collections.abc import Callable, Collection
from enum import Enum

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.task import Future

from hrl_core.control.restart_budget import RestartBudget
from hrl_msgs import msg
from hrl_robot.sibling import Sibling
from hrl_ros.node import CONNECT_LIMIT, HrlNode


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
    DOWN = "taken down"
    """Deactivated by somebody else, who may bring it up again."""
    FAILED = "failed"
    LEFT = "left"
    """Has ended by itself or on request."""


_LATE = 1.0
"""Age [s] of a heartbeat that was on its way while its node was activated, at most."""
_SHUTDOWN = {
    Stage.PRESENT: Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Stage.INACTIVE: Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Stage.ACTIVE: Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
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
        self.restarted = False
        """Whether it takes the place of one that was lost, in a graph that runs."""
        self.connected = False
        """Whether it has discovered all whom it needs."""
        self._asked = False
        """Whether its process was asked to go a stage up."""
        self.strangers = 0
        """Heartbeats in its name that did not come from its process."""
        self._process: Sibling | None = None
        """Its process, where our launcher has started it: what a message says of ids is not taken for granted."""
        self.budget = RestartBudget(limit=restarts)
        self._clock = clock
        self._beat = self.since = clock()
        self._client = owner.create_client(ChangeState, f"{name}/change_state")

    @property
    def silence(self) -> float:
        """Seconds since the last heartbeat."""
        return self._clock() - self._beat

    @property
    def ours(self) -> bool:
        """Whether its process was started beside us or brought up by us: any other may be another stack's."""
        return self._asked or self._process is not None

    @property
    def gone(self) -> bool:
        """Whether it has ended, as far as is known."""
        return self.stage is Stage.LEFT or (self._process is not None and not self._process.alive)

    @property
    def under_way(self) -> bool:
        """Whether a transition keeps it from beating: loading a policy takes its time."""
        return self.stage in (Stage.CONFIGURING, Stage.ACTIVATING)

    @property
    def lacks_peers(self) -> bool:
        """Whether it has still to discover those whom it needs: active before, it would be idle in a run that goes on.

        As with nodes that start by themselves, one that misses a peer for too long says whom once it is active.
        """
        waits = self.restarted and self.stage is Stage.INACTIVE and not self.connected
        return waits and self._clock() - self.since < CONNECT_LIMIT

    def admits(self, heartbeat: msg.Heartbeat) -> bool:
        """Whether a heartbeat may be the node's: while a process lives that was started beside us, only that one's."""
        if self._is_known(heartbeat) or self._process is None or not self._process.alive:
            return True
        self.strangers += 1
        return False

    def beat(self, heartbeat: msg.Heartbeat) -> bool:
        """Take a heartbeat; returns whether its process was replaced by another."""
        self._beat = self._clock()
        self.connected = heartbeat.connected
        anew = not self._is_known(heartbeat)
        replaced = anew and self._meet(heartbeat)
        if heartbeat.leaving:
            self._enter(Stage.LEFT)
        elif anew or self.stage in (Stage.ABSENT, Stage.LEFT):
            inactive = Stage.INACTIVE if heartbeat.configured else Stage.PRESENT
            self._enter(Stage.ACTIVE if heartbeat.active else inactive)
        elif self.stage is Stage.ACTIVE and not heartbeat.active and self._clock() - self.since > _LATE:
            self._enter(Stage.DOWN)
        elif self.stage is Stage.DOWN and heartbeat.active:
            self._enter(Stage.ACTIVE)
        return replaced

    def _is_known(self, heartbeat: msg.Heartbeat) -> bool:
        return (heartbeat.pid, heartbeat.host) == (self.pid, self.host)

    def _meet(self, heartbeat: msg.Heartbeat) -> bool:
        """Another process speaks; returns whether it has replaced one, and was not just taken for another before."""
        known, before = self.pid != 0, self._process
        self.pid, self.host = heartbeat.pid, heartbeat.host
        here = heartbeat.host == socket.gethostname()
        self._process = Sibling.find(heartbeat.pid, heartbeat.node) if here else None
        if before is not None:
            before.close()
        return known and (before is not None or self._process is None)

    def end(self) -> None:
        """See to it that a frozen process does not wake up with an old mind.

        One that was started beside us is killed. Any other is asked to shut down, which it does if it ever wakes up.
        """
        shutdown = _SHUTDOWN.get(self.stage)
        if self._process is not None:
            self._process.kill()
        elif shutdown is not None and self._client.service_is_ready():
            self._call(shutdown)

    def lost(self) -> None:
        """Its process is gone."""
        self.pid = 0
        self.restarted, self.connected, self._asked = True, False, False
        self.close()
        self._enter(Stage.ABSENT)

    def close(self) -> None:
        """Let go of its process."""
        if self._process is not None:
            self._process.close()
        self._process = None

    def climb(self) -> None:
        """Ask for the next transition on the way to ACTIVE, unless one is under way."""
        step = _UP.get(self.stage)
        if step is None or not self._client.service_is_ready():
            return
        during, transition, after = step
        self._asked = True
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
        """Deactivate it if it is active and ours, then go on; without waiting for one that does not answer."""
        if self.stage is not Stage.ACTIVE or not self.ours or not self._client.service_is_ready():
            then()
            return
        self._enter(Stage.INACTIVE)
        self._call(Transition.TRANSITION_DEACTIVATE).add_done_callback(lambda _future: then())

    def _call(self, transition: int) -> Future:
        return self._client.call_async(ChangeState.Request(transition=Transition(id=transition)))

    def _enter(self, stage: Stage) -> None:
        self.stage, self.since = stage, self._clock()


def complaint(members: Collection[Member], patience: float) -> str:
    """What is not as it should be with the nodes; empty when they are all active and speak.

    Args:
        members: the nodes.
        patience: seconds of silence that are nothing to speak of.
    """
    if any(member.stage is not Stage.ACTIVE for member in members):
        return "not all nodes are active"
    silent = [f"{m.name} for {m.silence:.0f} s" for m in members if m.silence > patience]
    return f"silent, given up later: {', '.join(silent)}" if silent else ""
