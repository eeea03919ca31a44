"""Whom the campaigns injure: all who act with a part of the policy, as its hierarchy says, and those around them."""

from hrl_core.hierarchy.spec import UNITS, HierarchySpec
from hrl_core.messages import HorizonUnit

ROBOT = "fake_robot"


def groups(hierarchy: HierarchySpec) -> list[tuple[str, ...]]:
    """Whom to kill, one group after the other: each who acts alone, then all of them at once."""
    alone = [(party,) for party in hierarchy.parties]
    return [*alone, hierarchy.parties] if hierarchy.levels else alone


class Targets:
    """Whom to injure in stacks of one policy, and what is promised of each."""

    def __init__(self, hierarchy: HierarchySpec, period: float) -> None:
        """By the hierarchy of the policy and the control period in wall time [s]."""
        worker, *self.managers = hierarchy.parties
        self.parties = hierarchy.parties
        self.recoverable = (*reversed(self.parties), ROBOT)
        self.bounds = {
            worker: 2 * period + 0.01,
            # 130 ms without a heartbeat, a look every 10 ms; the rest is for two processes to be woken in time.
            "bridge": 0.18,
            "recorder": 0.5,
        }
        """Seconds from a kill to the safe action, by target; see docs/real_robot.md."""
        steps = 1
        # Of a tree one manager has all levels, which last as long as the lowest.
        for manager, level in zip(self.managers, hierarchy.levels[: len(self.managers)], strict=True):
            attempts = UNITS[level.unit] == HorizonUnit.ATTEMPTS
            steps = level.horizon * steps if attempts else level.horizon
            # Its subgoal lasts its time out; the worker's own expires after two horizons, then the worker falls silent.
            self.bounds[manager] = (steps + 2 * hierarchy.levels[0].horizon + 2) * period + 0.01
