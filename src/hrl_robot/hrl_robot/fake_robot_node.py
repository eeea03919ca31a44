"""Fake robot: what a bridge meets on a ros2_control robot, in a process and on a clock of its own.

Joint states in shuffled order with flipped signs and offsets, odometry, what else is seen, a forward_command_controller
that holds its last command for ever (or times out), latency, jitter and loss; MuJoCo physics that waits for nobody.
"""

import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from hrl_core.messages import Vector
from hrl_core.task.text import load_task
from hrl_core.whole_folders import writable
from hrl_robot.delay_line import DelayLine
from hrl_robot.fake_arm import FakeArm
from hrl_robot.fake_body import FakeAnt, FakeBody, Fixtures, FreeBody
from hrl_robot.parameters import FakeRobotParameters
from hrl_robot.robot_config import commands_of
from hrl_ros import qos, topics
from hrl_ros.messages import to_time
from hrl_ros.node import HrlNode
from hrl_ros.odometry import odometry
from hrl_ros.running import main_of

JOURNAL = "fake_robot.jsonl"
_LINGER = 0.5
"""Seconds of silence after which a fake robot that was told to end does so."""
_CATCH_UP = 5
"""Most looks' physics made up for at once: a robot that was frozen has missed the time, not lived it quickly."""
_BODIES: Mapping[str, type[FakeBody]] = {"ant": FakeAnt, "franka": FakeArm}
_COMMAND, _GRIP = "command", "grip"
"""What the journal calls what controllers are told."""
State = JointState | Odometry | PoseStamped


class FakeRobotNode(HrlNode):
    """Publishes state as time goes by, obeys the last command."""

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("fake_robot", FakeRobotParameters)

    def setup(self) -> None:
        """Make the body, publishers, the controller's subscription and the service."""
        p = self.read_parameters(FakeRobotParameters)
        task = load_task(p.task)
        self._body = _BODIES[p.body](task)
        self.closing.callback(self._body.close)
        self._period = self._body.period / p.real_time_factor
        self._timeout = p.controller_timeout
        self._states: DelayLine[dict[str, State]] = DelayLine(p.latency, p.jitter, p.dropout, p.seed)
        self._commands: DelayLine[tuple[str, Vector]] = DelayLine(p.latency, p.jitter, p.dropout, p.seed + 1)
        self._seed, self._placings = p.seed, 0
        self._frame, wiring = task.frame, self._body.wiring
        self._names = (*(motor.name for motor in wiring.motors), wiring.extra)
        self._size = len(wiring.commands)
        self._journal: IO[str] | None = None
        if p.out:
            path = Path(p.out) / JOURNAL
            with writable(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Appended to and flushed by line: it must tell what was commanded when the robot itself is killed.
                self._journal = self.closing.enter_context(path.open("a", buffering=1))
        prefix = f"{p.topics}/" if p.topics else ""
        self._looks = {
            name: self.create_lifecycle_publisher(type(message), prefix + name, qos.sensor())
            for name, message in self._state().items()
        }
        self._take(p.controller, _COMMAND, self._size)
        if p.gripper:
            self._take(p.gripper, _GRIP, 1)
        self.create_service(Trigger, prefix + "place", self._on_place)
        self.every(self._body.steps_per_look * self._period, self._tick)

    def start(self) -> None:
        """Stand at the start, motors off."""
        self._place()
        self._began, self._steps, self._commanded = time.monotonic(), 0, float("-inf")

    def busy(self) -> bool:
        """A robot outlives its software: it is there for the last command, until none has come for a while."""
        return time.monotonic() - self._commanded < _LINGER

    def _take(self, controller: str, what: str, size: int) -> None:
        """Listen to what a controller is told."""
        topic, taken = commands_of(controller), partial(self._on_command, controller, what, size)
        self.subscribe(Float64MultiArray, topic, taken, qos.command())

    def _on_command(self, controller: str, what: str, size: int, message: Float64MultiArray) -> None:
        values = np.array(message.data)
        sound = values.shape == (size,) and bool(np.isfinite(values).all())
        self._note(what if sound else "refused", values.tolist())
        if sound:
            self._commands.put((what, values), time.monotonic())
            self._obey(time.monotonic())
        else:
            self.get_logger().error(f"{controller}: {size} finite numbers wanted; command refused")

    def _obey(self, now: float) -> None:
        for what, values in self._commands.due(now):
            if what == _GRIP:
                self._body.grip(float(values[0]))
            else:
                self._body.command(values)
            self._commanded = now

    def _tick(self) -> None:
        now = time.monotonic()
        self._obey(now)
        if self._timeout and now - self._commanded > self._timeout:
            self._body.command(np.zeros(self._size))
        due = int((now - self._began) / self._period) - self._steps
        most = _CATCH_UP * self._body.steps_per_look
        if due > most:
            self._steps += due - most
            due = most
        for _ in range(due):
            self._body.advance()
            self._steps += 1
        if due > 0:
            self._states.put(self._state(), now)
        for state in self._states.due(now):
            for name, message in state.items():
                self._looks[name].publish(message)

    def _state(self) -> dict[str, State]:
        """What is told of this instant, by topic."""
        stamp = to_time(time.time_ns())
        position, velocity = self._body.encoders()
        own = Fixtures(self._names, np.append(position, 0.0), np.append(velocity, 0.0))
        seen = {topics.JOINT_STATES: own, **self._body.things()}
        return {name: message_of(stamp, (self._frame, name), thing) for name, thing in seen.items()}

    def _on_place(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.active
        response.message = "" if self.active else "the fake robot is not active"
        if self.active:
            self._place()
        return response

    def _place(self) -> None:
        self._body.place(self._seed + self._placings)
        self._placings += 1
        self._note("placed", self._placings)

    def _note(self, what: str, value: object) -> None:
        if self._journal is not None:
            with writable(self._journal.name):
                self._journal.write(json.dumps({"t": time.monotonic(), what: value}) + "\n")


def message_of(stamp: object, frames: tuple[str, str], thing: FreeBody | Fixtures) -> State:
    """Tell of something seen; frames: where it is, and its own."""
    if isinstance(thing, FreeBody) and thing.velocity is not None:
        return odometry(stamp, frames, thing.pose, thing.velocity)
    if isinstance(thing, Fixtures):
        names, position, velocity = thing
        message = JointState(name=list(names), position=position.tolist(), velocity=velocity.tolist())
    else:
        message = PoseStamped()
        x, y, z, qw, qx, qy, qz = thing.pose.tolist()
        message.pose.position = Point(x=x, y=y, z=z)
        message.pose.orientation = Quaternion(w=qw, x=qx, y=qy, z=qz)
        message.header.frame_id = frames[0]
    message.header.stamp = stamp
    return message


main = main_of(FakeRobotNode)
