"""The one lifecycle base of all nodes."""

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer

from hrl_core.errors import HrlError, InvalidDataError
from hrl_ros import parameters
from hrl_ros.affinity import ANY, stay_on
from hrl_ros.entities import Entities
from hrl_ros.heartbeat import Pulse
from hrl_ros.parameters import NodeParameters

CONNECT_LIMIT = 5.0
"""Longest time [s] that a node which starts by itself stays inactive for lack of a peer; then it says whom it lacks."""
SETTLE_LIMIT = 0.7
"""Longest time [s] a stopped node stays for readers that lack its last messages; repairs take up to 0.2 s."""
REFUSAL_PERIOD = 2.0
"""Least time [s] between two words about refused messages."""
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

    fifo_priority = 0
    """SCHED_FIFO priority of a node that keeps a robot safe, where the system permits it (``ulimit -r``); 0: none."""

    drain_limit = 2.0
    """Longest time [s] for which the node, told to end, goes on taking in messages while it is ``busy``."""

    poll_period: float | None = None
    """Seconds of sleep between looks at what has arrived; None: woken by every message."""

    def __init__(self, name: str, kind: type[NodeParameters]) -> None:
        """Declare parameters; resources are created in ``setup``."""
        super().__init__(name)
        for service in self.services:
            service.callback = self._answering(service.callback)
        self.failure: str | None = None
        self.finished = False
        self.configured = self.active = False
        self._to_tear_down = False
        self.closing = ExitStack()
        """What ``setup`` has put here as it went, to be called after ``teardown``, the last first."""
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
        """Release what ``setup`` took; called once for each ``setup``, also for one that has failed on its way."""

    def release(self) -> None:
        """Run ``teardown`` unless that has been done."""
        due, self._to_tear_down = self._to_tear_down, False
        if due:
            with self.closing:
                self.teardown()

    def read_parameters(self, kind: type[P]) -> P:
        """Parameters as the dataclass they were declared from."""
        return parameters.read(self, kind)

    def connected(self) -> bool:
        """Whether those whom an active node needs hear it and are heard; asked once it is configured."""
        return True

    def ready(self) -> bool:
        """Whether it is active, or would have nobody to wait for if it were."""
        return self.active or (self.configured and self.connected())

    def autostart(self, spin: Callable[[], bool]) -> None:
        """Configure, and activate once connected, unless the parameter leaves it to a lifecycle manager.

        Args:
            spin: handles what comes; False: the node is told to stop.
        """
        if not self.get_parameter("autostart").value:
            return
        self._rise(self.trigger_configure)
        end = time.monotonic() + CONNECT_LIMIT
        while self.failure is None and not self.connected() and time.monotonic() < end:
            if not spin():
                return
        # Meanwhile somebody else may have activated it, or have taken it down.
        if self.failure is None and self.configured and not self.active:
            self._rise(self.trigger_activate)

    def _rise(self, transition: Callable[[], TransitionCallbackReturn]) -> None:
        if transition() != TransitionCallbackReturn.SUCCESS:
            self.failure = self.failure or "a lifecycle transition failed"

    def _answering(self, callback: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Wrap one of rclpy's own services: what cannot be done, as a transition out of another state, ends no node."""

        def answer(request: Any, response: Any) -> Any:  # noqa: ANN401 - of whatever type the service has
            try:
                return callback(request, response)
            except Exception as error:
                self.get_logger().error(f"request refused: {type(error).__name__}: {error}")
                return response

        return answer

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``setup``; a failure is reported and leaves the node unconfigured."""
        del state
        self._entities = Entities(self)
        outcome = self._transition(self._place_and_set_up)
        self.configured = outcome == TransitionCallbackReturn.SUCCESS
        return outcome

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
        self.configured = False
        outcome = self._transition(self.release)
        self._settling.clear()
        self._latched_early.clear()
        self.garbage += self._entities.since()
        return outcome

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop if active, then release everything."""
        if self.active:
            self.on_deactivate(state)
        self.configured = False
        return self._transition(self.release)

    def refuse(self, error: HrlError) -> None:
        """What came over a topic is unsound. Whoever cannot go on without it fails; everybody else leaves it out."""
        self.get_logger().error(f"{error}; message left out", throttle_duration_sec=REFUSAL_PERIOD)

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

    def _receiving(self, callback: Callable[[Any], None]) -> Callable[..., None]:
        """As ``guarded``, for messages of others: unsound ones are ``refuse``'s."""

        def receive(message: Any) -> None:  # noqa: ANN401 - of whatever type the topic has
            try:
                callback(message)
            except InvalidDataError as error:
                self.refuse(error)

        return self.guarded(receive)

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
        """Subscribe to serialised messages, as the codecs of ``hrl_ros.messages`` read them; else as ``subscribe``."""
        if qos.durability == DurabilityPolicy.TRANSIENT_LOCAL:
            callback, _ = self._kept_early(callback, qos)
            self.create_subscription(kind, topic, callback, qos, raw=True)
        else:
            self.create_subscription(kind, topic, self._receiving(callback), qos, raw=True)

    def subscribe(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        events: SubscriptionEventCallbacks | None = None,
    ) -> Sequence[Any]:
        """Subscribe to ordinary messages; what is latched and comes before the activation is not lost.

        Returns:
            The latched messages that have come before the activation, as they come.
        """
        if qos.durability != DurabilityPolicy.TRANSIENT_LOCAL:
            self.create_subscription(kind, topic, self._receiving(callback), qos, event_callbacks=events)
            return ()
        callback, early = self._kept_early(callback, qos)
        self.create_subscription(kind, topic, callback, qos)
        return early

    def _kept_early(self, callback: Callable[[Any], None], qos: QoSProfile) -> tuple[Callable[[Any], None], deque[Any]]:
        """As ``_receiving``; what comes before the activation is kept for it: it would not come again."""
        guarded, early = self._receiving(callback), deque[Any](maxlen=qos.depth)
        self._latched_early.append((guarded, early))
        return lambda message: guarded(message) if self.active else early.append(message), early

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """Call back every ``period`` seconds of steady time."""
        return self.create_timer(period, self.guarded(callback), clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _place_and_set_up(self) -> None:
        core = self.get_parameter("core").value
        if isinstance(core, int) and core != ANY:
            stay_on(core)
        self._to_tear_down = True
        self.setup()

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
