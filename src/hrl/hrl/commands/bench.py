"""`hrl bench NAME`: finds the benchmark and hands over its arguments."""

import importlib
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from hrl_core.errors import HrlError, did_you_mean


class Benchmark(NamedTuple):
    """A module of ``hrl.benchmarks``."""

    help: str
    needs_ros: bool = False


BENCHMARKS = {
    "lockstep": Benchmark("speed of the real graph in lock-step against the naive loop", needs_ros=True),
    "realtime": Benchmark("latency, jitter and missed deadlines by the wall clock, idle and loaded", needs_ros=True),
    "bag": Benchmark("writing and reading bags against mcap-ros2-support; a day of recording", needs_ros=True),
    "recordings": Benchmark("looks for bags, taking them in and beginning again, by their number", needs_ros=True),
    "sim": Benchmark("vectorised environment steps against bare mujoco.rollout"),
    "update": Benchmark("worker TD3 update against separate modules under autograd"),
    "relabel": Benchmark("off-policy correction against scoring candidate by candidate"),
    "train": Benchmark("the whole HIRO loop against a plain one; a preset with overlap and without, on a device"),
}


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark; returns the exit code.

    Raises:
        HrlError: there is no such benchmark; the message lists them.
    """
    name, *rest = arguments or [""]
    known = "".join(f"\n  {known:<10} {benchmark.help}" for known, benchmark in BENCHMARKS.items())
    if name in ("-h", "--help"):
        Console().print(f"usage: hrl bench NAME [--json]; benchmarks are:{known}", markup=False, soft_wrap=True)
        return 0
    if name not in BENCHMARKS:
        raise HrlError(f"unknown benchmark '{name}'{did_you_mean(name, BENCHMARKS)}; known:{known}")
    if BENCHMARKS[name].needs_ros:
        from hrl.launching.environment import need_ros

        need_ros()
    importlib.import_module(f"hrl.benchmarks.{name}").main(rest)
    return 0
