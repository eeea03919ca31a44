"""The emergency stop as services: latched until it is released."""

from collections.abc import Callable

from std_srvs.srv import Trigger

from hrl_core.control.safety import SafetyLayer
from hrl_ros import topics
from hrl_ros.health import Health, Level
from hrl_ros.node import HrlNode

_CONDITION = "emergency stop"
_LATCHED = "emergency stop: safe action until release_emergency_stop is called"


class EmergencyStop:
    """Connects a safety layer with ``emergency_stop`` and ``release_emergency_stop``."""

    def __init__(
        self,
        node: HrlNode,
        safety: SafetyLayer,
        health: Health,
        make_safe: Callable[[], None],
        before: "EmergencyStop | None" = None,
    ) -> None:
        """Offer the services.

        Args:
            node: owner.
            safety: what is latched.
            health: of the node; unwell while the stop is latched.
            make_safe: called at once when it is.
            before: of the node before it was configured anew, which releases nothing.
        """
        self._node, self._safety, self._health, self._make_safe = node, safety, health, make_safe
        node.create_service(Trigger, topics.EMERGENCY_STOP, self._on_stop)
        node.create_service(Trigger, topics.RELEASE, self._on_release)
        if before is not None and before._safety.emergency:
            self._latch(before._safety.emergency)

    def _on_stop(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._latch("service emergency_stop")
        self._make_safe()
        response.success, response.message = True, "safe action sent; latched until release_emergency_stop"
        return response

    def _on_release(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._safety.release()
        response.message = "released" if response.success else "no emergency stop was latched"
        self._health.clear_condition(_CONDITION)
        return response

    def _latch(self, reason: str) -> None:
        self._safety.stop(reason)
        self._health.set_condition(_CONDITION, Level.ERROR, _LATCHED)
        self._node.get_logger().error(_LATCHED)
