"""The other process of the round trip: publishes on TOPIC/pong what it hears on TOPIC/ping, until it is killed."""

import sys

from std_msgs.msg import UInt64

from hrl.watching.onlooker_node import onlooker

LIFE = 60.0
"""Seconds; its caller may have died without killing it."""


def main(topic: str) -> None:
    """Echo."""
    with onlooker("hrl_doctor_echo") as eye:
        publisher = eye.node.create_publisher(UInt64, f"{topic}/pong", 1)
        eye.node.create_subscription(UInt64, f"{topic}/ping", publisher.publish, 1)
        eye.spin(LIFE)


if __name__ == "__main__":
    main(sys.argv[1])
