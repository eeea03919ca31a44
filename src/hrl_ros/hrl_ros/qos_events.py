"""What the middleware says of a topic: logged, at most once in a while, and counted in the node's health.

::

    events = watched(self.get_logger(), self.health, topics.ACTION)
    self.create_subscription(..., event_callbacks=events.subscription)
    self.create_lifecycle_publisher(..., event_callbacks=events.publisher)

Ends that do not fit each other never exchange a message; that is an ERROR of the node's health until another end fits.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import qos_policy_name_from_kind

from hrl_ros.health import Health, Level

THROTTLE = 5.0
"""Seconds between two log lines of the same kind on the same topic."""


class Logger(Protocol):
    """What is needed of a ROS logger."""

    def warning(self, message: str, /) -> Any:  # noqa: ANN401 - rclpy's answers whether it was printed
        """Print a warning."""
        ...

    def error(self, message: str, /) -> Any:  # noqa: ANN401 - as above
        """Print an error."""
        ...


class EventCallbacks(NamedTuple):
    """What rclpy takes as ``event_callbacks``."""

    publisher: PublisherEventCallbacks
    subscription: SubscriptionEventCallbacks


def watched(logger: Logger, health: Health, topic: str) -> EventCallbacks:
    """Callbacks for the two ends of a topic: deadline missed, liveliness lost, QoS that does not fit, matched.

    A deadline or liveliness event needs a profile that has them (``timed_state``, ``timed_command``).

    Args:
        logger: of the node.
        health: where events are counted, as ``<event> on <topic>``.
        topic: what people know it by.
    """
    watch = _Watch(logger, health, topic)
    return EventCallbacks(
        PublisherEventCallbacks(
            deadline=watch.late("we are late"),
            liveliness=watch.lost,
            incompatible_qos=watch.unfit("subscription", "hears nothing"),
            matched=watch.matched("subscriptions"),
        ),
        SubscriptionEventCallbacks(
            deadline=watch.late("nothing came in time"),
            liveliness=watch.liveliness_changed,
            incompatible_qos=watch.unfit("publisher", "is not heard"),
            matched=watch.matched("publishers"),
        ),
    )


class _Watch:
    """One topic's events."""

    def __init__(self, logger: Logger, health: Health, topic: str) -> None:
        """Nothing has happened yet."""
        self._logger, self._health, self._topic = logger, health, topic
        self._unfit = f"incompatible QoS on {topic}"
        self._silent_until: dict[str, float] = {}

    def late(self, how: str) -> Callable[[Any], None]:
        """Deadline missed."""

        def call(event: Any) -> None:  # noqa: ANN401 - rclpy's event structs have no common type
            self._count("deadline missed", event.total_count_change)
            self._warn(f"deadline missed on {self._topic}: {how}")

        return call

    def lost(self, event: Any) -> None:  # noqa: ANN401 - as above
        """We did not publish within our lease."""
        self._count("liveliness lost", event.total_count_change)
        self._warn(f"liveliness lost on {self._topic}: nothing was published within the lease")

    def liveliness_changed(self, event: Any) -> None:  # noqa: ANN401 - as above
        """A publisher has fallen silent or come back; one that has left is told by ``matched``."""
        if event.not_alive_count_change > 0:
            self._count("liveliness lost", event.not_alive_count_change)
            self._warn(f"liveliness lost on {self._topic}: a publisher is silent for longer than its lease")

    def unfit(self, whom: str, effect: str) -> Callable[[Any], None]:
        """The other end asks for or offers something else."""

        def call(event: Any) -> None:  # noqa: ANN401 - as above
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            text = f"incompatible QoS on {self._topic}: a {whom} {effect} because of {policy}"
            self._count("incompatible QoS", event.total_count_change)
            self._health.set_condition(self._unfit, Level.ERROR, text)
            self._logger.error(f"{text}; give both ends the profile of the topic's role (hrl_ros/qos.py)")

        return call

    def matched(self, whom: str) -> Callable[[Any], None]:
        """An end has come or gone."""

        def call(event: Any) -> None:  # noqa: ANN401 - as above
            self._health.figures[f"{whom} of {self._topic}"] = event.current_count
            if event.current_count_change > 0:
                self._health.clear_condition(self._unfit)

        return call

    def _count(self, what: str, change: int) -> None:
        self._health.events[f"{what} on {self._topic}"] += change

    def _warn(self, text: str) -> None:
        now = time.monotonic()
        # Not rclpy's throttling, which is one for all topics.
        if now >= self._silent_until.get(text, 0.0):
            self._silent_until[text] = now + THROTTLE
            self._logger.warning(text)
