"""Supervisor node: brings the stack up in order and down in reverse, and covers for a dead bridge.

A forward_command_controller keeps its last command for ever, so the safe action must be able to come from another
process than the bridge's: this one has a publisher of its own, silent while the bridge's heart beats.
"""

import time

from std_msgs.msg import Float64MultiArray

from hrl_core.control.safety import SafetyLayer
from hrl_core.errors import PeerError
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_robot.members import Member, Stage, complaint
from hrl_robot.parameters import SupervisorParameters
from hrl_robot.robot_config import load_robot
from hrl_robot.robot_port import RobotPort
from hrl_ros import qos, topics
from hrl_ros.diagnostics import Diagnostics
from hrl_ros.node import HrlNode
from hrl_ros.running import main_of

WATCH_PERIOD = 0.01
REPEAT_PERIOD = 0.02
"""Seconds between safe actions while the bridge is silent."""
STOPPED = 0.5
"""Seconds between two looks after which this node takes itself for the one that stood still."""


class SupervisorNode(HrlNode):
    """Watches heartbeats; restarts what may be restarted, stops the stack otherwise."""

    fifo_priority = 50

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("supervisor", SupervisorParameters)

    def setup(self) -> None:
        """Know the nodes and, where there is a robot, how to make it safe."""
        self._settings = p = self.read_parameters(SupervisorParameters)
        slow = dict.fromkeys(_names(p.writing), p.writing_timeout)
        patience = {name: slow.get(name, p.node_timeout) for name in _names(p.nodes)}
        self._members = {name: Member(self, name, p.restarts, seconds) for name, seconds in patience.items()}
        for member in self._members.values():
            self.closing.callback(member.close)
        self._restarting = set(_names(p.restarting))
        prefix = self.get_namespace().rstrip("/")
        self._by_path = {f"{prefix}/{name}": member for name, member in self._members.items()}
        self._bridge = self._members.get(p.bridge)
        self._up: list[Member] = []
        self._going_down: Member | None = None
        """Of those that were up when this node began to end, in reverse order."""
        self._port: RobotPort | None = None
        self._commanding, self.covered = False, 0
        self._tried = False
        """Whether the robot has been sent a safe action to see whether it arrives."""
        self._commanded = False
        """Whether the bridge has ever been active: a robot that it has refused is told nothing."""
        if p.bridge:
            task, config = load_task(p.task), load_robot(p.robot_config)
            limits = config.safety(task)
            self._safety = SafetyLayer(limits, timeout=float("inf"))
            self._port = RobotPort(self, config, task, listen=any(joint.safe != "zero" for joint in limits))
            if any(joint.safe == "hold" for joint in limits):
                self.subscribe(Float64MultiArray, config.command.topic, self._on_command, qos.command())
                self._port.own_listeners += 1
        self._diagnostics = Diagnostics(self)
        self._repeat_at = 0.0
        self._looked = self._awake = time.monotonic()
        """When it looked last, and since when it has heard what there was to hear."""
        self.subscribe(msg.Heartbeat, topics.HEARTBEAT, self._on_heartbeat, qos.heartbeat(len(self._members)))
        self.every(WATCH_PERIOD, self._watch)
        self.every(1.0, self._report)

    def stop(self) -> None:
        """Safe action, for the bridge may have died a moment ago; then the nodes go down in reverse order."""
        if self._commanded:
            self._make_safe()
        self._up = list(self._members.values())
        self._descend()

    def busy(self) -> bool:
        """Whether nodes are still to be taken down; one that is gone is not waited for."""
        while self._going_down is not None and self._going_down.gone:
            self._descend()
        return self._going_down is not None

    @property
    def _covering(self) -> bool:
        """Whether the robot may be moving and its bridge is silent."""
        bridge = self._bridge
        return self._commanding and bridge is not None and bridge.silence > self._settings.bridge_timeout

    def _on_heartbeat(self, heartbeat: msg.Heartbeat) -> None:
        member = self._by_path.get(heartbeat.node)
        if member is None:
            return
        if not member.admits(heartbeat):
            said = f"process {heartbeat.pid} on {heartbeat.host} says it were {member.name}, which is another: ignored"
            self.get_logger().error(said, throttle_duration_sec=10.0)
            return
        if member.beat(heartbeat):
            self._lose(member, "its process was replaced")
            member.beat(heartbeat)
        if member is self._bridge:
            self._require_own(member, heartbeat)
            self._commanding = (self._commanding or heartbeat.active) and not heartbeat.leaving
            self._commanded |= heartbeat.active

    def _require_own(self, bridge: Member, heartbeat: msg.Heartbeat) -> None:
        """Refuse a bridge that others have brought up: it moves a robot, which is none of our business."""
        if heartbeat.configured and not bridge.ours:
            raise PeerError(
                f"a stack is running in namespace '{self.get_namespace()}' already (process {heartbeat.pid} on "
                f"{heartbeat.host}): give this one another with namespace:=, or end that one first"
            )

    def _on_command(self, command: Float64MultiArray) -> None:
        action = None if self._port is None else self._port.map.understood(command.data)
        if self._port is None or action is None:
            return
        self._safety.command = action
        if not self._covering:
            # Commands of our own are heard, too: by them the robot is to stay where it is.
            self._port.forget_place()

    def _watch(self) -> None:
        self._cover()
        if self._going_down is not None:
            return
        looked, self._looked = self._looked, time.monotonic()
        if self._looked - looked > STOPPED:
            self._awake = self._looked
        for member in self._members.values():
            self._check(member)
        for member in self._members.values():
            # Two that were lost together wait for each other: both are to be configured before either is active.
            if member.stage not in (Stage.ACTIVE, Stage.LEFT, Stage.DOWN) and not member.lacks_peers:
                if self._may_climb(member):
                    member.climb()
                # In order: the next one only when this one is up.
                return

    def _may_climb(self, member: Member) -> bool:
        """Whether it may go a stage up: a bridge moves the robot only once our own commands arrive there, too.

        Discovery may take seconds on a busy machine; a bridge that dies meanwhile would leave the robot walking.
        """
        if member is not self._bridge or member.stage is not Stage.INACTIVE or self._port is None:
            return True
        if not self._tried and self._port.heard:
            # Not before: what nobody was to receive counts as acknowledged.
            self._tried = self._port.send_safe(self._safety)
        waiting = time.monotonic() - member.since
        if waiting > self._settings.load_limit:
            topic = self._port.config.command.topic
            raise PeerError(
                f"nobody takes commands on '{topic}' for {waiting:.0f} s; is the controller running, in this "
                "namespace? Stopping the stack"
            )
        return self._tried and self._port.heard and self._port.acknowledged

    def _check(self, member: Member) -> None:
        heard = time.monotonic() - self._awake
        waiting = min(time.monotonic() - member.since, heard)
        if member.stage is Stage.LEFT:
            return
        if member.stage is Stage.FAILED:
            raise PeerError(f"{member.name} could not be brought up; its own message says why. Stopping the stack")
        if member.stage is Stage.ABSENT or member.under_way:
            if waiting > self._settings.load_limit:
                raise PeerError(
                    f"{member.name} is still {member.stage.value} after {waiting:.0f} s; stopping the stack"
                )
        elif min(member.silence, heard) > (self._settings.load_limit if member.stage is Stage.DOWN else member.timeout):
            # Who has taken it down may be configuring it anew, during which it does not beat.
            self._lose(member, f"no heartbeat for {member.silence:.1f} s")

    def _lose(self, member: Member, reason: str) -> None:
        """A node is dead or frozen: see to it that it is gone, and wait for the launcher to start it again."""
        if member.silence > member.timeout:
            member.end()
        member.lost()
        if member.name not in self._restarting:
            raise PeerError(f"{member.name} is dead ({reason}) and cannot be replaced in mid-run; stopping the stack")
        if not member.budget.take(time.monotonic()):
            raise PeerError(
                f"{member.name} is dead ({reason}) after {member.budget.limit} restarts in a minute; stopping"
            )
        self.get_logger().error(f"{member.name} is dead ({reason}); waiting for its restart")

    def _cover(self) -> None:
        now = time.monotonic()
        if self._covering and now >= self._repeat_at:
            first = not self.covered
            self._make_safe()
            self._repeat_at = now + REPEAT_PERIOD
            # Afterwards: words take tens of milliseconds.
            if first:
                self.get_logger().error("the bridge is silent: sending the safe action in its place")
        elif not self._covering and self.covered:
            self.get_logger().warning(f"the bridge is back; {self.covered} safe actions sent in its place")
            self.covered = 0

    def _make_safe(self) -> None:
        if self._port is not None and self._port.send_safe(self._safety):
            self.covered += 1

    def _descend(self) -> None:
        """Take down the last node that is up, and so on once it is down."""
        member = self._going_down = self._up.pop() if self._up else None
        if member is not None:
            member.descend(lambda: self._descend() if self._going_down is member else None)

    def _report(self) -> None:
        members = self._members.values()
        figures = {member.name: member.stage.value for member in members} | {"safe_actions_sent": self.covered}
        figures["heartbeats_of_strangers"] = sum(member.strangers for member in members)
        problem = complaint(members, self._settings.node_timeout)
        if problem or self.covered:
            self._diagnostics.warn(problem or "covering for the bridge", figures)
        else:
            self._diagnostics.ok("all nodes are active", figures)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


main = main_of(SupervisorNode)
