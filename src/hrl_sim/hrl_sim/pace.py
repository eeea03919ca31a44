"""How fast simulated time goes by: the wall-clock ticks of either clock, changed while it runs."""

from rclpy.timer import Timer

from hrl_core.errors import HrlError
from hrl_ros.loop.course import EnvironmentClock
from hrl_ros.loop.parameters import FACTORS
from hrl_ros.node import HrlNode
from hrl_sim.clocks import LockstepClock

FASTEST = 0.0
"""Real-time factor of a lock-step run that nothing holds back."""


class Pace:
    """Ticks a clock once per control period of wall time."""

    def __init__(self, node: HrlNode, clock: EnvironmentClock, control_period: float, real_time_factor: float) -> None:
        """Start ticking.

        Args:
            node: owner of the timer.
            clock: what is ticked.
            control_period: environment time per step [s].
            real_time_factor: simulated seconds per wall second; 0: no ticks, as fast as possible.
        """
        self._node, self._clock, self._period = node, clock, control_period
        self._timer: Timer | None = None
        self.real_time_factor = FASTEST
        self.set(real_time_factor)

    def set(self, real_time_factor: float) -> None:
        """Change the pace from the next step on.

        Raises:
            HrlError: the factor is out of range, or the clock cannot do without ticks.
        """
        low, high = FACTORS
        lockstep = self._clock if isinstance(self._clock, LockstepClock) else None
        if real_time_factor == FASTEST and lockstep is None:
            raise HrlError(f"real_time_factor 0 (as fast as possible) needs lock-step; give {low:g} to {high:g}")
        if real_time_factor != FASTEST and not low <= real_time_factor <= high:
            raise HrlError(
                f"real_time_factor {real_time_factor:g} must be 0 (as fast as possible) or {low:g} to {high:g}"
            )
        self.real_time_factor = real_time_factor
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        if real_time_factor != FASTEST:
            self._timer = self._node.every(self._period / real_time_factor, self._clock.tick)
        if lockstep is not None:
            lockstep.pace(real_time_factor != FASTEST)
