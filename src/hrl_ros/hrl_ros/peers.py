"""Who hears a publisher: volatile messages sent before the match are lost, so the first ones wait for it."""

from rclpy.qos import QoSCompatibility, qos_check_compatible

from hrl_ros.node import HrlNode, RawPublisher

RECORDER = "recorder"
"""Node name of the recorder."""


def hears(node: HrlNode, listener: str, raw: RawPublisher) -> bool:
    """Whether every discovered subscription that can match the publisher does, and one is of node ``listener``.

    The graph names the subscriptions, the publisher counts its matches; when both agree, the listener's is matched.
    """
    publisher, topic = raw.publisher, raw.publisher.topic_name
    # As the graph tells it: what the publisher was made with leaves open what it does not ask for.
    offered = [e.qos_profile for e in node.get_publishers_info_by_topic(topic) if e.node_name == node.get_name()]
    subscriptions = [
        endpoint
        for endpoint in node.get_subscriptions_info_by_topic(topic)
        # Who asks for more than there is never hears anything.
        if any(qos_check_compatible(own, endpoint.qos_profile)[0] != QoSCompatibility.ERROR for own in offered)
    ]
    listening = any(endpoint.node_name == listener for endpoint in subscriptions)
    return listening and publisher.get_subscription_count() >= len(subscriptions)
