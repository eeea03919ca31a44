"""How punctual the real graph is by the wall clock: latency, jitter, missed deadlines, processor time; idle and loaded.

Latency and jitter are taken from the times at which simulator and worker hand messages to DDS, stamped by DDS on one
clock of this machine: the one who listens may be late without changing them. What the simulator measures itself, until
an action is received, is ``received_ms``; it covers the whole run.
"""

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psutil
import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.benchmarks.machine import machine
from hrl.results.tables import show
from hrl.watching.node_processes import node_processes
from hrl.watching.onlooker_node import Onlooker, onlooker
from hrl_core.errors import HrlError

DOMAIN = 97
CONTROL_RATE = 10.0
"""Of the ant task at real-time factor 1 [Hz]."""
SETTLE = 4.0
"""Seconds from the first action on that are not measured."""
START_LIMIT = 60.0
STOP_LIMIT = 20.0
BUSY = "while True: pass"


@dataclass(frozen=True)
class RealtimeBenchmark:
    """Measure the graph at several control rates, with nothing else to do and with every core busy."""

    rates: tuple[float, ...] = (10.0, 50.0, 100.0)
    """Control rates [Hz]; the simulated ant lives that much faster."""
    seconds: float = 20.0
    """Length of each measurement [s]."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


@dataclass
class Record:
    """When what was published, by episode and step."""

    observed: dict[tuple[int, int], int] = field(default_factory=dict)
    """Time stamps [ns]."""
    acted: dict[tuple[int, int], int] = field(default_factory=dict)
    ticks: list[int] = field(default_factory=list)
    """Time stamps of the observations that followed a step."""
    late: int = 0
    """Steps taken without an action of the policy for that very step."""

    def latencies(self) -> list[float]:
        """Milliseconds from each observation to its action."""
        return [1e-6 * (stamp - self.observed[key]) for key, stamp in self.acted.items() if key in self.observed]

    def jitter(self, period: float) -> list[float]:
        """Milliseconds by which the time between two steps differs from ``period`` [s]."""
        gaps = zip(self.ticks, self.ticks[1:], strict=False)
        return [abs(1e-6 * (after - before) - 1e3 * period) for before, after in gaps]


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(RealtimeBenchmark, args=arguments, prog="hrl bench realtime")
    outcome = run(options)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
    else:
        show(as_table(outcome["rows"]))


def run(options: RealtimeBenchmark) -> dict[str, Any]:
    """Measure; times are milliseconds, processor time is percent of one core.

    ``machine_busy_percent`` tells whether "idle" was: it is the share of all cores that anything has used meanwhile.
    """
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    console, rows = Console(stderr=True, quiet=options.json), []
    before = machine()
    with onlooker("hrl_bench") as eye:
        for rate in options.rates:
            for loaded in (False, True):
                console.print(f"{rate:g} Hz, {'every core busy' if loaded else 'idle'} ...", highlight=False)
                rows.append(measure(eye, rate, loaded, options.seconds))
    return {"name": "realtime", "unit": "ms", "seconds": options.seconds, "rows": rows, "machine": before}


def measure(eye: Onlooker, rate: float, loaded: bool, seconds: float) -> dict[str, Any]:
    """One run of the graph.

    Args:
        eye: listens.
        rate: control rate [Hz].
        loaded: whether as many processes as there are cores do nothing but compute.
        seconds: length of the measurement.

    Raises:
        HrlError: the graph does not come up.
    """
    record = Record()
    subscriptions = _listen(eye, record)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with _graph(rate, folder) as launcher:
            if not eye.spin(START_LIMIT, lambda: bool(record.acted)):
                raise HrlError(f"no action came within {START_LIMIT:.0f} s: {(folder / 'log').read_text()[-2000:]}")
            with _busy(loaded):
                eye.spin(SETTLE)
                before, started = _processor_seconds(launcher.pid), time.monotonic()
                psutil.cpu_percent()
                _forget(record)
                eye.spin(seconds)
                busy = psutil.cpu_percent()
                after, elapsed = _processor_seconds(launcher.pid), time.monotonic() - started
        report = folder / "run" / "simulator.json"
        received = json.loads(report.read_text())["action_latency_ms"] if report.is_file() else None
    for subscription in subscriptions:
        eye.node.destroy_subscription(subscription)
    latencies = record.latencies()
    if not latencies:
        raise HrlError(f"no action came within {seconds:g} s of measurement at {rate:g} Hz")
    return {
        "rate_hz": rate,
        "load": "every core busy" if loaded else "idle",
        "steps": len(record.ticks),
        "steps_per_s": _rate(record.ticks),
        "latency_ms": percentiles(latencies),
        "received_ms": received,
        "jitter_ms": percentiles(record.jitter(1 / rate)),
        "missed_deadlines": record.late,
        "machine_busy_percent": busy,
        "cpu_percent": {name: 100 * (after[name] - before.get(name, 0.0)) / elapsed for name in sorted(after)},
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum."""
    ordered = sorted(values) or [math.nan]
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for name, share in at.items()}


