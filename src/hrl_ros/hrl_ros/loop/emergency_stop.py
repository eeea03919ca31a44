"""The emergency stop as services: latched until it is released."""

from collections.abc import Callable

from std_srvs.srv import Trigger

from hrl_core.control.safety import SafetyLayer
from hrl_ros import topics
from hrl_ros.health import Health, Level
from hrl_ros.node import HrlNode

_CONDITION = "emergency stop"


class EmergencyStop:
    """Connects a safety layer with ``emergency_stop`` and ``release_emergency_stop``."""

    def __init__(self, node: HrlNode, safety: SafetyLayer, health: Health, make_safe: Callable[[], None]) -> None:
        """Offer the services.

        Args:
            node: owner.
            safety: what is latched.
            health: of the node; unwell while the stop is latched.
            make_safe: called at once when it is.
        """
        self._node, self._safety, self._health, self._make_safe = node, safety, health, make_safe
        node.create_service(Trigger, topics.EMERGENCY_STOP, self._on_stop)
        node.create_service(Trigger, topics.RELEASE, self._on_release)

    def _on_stop(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._safety.stop("service emergency_stop")
        self._make_safe()
        reason = "emergency stop: safe action until release_emergency_stop is called"
        self._health.set_condition(_CONDITION, Level.ERROR, reason)
        self._node.get_logger().error(reason)
        response.success, response.message = True, "safe action sent; latched until release_emergency_stop"
        return response

    def _on_release(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = bool(self._safety.emergency)
        response.message = "released" if response.success else "no emergency stop was latched"
        self._safety.release()
        self._health.clear_condition(_CONDITION)
        return response
