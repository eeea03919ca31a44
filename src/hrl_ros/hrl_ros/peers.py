"""Who hears a publisher: volatile messages sent before the match are lost, so the first ones wait for it."""

from hrl_ros.node import HrlNode, RawPublisher

RECORDER = "recorder"
"""Node name of the recorder."""


def hears(node: HrlNode, listener: str, raw: RawPublisher) -> bool:
    """Whether every discovered subscription of the publisher's topic is matched and one is of node ``listener``.

    The graph names the subscriptions, the publisher counts its matches; when both agree, the listener's is matched.
    """
    publisher = raw.publisher
    subscriptions = node.get_subscriptions_info_by_topic(publisher.topic_name)
    listening = any(endpoint.node_name == listener for endpoint in subscriptions)
    return listening and publisher.get_subscription_count() >= len(subscriptions)
