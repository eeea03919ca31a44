"""What a node has created since it was unconfigured, so that ``cleanup`` gives all of it back."""

from collections.abc import Callable

from rclpy.action import ActionServer
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher


class Entities:
    """Knows what a node had before its ``setup``."""

    def __init__(self, node: LifecycleNode) -> None:
        """Remember what is there."""
        self._node = node
        self._before = {id(entity) for _, entities in self._all() for entity in entities}

    def release(self) -> None:
        """Destroy everything that has been created since."""
        for destroy, entities in self._all():
            for entity in entities:
                if id(entity) not in self._before:
                    destroy(entity)

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
