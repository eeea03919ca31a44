"""What simulator or bridge know of their run at the end: counters, latencies and outcomes, as ``simulator.json``."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hrl_core.whole_folders import writable, write_whole
from hrl_ros.loop.latencies import Latencies
from hrl_ros.loop.outcomes import Outcomes

FILE_NAME = "simulator.json"


class RunLog:
    """Counts observations and actions once each, times the answers, keeps the outcomes."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.observations = 0
        self.actions = 0
        self.refusals: Counter[str] = Counter()
        self.took: Callable[[float | None], None] | None = None
        """Told the latency [s] of every answer; None for the first, which includes discovery."""
        self.more: dict[str, Any] = {}
        """Further figures for the report."""
        self.missed_deadlines = 0
        self.steps = 0
        self.results = Outcomes()
        self._latencies = Latencies()
        self._recent: list[float] = []
        self._published_at = 0.0
        self._first_step_at: float | None = None
        self._last_step_at = 0.0

    def published(self) -> None:
        """An observation has gone out."""
        self.observations += 1
        self._published_at = time.perf_counter()

    def answered(self) -> None:
        """The action for the last observation has arrived."""
        now = time.perf_counter()
        self.actions += 1
        latency = None if self._first_step_at is None else now - self._published_at
        # The very first answer includes discovery; it says nothing about the graph's speed.
        if latency is None:
            self._first_step_at = now
        else:
            self._latencies.add(latency)
            self._recent.append(latency)
        if self.took is not None:
            self.took(latency)

    @property
    def refused_actions(self) -> int:
        """Actions refused for any reason."""
        return self.refusals.total()

    def refuse(self, reason: str) -> None:
        """An action has been refused."""
        self.refusals[reason] += 1

    def recent_latency(self) -> float:
        """Median seconds from an observation to its action since the last call; NaN without one."""
        recent, self._recent = self._recent, []
        return float(np.median(recent)) if recent else float("nan")

    def stepped(self) -> None:
        """An environment step has been taken."""
        self.steps += 1
        self._last_step_at = time.perf_counter()

    def steps_per_second(self) -> float:
        """Environment steps per second of wall time from the first action on; 0 before."""
        if self._first_step_at is None or self.steps < 2:
            return 0.0
        return self.steps / (self._last_step_at - self._first_step_at)

    def write(self, folder: Path, identity: dict[str, Any]) -> None:
        """Write ``simulator.json`` whole or not at all.

        Raises:
            HrlError: the disk refuses.
        """
        latencies = self._latencies
        content = {
            **identity,
            "observations": self.observations,
            "actions": self.actions,
            "env_steps": self.steps,
            "env_steps_per_s": self.steps_per_second(),
            "action_latency_ms": _percentiles(latencies),
            "action_latency_histogram": latencies.histogram(),
            "missed_deadlines": self.missed_deadlines,
            "refused_actions": self.refused_actions,
            "refusals": dict(self.refusals),
            **self.more,
            "episodes": list(self.results.rows()),
        }
        with writable(folder / FILE_NAME):
            write_whole(folder / FILE_NAME, json.dumps(content, indent=2) + "\n")


def _percentiles(latencies: Latencies) -> dict[str, float] | None:
    if not latencies.count:
        return None
    p50, p99 = latencies.percentiles((50, 99))
    return {"p50": p50, "p99": p99, "max": latencies.greatest}
