"""The one lifecycle base of all nodes, and the loop that runs them."""

import gc
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.timer import Timer

from hrl_core.errors import HrlError
from hrl_ros import parameters
from hrl_ros.entities import Entities
from hrl_ros.heartbeat import Pulse
from hrl_ros.parameters import NodeParameters

EXIT_FAILURE = 2
POLL_PERIOD = 0.1
"""Longest time [s] in which a signal is noticed."""
DRAIN_LIMIT = 2.0
"""Longest time [s] a stopped node goes on taking in messages."""
_REQUESTS = 16
"""Most requests that may have come while an executor was replaced."""
SETTLE_LIMIT = 0.7
"""Longest time [s] a stopped node stays for readers that lack its last messages; repairs take up to 0.2 s."""
P = TypeVar("P", bound=NodeParameters)


class RawPublisher:
    """Publishes serialised messages while its node is active; rclpy's own way there costs 10 us more."""

    def __init__(self, publisher: LifecyclePublisher) -> None:
        """Wrap a lifecycle publisher."""
        self.publisher = publisher
        self._publish = publisher.handle.publish_raw

    def publish(self, data: bytes) -> None:
        """Publish, or stay silent while inactive."""
        if self.publisher.is_activated:
            self._publish(data)


class HrlNode(LifecycleNode):
    """A managed node: ``setup`` loads and checks, ``start`` goes live, ``stop`` makes safe, ``teardown`` releases.

    Subclasses fill in these four and nothing else of the lifecycle. An ``HrlError`` anywhere ends the node with one
    clear message and exit code 2; nothing is swallowed.
    """

    niceness = 0
    """Off the lock-step's critical path: simulator and worker come first when all wake for one message."""

    poll_period: float | None = None
    """Seconds of sleep between looks at what has arrived; None: woken by every message."""

    def __init__(self, name: str, kind: type[NodeParameters]) -> None:
        """Declare parameters; resources are created in ``setup``."""
        super().__init__(name)
        self.failure: str | None = None
        self.finished = False
        self.active = False
        self.calls = 0
        self._latched_early: list[tuple[Callable[..., None], deque[Any]]] = []
        """Latched messages that have come before the activation, with what takes them."""
        self.garbage: list[Callable[[], object]] = []
        """Destroys what a cleanup has given up; for whoever spins the node, between two spins."""
        self._settling: list[Publisher] = []
        parameters.declare(self, kind)
        period = self.get_parameter("heartbeat").value
        self._pulse = Pulse(self, self, period) if period else None

    def setup(self) -> None:
        """Load, check and warm up; create publishers and subscriptions."""

    def start(self) -> None:
        """Go live."""

    def stop(self) -> None:
        """Safe state first, then silence."""

    def busy(self) -> bool:
        """Whether messages on their way must still be taken in before ``teardown``."""
        return False

    def teardown(self) -> None:
        """Release what ``setup`` took."""

    def read_parameters(self, kind: type[P]) -> P:
        """Parameters as the dataclass they were declared from."""
        return parameters.read(self, kind)

    def autostart(self) -> None:
        """Configure and activate unless the parameter leaves it to a lifecycle manager."""
        if not self.get_parameter("autostart").value:
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                self.failure = self.failure or "a lifecycle transition failed"
                return

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``setup``; a failure is reported and leaves the node unconfigured."""
        del state
        self._entities = Entities(self)
        return self._transition(self.setup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable publishers, then run ``start``."""
        super().on_activate(state)
        self.active = True
        outcome = self._transition(self.start)
        for callback, early in self._latched_early:
            while early:
                callback(early.popleft())
        return outcome

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``stop`` while publishers still work, then disable them."""
        outcome = self._transition(self.stop)
        self.active = False
        super().on_deactivate(state)
        return outcome

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``teardown`` and give back what ``setup`` created, so that the node can be configured anew."""
        del state
        outcome = self._transition(self.teardown)
        self._settling.clear()
        self._latched_early.clear()
        self.garbage += self._entities.since()
        return outcome

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop if active, then release everything."""
        if self.active:
            self.on_deactivate(state)
        return self._transition(self.teardown)

    def guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Wrap a callback: silent unless the node is active, and an ``HrlError`` ends the node with its message."""

        def call(*arguments: Any) -> None:  # noqa: ANN401 - passes on whatever rclpy hands over
            self.calls += 1
            if not self.active or self.failure is not None:
                return
            try:
                callback(*arguments)
            except HrlError as error:
                self.fail(str(error))

        return call

    def fail(self, message: str) -> None:
        """End the node: the first cause is logged and becomes the exit code."""
        if self.failure is None:
            self.failure = message
            self.get_logger().error(message)

    def publish_raw(self, kind: type, topic: str, qos: QoSProfile) -> RawPublisher:
        """Make a publisher of serialised messages, silent while the node is inactive."""
        publisher = self.create_lifecycle_publisher(kind, topic, qos)
        assert isinstance(publisher, LifecyclePublisher)
        self.settle_for(publisher)
        return RawPublisher(publisher)

    def subscribe_raw(self, kind: type, topic: str, callback: Callable[[bytes], None], qos: QoSProfile) -> None:
        """Subscribe to serialised messages, as the codecs of ``hrl_ros.messages`` read them."""
        self.create_subscription(kind, topic, self.guarded(callback), qos, raw=True)

    def subscribe(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        events: SubscriptionEventCallbacks | None = None,
    ) -> None:
        """Subscribe to ordinary messages; what is latched and comes before the activation is not lost."""
        guarded = self.guarded(callback)
        if qos.durability != DurabilityPolicy.TRANSIENT_LOCAL:
            self.create_subscription(kind, topic, guarded, qos, event_callbacks=events)
            return
        early: deque[Any] = deque(maxlen=qos.depth)
        self._latched_early.append((guarded, early))
        self.create_subscription(kind, topic, lambda m: guarded(m) if self.active else early.append(m), qos)

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """Call back every ``period`` seconds of steady time."""
        return self.create_timer(period, self.guarded(callback), clock=Clock(clock_type=ClockType.STEADY_TIME))

    def settle_for(self, publisher: Publisher) -> None:
        """Have the node stay at its end until readers have this publisher's last messages."""
        self._settling.append(publisher)

    def settle(self) -> None:
        """Stay until every reader has what was published: what is lost on the way cannot be repaired afterwards."""
        end = time.monotonic() + SETTLE_LIMIT
        for publisher in self._settling:
            publisher.wait_for_all_acked(Duration(seconds=max(0.0, end - time.monotonic())))

    def farewell(self) -> None:
        """Tell a supervisor that the node has made itself safe and ends."""
        if self._pulse is not None:
            self._pulse.farewell()

    def _transition(self, step: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            step()
        except HrlError as error:
            self.fail(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # rclpy would turn it into a transition that fails without a word.
            self.fail(f"internal error in {step.__name__}:\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS


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
    told_to_stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: told_to_stop.append(got))
    if kind.niceness:
        # Before ROS starts: threads inherit the priority of the one that creates them.
        os.nice(kind.niceness)
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    node = kind()  # pyright: ignore[reportCallIssue] - node classes name themselves
    executor = make_executor()
    executor.add_node(node)
    try:
        node.autostart()
        # What is loaded by now stays: the garbage collector need not look at it again and again.
        gc.freeze()
        while not (told_to_stop or node.failure or node.finished):
            _spin(node, executor)
            if node.garbage:
                executor = _renewed(executor, node)
        # Not through the state machine: a node in any state must reach safety and release its files.
        if node.active:
            node.stop()
        limit = time.monotonic() + DRAIN_LIMIT
        while node.active and node.busy() and time.monotonic() < limit:
            _spin(node, executor)
        node.settle()
        node.farewell()
        node.teardown()
    except HrlError as error:
        node.fail(str(error))
    except ExternalShutdownException:
        pass
    except Exception:
        node.fail(f"internal error:\n{traceback.format_exc()}")
        # What it was about to do is unknown; what it commands must be safe all the same.
        node.stop()
        node.settle()
    finally:
        failed = node.failure is not None
        executor.remove_node(node)
        node.destroy_node()
        executor.shutdown()
        rclpy.try_shutdown()
    return EXIT_FAILURE if failed else 0


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
    """Handle what comes next, or everything that has come since the last look."""
    if node.poll_period is None:
        executor.spin_once(POLL_PERIOD)
        return
    time.sleep(node.poll_period)
    calls = -1
    while calls != node.calls:
        calls = node.calls
        executor.spin_once(0.0)


def main_of(kind: type[HrlNode]) -> Callable[[], None]:
    """Console-script entry point of a node class."""

    def main() -> None:
        sys.exit(run_node(kind))

    return main
