"""A ROS node for commands that only look at a running graph."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from hrl.graphs.graph import NODE_ENVIRONMENT
from hrl.launching.environment import need_ros

if TYPE_CHECKING:
    from rclpy.node import Node

DISCOVERY_RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
_POLL = 0.05


class Onlooker:
    """A node that is spun by hand."""

    def __init__(self, node: "Node", executor: Any) -> None:  # noqa: ANN401 - rclpy is not imported before it is needed
        """Wrap a node and the executor it is in."""
        self.node, self._executor = node, executor

    def spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Take in what comes for so many seconds, or until something is so; returns whether it is."""
        end = time.monotonic() + seconds
        while not until():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(min(_POLL, left))
        return True


@contextmanager
def onlooker(name: str) -> Iterator[Onlooker]:
    """Start an onlooker; like the nodes it stays on this machine unless the user opens the discovery range.

    It may start the process again, with the variables of ROS: call it before anything has an effect.

    Args:
        name: of the node.

    Raises:
        HrlError: the workspace is not built.
    """
    need_ros()
    os.environ.setdefault(DISCOVERY_RANGE, NODE_ENVIRONMENT[DISCOVERY_RANGE])
    with own_output():
        yield from _started(name)


def _started(name: str) -> Iterator[Onlooker]:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    # Ctrl-C stays Python's, so that a command ends as others do.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"{name}_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield Onlooker(node, executor)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def own_output() -> Iterator[None]:
    """Keep standard output for Python: what the middleware complains of there goes to standard error.

    Fast DDS prints on standard output, for example when a process that is stopped holds a port, in the midst of JSON.
    """
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    before, sys.stdout = sys.stdout, os.fdopen(os.dup(ours), "w", buffering=1)
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            sys.stdout.close()
        sys.stdout = before
        os.dup2(ours, 1)
        os.close(ours)


def where() -> str:
    """Which nodes can be seen from here, for people."""
    reach = os.environ.get(DISCOVERY_RANGE, NODE_ENVIRONMENT[DISCOVERY_RANGE])
    place = "on this machine" if reach == "LOCALHOST" else f"with {DISCOVERY_RANGE}={reach}"
    return f"in ROS domain {os.environ.get('ROS_DOMAIN_ID', '0')} {place}"
