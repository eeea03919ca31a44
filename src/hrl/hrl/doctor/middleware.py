"""Do messages get from one process to another here?"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable

from hrl.doctor.finding import Finding, note, ok, wrong
from hrl.watching.onlooker_node import Onlooker, where

ROUNDS = 20
DISCOVERY_LIMIT = 10.0
"""Seconds that two processes may take to find each other; 1 to 2 are usual."""
_FIX = "allow UDP on the loopback interface (ip link set lo up) and unset ROS_DISCOVERY_SERVER, ROS_STATIC_PEERS"


def middleware(eye: Onlooker) -> Iterable[Finding]:
    """All checks of the middleware."""
    yield reach()
    yield round_trip(eye)


def reach() -> Finding:
    """Who can talk to the nodes."""
    if os.environ.get("ROS_LOCALHOST_ONLY"):
        return wrong(
            "reach", "ROS_LOCALHOST_ONLY is set, which is deprecated", "unset it; LOCALHOST is the default here"
        )
    detail = f"nodes are sought {where()}"
    if os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST") == "LOCALHOST":
        return ok("reach", detail)
    return note("reach", f"{detail}: others can publish, too", "unset ROS_AUTOMATIC_DISCOVERY_RANGE; docs/security.md")


def round_trip(eye: Onlooker) -> Finding:
    """A process of its own echoes what we publish."""
    from std_msgs.msg import UInt64

    topic = f"hrl_doctor_{os.getpid()}"
    heard: list[int] = []

    def take(message: UInt64) -> None:
        heard.append(message.data)

    publisher = eye.node.create_publisher(UInt64, f"{topic}/ping", 1)
    eye.node.create_subscription(UInt64, f"{topic}/pong", take, 1)
    echo = subprocess.Popen([sys.executable, "-m", "hrl.doctor.echo", topic], stderr=subprocess.PIPE)
    try:
        started = time.monotonic()
        while not heard and time.monotonic() - started < DISCOVERY_LIMIT and echo.poll() is None:
            publisher.publish(UInt64(data=0))
            eye.spin(0.1, lambda: bool(heard))
        if not heard:
            return wrong("DDS", f"two processes do not hear each other {where()}{_last_words(echo)}", _FIX)
        found, times = time.monotonic() - started, []
        for number in range(1, ROUNDS + 1):
            before = time.monotonic()
            publisher.publish(UInt64(data=number))
            if not eye.spin(1.0, lambda number=number: number in heard):
                return wrong("DDS", f"message {number} of {ROUNDS} got lost {where()}", _FIX)
            times.append(1e3 * (time.monotonic() - before))
    finally:
        echo.kill()
        echo.communicate()
    detail = f"found each other within {found:.1f} s, round trip {statistics.median(times):.1f} ms (median of {ROUNDS})"
    return ok("DDS", detail)


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """What a process that has ended complained about."""
    if process.poll() is None or process.stderr is None:
        return ""
    lines = process.stderr.read().decode(errors="replace").strip().splitlines()
    return f"; the other one ended: {lines[-1]}" if lines else ""
