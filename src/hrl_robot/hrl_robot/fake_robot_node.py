"""Fake robot: what a bridge meets on a ros2_control robot, in a process and on a clock of its own.

Joint states in shuffled order with flipped signs and offsets, odometry, a forward_command_controller that holds its
last command for ever (or times out), latency, jitter and loss; MuJoCo physics that waits for nobody.
"""

import json
import time
from pathlib import Path
from typing import IO

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from hrl_core.messages import Vector
from hrl_core.task.text import load_task
from hrl_robot.delay_line import DelayLine
from hrl_robot.fake_physics import FakePhysics
from hrl_robot.hardware import COMMANDS, EXTRA, MOTORS
from hrl_robot.parameters import FakeRobotParameters
from hrl_ros import qos, topics
from hrl_ros.messages import to_time
from hrl_ros.node import HrlNode
from hrl_ros.odometry import odometry
from hrl_ros.running import main_of

JOURNAL = "fake_robot.jsonl"
_LINGER = 0.5
"""Seconds of silence after which a fake robot that was told to end does so."""
_CATCH_UP = 5
"""Most physics steps made up for at once: a robot that was frozen has missed the time, not lived it quickly."""


class FakeRobotNode(HrlNode):
    """Publishes state as time goes by, obeys the last command."""

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("fake_robot", FakeRobotParameters)

    def setup(self) -> None:
        """Make the body, publishers, the controller's subscription and the service."""
        p = self.read_parameters(FakeRobotParameters)
        task = load_task(p.task)
        self._physics = FakePhysics(task)
        self._period = self._physics.period / p.real_time_factor
        self._timeout = p.controller_timeout
        self._states: DelayLine[tuple[JointState, Odometry]] = DelayLine(p.latency, p.jitter, p.dropout, p.seed)
        self._commands: DelayLine[Vector] = DelayLine(p.latency, p.jitter, p.dropout, p.seed + 1)
        self._seed, self._placings = p.seed, 0
        self._frames = (task.frame, "torso")
        self._names = [EXTRA, *(motor.name for motor in MOTORS)]
        self._journal: IO[str] | None = None
        if p.out:
            Path(p.out).mkdir(parents=True, exist_ok=True)
            # Appended to and flushed by line: it must tell what was commanded when the robot itself is killed.
            self._journal = (Path(p.out) / JOURNAL).open("a", buffering=1)
        prefix = f"{p.topics}/" if p.topics else ""
        self._joints = self.create_lifecycle_publisher(JointState, prefix + topics.JOINT_STATES, qos.sensor())
        self._odometry = self.create_lifecycle_publisher(Odometry, prefix + topics.ODOM, qos.sensor())
        self.subscribe(Float64MultiArray, f"{p.controller}/commands", self._on_command, qos.command())
        self.create_service(Trigger, prefix + "place", self._on_place)
        self.every(self._period, self._tick)

    def start(self) -> None:
        """Stand at the start, motors off."""
        self._place()
        self._began, self._steps, self._commanded = time.monotonic(), 0, float("-inf")

    def busy(self) -> bool:
        """A robot outlives its software: it is there for the last command, until none has come for a while."""
        return time.monotonic() - self._commanded < _LINGER

    def teardown(self) -> None:
        """Free the body."""
        if hasattr(self, "_physics"):
            self._physics.close()
            if self._journal is not None:
                self._journal.close()

    def _on_command(self, message: Float64MultiArray) -> None:
        efforts = np.array(message.data)
        sound = efforts.shape == (len(COMMANDS),) and bool(np.isfinite(efforts).all())
        self._note("command" if sound else "refused", efforts.tolist())
        if sound:
            self._commands.put(efforts, time.monotonic())
            self._obey(time.monotonic())
        else:
            self.get_logger().error(f"controller: {len(efforts)} finite numbers wanted; command refused")

    def _obey(self, now: float) -> None:
        for efforts in self._commands.due(now):
            self._physics.command(efforts)
            self._commanded = now

    def _tick(self) -> None:
        now = time.monotonic()
        self._obey(now)
        if self._timeout and now - self._commanded > self._timeout:
            self._physics.command(np.zeros(len(COMMANDS)))
        due = int((now - self._began) / self._period) - self._steps
        if due > _CATCH_UP:
            self._steps += due - _CATCH_UP
            due = _CATCH_UP
        for _ in range(due):
            self._physics.advance()
            self._steps += 1
        if due > 0:
            self._states.put(self._state(), now)
        for joints, base in self._states.due(now):
            self._joints.publish(joints)
            self._odometry.publish(base)

    def _state(self) -> tuple[JointState, Odometry]:
        stamp = to_time(time.time_ns())
        position, velocity = self._physics.encoders()
        joints = JointState(name=self._names, position=[0.0, *position.tolist()], velocity=[0.0, *velocity.tolist()])
        joints.header.stamp = stamp
        return joints, odometry(stamp, self._frames, *self._physics.base())

    def _on_place(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.active
        response.message = "" if self.active else "the fake robot is not active"
        if self.active:
            self._place()
        return response

    def _place(self) -> None:
        self._physics.place(self._seed + self._placings)
        self._placings += 1
        self._note("placed", self._placings)

    def _note(self, what: str, value: object) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps({"t": time.monotonic(), what: value}) + "\n")


main = main_of(FakeRobotNode)
