"""`hrl bench NAME`: finds the benchmark and hands over its arguments."""

import importlib
from collections.abc import Sequence

from hrl.environment import ensure_ros_environment
from hrl_core.errors import HrlError

BENCHMARKS = {"lockstep": "speed of the real graph in lock-step against the naive loop"}


def main(arguments: Sequence[str]) -> None:
    """Run one benchmark.

    Raises:
        HrlError: there is no such benchmark; the message lists them.
    """
    name, *rest = arguments or [""]
    if name not in BENCHMARKS:
        known = "".join(f"\n  {known}  {what}" for known, what in BENCHMARKS.items())
        raise HrlError(f"unknown benchmark '{name}'; known:{known}")
    ensure_ros_environment()
    importlib.import_module(f"hrl.benchmarks.{name}").main(rest)