def as_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows, for people."""
    table = Table(title=Text("Real time [ms]"), title_justify="left")
    for title in (
        "rate [Hz]",
        "load",
        "latency p50 / p99 / max",
        "jitter p50 / p99 / max",
        "missed",
        "CPU % of a core",
    ):
        table.add_column(Text(title))
    for row in rows:
        missed = f"{row['missed_deadlines']} of {row['steps']}"
        spent = "\n".join(f"{name} {percent:.1f}" for name, percent in row["cpu_percent"].items())
        times = [" / ".join(f"{row[key][name]:.2f}" for name in ("p50", "p99", "max")) for key in _TIMES]
        table.add_row(f"{row['rate_hz']:g}", row["load"], *times, missed, spent)
    return table


_TIMES = ("latency_ms", "jitter_ms")


def _listen(eye: Onlooker, record: Record) -> list[Any]:
    """Take down what comes; whether listening is late does not matter, the queues are deep."""
    from hrl_core.messages import ActionSource
    from hrl_msgs import msg
    from hrl_ros import messages, qos, topics

    def observed(data: bytes, info: Any) -> None:  # noqa: ANN401 - rclpy's message info is a dictionary
        observation, stamp = messages.OBSERVATION.decode(data), info["source_timestamp"]
        if record.observed.setdefault(observation.key, stamp) != stamp or observation.first:
            return
        record.ticks.append(stamp)
        record.late += observation.action_source != ActionSource.POLICY

    def acted(data: bytes, info: Any) -> None:  # noqa: ANN401 - as above
        action = messages.ACTION.decode(data)
        record.acted.setdefault((action.episode, action.step), info["source_timestamp"])

    create: Any = eye.node.create_subscription
    return [
        create(msg.Observation, topics.OBSERVATION, observed, qos.lockstep(), raw=True),
        create(msg.Action, topics.ACTION, acted, qos.lockstep(), raw=True),
    ]


def _forget(record: Record) -> None:
    """Begin anew; the observation that is not yet answered stays out of it."""
    record.observed.clear()
    record.acted.clear()
    record.ticks.clear()
    record.late = 0


@contextmanager
def _graph(rate: float, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the graph at a control rate, as `hrl launch` does."""
    factor = rate / CONTROL_RATE
    words = ["mode:=realtime", f"rtf:={factor:g}", "episodes:=0", "record:=false", f"out:={folder / 'run'}"]
    command = [str(Path(sys.executable).with_name("hrl")), "launch", "hiro_ant.launch.py", *words]
    with (folder / "log").open("wb") as log:
        launcher = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield launcher
    finally:
        launcher.send_signal(signal.SIGINT)
        try:
            launcher.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            launcher.kill()


@contextmanager
def _busy(loaded: bool) -> Iterator[None]:
    """Keep every core busy."""
    count = (os.cpu_count() or 1) if loaded else 0
    workers = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _processor_seconds(launcher: int) -> dict[str, float]:
    """Processor time of each node so far."""
    times = {node.name: node.process.cpu_times() for node in node_processes(launcher)}
    return {name: time.user + time.system for name, time in times.items()}


def _rate(ticks: Sequence[int]) -> float:
    return 1e9 * (len(ticks) - 1) / (ticks[-1] - ticks[0]) if len(ticks) > 1 else 0.0
