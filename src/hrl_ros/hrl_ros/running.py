"""The loop that runs a node from its start to its exit code."""

import contextlib
import faulthandler
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from hrl_core.errors import HrlError
from hrl_ros.node import HrlNode
from hrl_ros.participant import take_participant_id

EXIT_FAILURE = 2
POLL_PERIOD = 0.1
"""Longest time [s] in which a signal is noticed."""
LEAVING_LIMIT = 10.0
"""Longest time [s] that the middleware may take to let go of a process that has done everything else."""
_REQUESTS = 16
"""Most requests that may have come while an executor was replaced."""


def make_executor() -> Executor:
    """Return the events executor where rclpy has it (a third faster in lock-step), else the ordinary one."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def run_node(kind: type[HrlNode], arguments: list[str] | None = None) -> int:
    """Run one node until it finishes, fails or is told to stop; returns the exit code.

    SIGINT and SIGTERM make the node safe (``stop``, ``teardown``) before ROS goes down.
    """
    told_to_stop = _heard_signals()
    # Before ROS starts: threads inherit the priority of the one that creates them.
    _take_priority(kind)
    take_participant_id()
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except RCLError as error:
        # A parameter file that is missing or no YAML; rcl says which and where.
        sys.stderr.write(f"ERROR: cannot start: {str(error).splitlines()[0]}\n")
        return EXIT_FAILURE
    node = kind()  # pyright: ignore[reportCallIssue] - node classes name themselves
    executor = make_executor()
    executor.add_node(node)

    def spin() -> bool:
        _spin(node, executor)
        return not told_to_stop

    try:
        with _failing(node):
            node.autostart(spin)
            # What is loaded by now stays: the garbage collector need not look at it again and again.
            gc.freeze()
            while not (told_to_stop or node.failure or node.finished):
                _spin(node, executor)
                if node.garbage:
                    executor = _renewed(executor, node)
        # Whoever sends it to a node that ends already is told where it hangs.
        faulthandler.register(signal.SIGTERM)
        _make_safe_and_release(node, executor)
    except ExternalShutdownException:
        pass
    finally:
        failed = node.failure is not None
        if not failed:
            _limit_the_rest()
        # The executor first: an event of a subscription that is gone would crash it.
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return EXIT_FAILURE if failed else 0


def _heard_signals() -> list[int]:
    """The signals to stop that come from now on, as they come."""
    heard: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: heard.append(got))
    # `hrl launch` starts nodes with SIGINT blocked; one that came meanwhile is heard now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return heard


def _take_priority(kind: type[HrlNode]) -> None:
    if kind.niceness:
        os.nice(kind.niceness)
    if kind.fifo_priority:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(kind.fifo_priority))


@contextlib.contextmanager
def _failing(node: HrlNode) -> Iterator[None]:
    """Whatever goes wrong, also in a callback that nothing guards, is the node's failure; the first one is told."""
    try:
        yield
    except ExternalShutdownException:
        raise
    except HrlError as error:
        node.fail(str(error))
    except Exception:
        node.fail(f"internal error:\n{traceback.format_exc()}")


def _make_safe_and_release(node: HrlNode, executor: Executor) -> None:
    """Not through the state machine: a node in any state must reach safety and release its files.

    What a node that has failed was about to do is unknown; nor does a step that fails keep those after it from being
    taken.
    """
    with _failing(node):
        if node.active:
            node.stop()
    limit = time.monotonic() + node.drain_limit
    with _failing(node):
        while node.active and node.busy() and time.monotonic() < limit:
            _spin(node, executor)
    with _failing(node):
        node.settle()
        node.farewell()
    with _failing(node):
        node.release()


def _limit_the_rest() -> None:
    """See to it that the process ends, though the middleware should not let go of it.

    Its threads have been seen to wait for each other without an end while they are destroyed, with Python locked out.
    By now the node is safe and everything is told: SIGTERM, or SIGALRM after a while, ends it and says where it hung,
    which those who start it take for a good end (``hrl.launching.ending``).
    """
    faulthandler.unregister(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
        faulthandler.register(number, chain=True)
    signal.setitimer(signal.ITIMER_REAL, LEAVING_LIMIT)


def _leave_the_network() -> None:
    """Destroy the context, which others see as the end of this process: ``os._exit`` would leave that to a time-out.

    It lives as long as anything made of it: nothing must refer to the node any more.
    """
    gc.unfreeze()
    gc.collect()
    rclpy.get_default_context().destroy()


def _renewed(executor: Executor, node: HrlNode) -> Executor:
    """Destroy what the node has given up, and return an executor that has never heard of it.

    The events executor crashes on a queued event of a subscription that is gone, also if it was told to let go of it.
    """
    executor.remove_node(node)
    executor.shutdown()
    while node.garbage:
        node.garbage.pop(0)()
    gc.collect()
    # Requests whose event was in the old one's queue would never be seen by a new one: a wait set sees them.
    waiting = SingleThreadedExecutor()
    waiting.add_node(node)
    for _ in range(_REQUESTS):
        waiting.spin_once(0.0)
    waiting.remove_node(node)
    waiting.shutdown()
    executor = make_executor()
    executor.add_node(node)
    return executor


def _spin(node: HrlNode, executor: Executor) -> None:
    """Handle what comes next, or everything that has come since the last look.

    Who is flooded looks up all the same: a signal must be noticed.
    """
    if node.poll_period is None:
        executor.spin_once(POLL_PERIOD)
        return
    time.sleep(node.poll_period)
    calls, end = -1, time.monotonic() + POLL_PERIOD
    while calls != node.calls and time.monotonic() < end:
        calls = node.calls
        executor.spin_once(0.0)


def main_of(kind: type[HrlNode]) -> Callable[[], None]:
    """Console-script entry point of a node class."""

    def main() -> None:
        code = run_node(kind)
        _leave_the_network()
        sys.stdout.flush()
        sys.stderr.flush()
        # Everything is released and told by now. Destructors of libraries, in whatever order the interpreter runs them
        # while their threads go on, have been seen to wait for each other without an end.
        os._exit(code)

    return main
