"""Holds simulators while their trainer is behind, so that the ratio of updates to steps stays bounded."""

from collections.abc import Iterable

from rclpy.task import Future

from hrl_msgs import srv
from hrl_ros import topics
from hrl_ros.node import HrlNode


class BackPressure:
    """Pauses every simulator above a limit of owed updates and lets them go on below half of it."""

    def __init__(self, node: HrlNode, simulators: Iterable[str], limit: int, takes_over: bool) -> None:
        """Make the service clients.

        Args:
            node: the trainer.
            simulators: their namespaces, empty for the node's own.
            limit: worker updates owed; 0: never pause.
            takes_over: whether an earlier trainer may have left simulators paused, who then are told in any case.
        """
        places = [f"/{name.strip('/')}/{topics.SET_PAUSED}" for name in simulators] or [topics.SET_PAUSED]
        self._limit = limit
        self._clients = {place: node.create_client(srv.SetPaused, place) for place in places if limit}
        self._told: dict[str, bool | None] = {place: None if takes_over else False for place in places}
        self._calls: dict[str, Future] = {}
        """What each place was told last."""
        self.paused = False
        """Whether the simulators are to wait."""

    def update(self, owed: int) -> None:
        """Call often, with the worker updates owed."""
        self.paused = bool(self._limit) and owed > (self._limit // 2 if self.paused else self._limit)
        self._tell()

    def release(self) -> None:
        """Let whoever may be held go on: nobody else would, once the trainer is silent."""
        self.paused = False
        self._tell()

    @property
    def busy(self) -> bool:
        """Whether a place has yet to take what it was told; one that is gone is not waited for."""
        return any(not call.done() and self._clients[place].service_is_ready() for place, call in self._calls.items())

    def _tell(self) -> None:
        for place, client in self._clients.items():
            if self._told[place] != self.paused and client.service_is_ready():
                self._told[place] = self.paused
                self._calls[place] = client.call_async(srv.SetPaused.Request(paused=self.paused))
