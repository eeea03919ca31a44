"""What a node has created since it was unconfigured, so that ``cleanup`` gives all of it back."""

from collections.abc import Callable
from functools import partial

from rclpy.action import ActionServer
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher


class Entities:
    """Knows what a node had before its ``setup``."""

    def __init__(self, node: LifecycleNode) -> None:
        """Remember what is there."""
        self._node = node
        self._before = {id(entity) for _, entities in self._all() for entity in entities}

    def since(self) -> list[Callable[[], object]]:
        """What destroys everything that has been created since, each its own entity."""
        new = [(destroy, e) for destroy, entities in self._all() for e in entities if id(e) not in self._before]
        return [partial(destroy, entity) for destroy, entity in new]

    def _all(self) -> list[tuple[Callable[..., object], list[object]]]:
        node = self._node

        def forget(publisher: object) -> None:
            if isinstance(publisher, LifecyclePublisher):
                node.destroy_lifecycle_publisher(publisher)
            else:
                node.destroy_publisher(publisher)  # pyright: ignore[reportArgumentType]

        return [
            (node.destroy_timer, list(node.timers)),
            (lambda server: server.destroy(), [w for w in node.waitables if isinstance(w, ActionServer)]),
            (node.destroy_subscription, list(node.subscriptions)),
            (node.destroy_client, list(node.clients)),
            (node.destroy_service, list(node.services)),
            (forget, list(node.publishers)),
        ]
