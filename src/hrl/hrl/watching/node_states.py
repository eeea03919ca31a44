"""What nodes say of themselves on /diagnostics, gathered; as a table, and as plain data. Knows no ROS."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hrl.results.tables import Fitted

LEVELS = ("OK", "WARN", "ERROR", "STALE")
"""By number, as in diagnostic_msgs/DiagnosticStatus."""
SILENT = "SILENT"
WORDS = 256
"""Newest words of a machine that are compared."""
SILENT_AFTER = 3.0
"""Seconds without a word, of a node that speaks once a second."""
STYLES = {"OK": "green", "WARN": "yellow", "ERROR": "bold red", "STALE": "yellow", SILENT: "bold red"}
_RATE = " [Hz]"
_COUNTS = {"missed": "missed deadlines", "trips": "watchdog trips", "refused": "refused"}


@dataclass(frozen=True)
class NodeState:
    """The last word of one node."""

    name: str
    level: str
    message: str
    values: Mapping[str, str]
    heard: float
    """When it came [s]."""

    def shown_level(self, now: float) -> str:
        """Its level, or that it has fallen silent."""
        return SILENT if now - self.heard > SILENT_AFTER else self.level

    def rates(self) -> dict[str, str]:
        """Rates [Hz] by stream."""
        return {name.removesuffix(_RATE): value for name, value in self.values.items() if name.endswith(_RATE)}


class NodeStates:
    """The last words of all nodes."""

    def __init__(self) -> None:
        """Nothing has been heard."""
        self.by_name: dict[str, NodeState] = {}
        self._delays: dict[str, deque[float]] = {}

    def hear(
        self, name: str, level: int, message: str, values: Mapping[str, str], now: float, delay: float | None = None
    ) -> None:
        """A node has spoken, ``delay`` seconds ago by its own machine's clock."""
        if delay is not None and "host" in values:
            self._delays.setdefault(values["host"], deque(maxlen=WORDS)).append(delay)
        word = LEVELS[level] if level < len(LEVELS) else str(level)
        self.by_name[name] = NodeState(name, word, message, values, now)

    def delays(self) -> dict[str, float]:
        """Shortest way [s] of the newest words of each machine, by its clock and ours: how far apart these are.

        A word takes some time and never less than none: that much the true difference may be smaller.
        """
        return {host: min(delays) for host, delays in sorted(self._delays.items())}

    def as_data(self, now: float) -> dict[str, Any]:
        """Everything, for programs; figures are numbers where they are numbers."""
        return {
            "nodes": {
                name: {
                    "level": state.shown_level(now),
                    "message": state.message,
                    "silence_s": round(now - state.heard, 2),
                    "values": {key: _number(value) for key, value in state.values.items()},
                }
                for name, state in sorted(self.by_name.items())
            }
        }

    def as_table(self, now: float) -> Group:
        """Everything, for people; below the table what those say who are not well."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
        for title in ("node", "level", "rates [Hz]", "latency [ms]", "counts", "policy"):
            table.add_column(Text(title), no_wrap=True)
        words = []
        for _, state in sorted(self.by_name.items()):
            table.add_row(*_row(state, now))
            level = state.shown_level(now)
            if level == SILENT:
                words.append(f"{state.name}: nothing heard for {now - state.heard:.0f} s; last: {state.message}")
            elif level != "OK":
                words.append(f"{state.name}: {state.message}")
        return Group(Fitted(table), *map(Text, words))


def _row(state: NodeState, now: float) -> Sequence[Text | str]:
    values, level = state.values, state.shown_level(now)
    latencies = {name: values.get(f"latency {name} [ms]", "") for name in ("p50", "p99", "max")}
    policy = [values.get("policy version", ""), values.get("sha256", "")[:8]]
    rates = [f"{name} {short(rate)}" for name, rate in state.rates().items()]
    if "real-time factor" in values:
        rates.append(f"real time {short(values['real-time factor'])}x")
    return (
        Text(state.name),
        Text(level, style=STYLES.get(level, "")),
        "\n".join(rates),
        "\n".join(f"{name} {short(latency)}" for name, latency in latencies.items() if latency),
        "\n".join(f"{name} {values[key]}" for name, key in _COUNTS.items() if key in values),
        "\n".join(filter(None, policy)),
    )


def short(number: str) -> str:
    """A number with at most three digits that count, never an exponent."""
    try:
        value = float(number)
    except ValueError:
        return number
    return (
        f"{value:.0f}" if abs(value) >= 100 or not value else f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.3f}"
    )


def _number(text: str) -> float | int | str:
    """What is a number and has a place in JSON as one, anything else as it was said."""
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            return number if math.isfinite(number) and "_" not in text else text
    return text
