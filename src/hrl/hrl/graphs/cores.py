"""Which core the simulator and the worker of a lock-step run share."""

import itertools
import os
import random
from collections.abc import Iterator

import psutil

from hrl.graphs.arguments import LaunchArguments
from hrl_ros.affinity import ANY

_LOOK = 0.1
"""Seconds of looking at how busy the cores are."""
_ALIKE = 10.0
"""Cores whose loads differ by less [%] are drawn by lot, so that runs that start together need not meet on one."""


def shared_cores(arguments: LaunchArguments) -> Iterator[int]:
    """A core for each pair that takes turns, the idlest first and round again; ``ANY`` where none is to be shared."""
    allowed = os.sched_getaffinity(0)
    if not (arguments.share_core and arguments.takes_turns) or arguments.nodes or len(allowed) == 1:
        return itertools.repeat(ANY)
    loads = psutil.cpu_percent(interval=_LOOK, percpu=True)
    return itertools.cycle(sorted(allowed, key=lambda core: (loads[core] // _ALIKE, random.random())))
