"""``hrl teleop``: the keyboard as a joystick, for whoever demonstrates without one."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import tyro

from hrl.graphs.arguments import require_namespace
from hrl.results.lines import tell
from hrl.watching.onlooker_node import onlooker, where
from hrl_core.errors import HrlError
from hrl_ros import topics

_ESCAPE, _LET_GO = "\x1b", " "
_AXES = {"w": (0, 1.0), "s": (0, -1.0), "a": (1, 1.0), "d": (1, -1.0), "r": (2, 1.0), "f": (2, -1.0)}
_AXES |= {"q": (3, 1.0), "e": (3, -1.0), "t": (4, 1.0), "g": (4, -1.0), "y": (5, 1.0), "h": (5, -1.0)}
_BUTTONS = "12345678"
KEYS = """axis 0 w s   axis 1 a d   axis 2 r f   axis 3 q e   axis 4 t g   axis 5 y h   (it stays where it is put)
buttons 0 to 7: 1 to 8, pressed and let go   space: let go of all   Esc or Ctrl-C: end"""


@dataclass
class Keyboard:
    """A joystick of six axes and eight buttons, moved by keys."""

    axes: list[float] = field(default_factory=lambda: [0.0] * 6)
    buttons: list[int] = field(default_factory=lambda: [0] * len(_BUTTONS))

    def press(self, key: str) -> None:
        """Move as a key says: an axis to its end, or back to the middle where it is there already."""
        if key == _LET_GO:
            self.axes, self.buttons = [0.0] * len(self.axes), [0] * len(self.buttons)
        elif key in _AXES:
            axis, end = _AXES[key]
            self.axes[axis] = 0.0 if self.axes[axis] == end else end
        elif key and key in _BUTTONS:
            number = _BUTTONS.index(key)
            self.buttons[number] = 1 - self.buttons[number]


@dataclass(frozen=True)
class Teleop:
    """Publish what keys say as sensor_msgs/Joy, for demo.launch.py demonstrator:=teleop."""

    namespace: str = ""
    """Of the robot; empty: none."""
    rate: float = 20.0
    """Messages per second."""

    def run(self) -> int:
        """Exit code 0: it was ended by a key."""
        if not sys.stdin.isatty():
            raise HrlError("hrl teleop reads keys: run it in a terminal (a joystick's node publishes the same topic)")
        if not 0 < self.rate <= 1000:
            raise HrlError(f"--rate {self.rate:g}: messages per second, above 0 and at most 1000")
        namespace = require_namespace(self.namespace)
        with onlooker("hrl_teleop") as eye:
            from sensor_msgs.msg import Joy

            topic = f"/{namespace}/{topics.JOY}" if namespace else topics.JOY
            publisher = eye.node.create_publisher(Joy, topic, 10)
            tell(f"{topic} {where()}\n{KEYS}")
            keyboard = Keyboard()
            with single_keys(), suppress(KeyboardInterrupt):
                for key in keys(1 / self.rate):
                    keyboard.press(key)
                    message: Any = Joy(axes=keyboard.axes, buttons=keyboard.buttons)
                    message.header.stamp = eye.node.get_clock().now().to_msg()
                    publisher.publish(message)
            listeners = publisher.get_subscription_count()
        if not listeners:
            tell(f"nobody listens to {topic}: is a demonstration running (demonstrator:=teleop)?", style="yellow")
        return 0


@contextmanager
def single_keys() -> Iterator[None]:
    """Hand keys over one by one, without Enter and without showing them."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def keys(period: float) -> Iterator[str]:
    """Keys as they are pressed; at the end of each period [s] without one an empty string."""
    terminal = sys.stdin.fileno()
    while True:
        ready, _, _ = select.select([terminal], [], [], period)
        data = os.read(terminal, 1).decode("latin-1") if ready else ""
        if data == _ESCAPE or (ready and not data):
            return
        yield data.lower()


def teleop(words: list[str]) -> int:
    """Run ``hrl teleop`` with the words that follow it; returns the exit code."""
    return tyro.cli(Teleop, prog="hrl teleop", description=__doc__, args=words).run()
