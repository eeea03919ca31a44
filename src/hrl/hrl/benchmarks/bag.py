"""Bags: rates of writing and reading, ours against message by message, and the time a day of recording takes."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import tyro
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rich.console import Console
from rosbags.highlevel import AnyReader

from hrl.benchmarks import bag_relabel
from hrl.benchmarks.machine import machine
from hrl.benchmarks.random_recording import Message, random_messages, write_recording
from hrl_core.bags.reader import read_bags
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task


@dataclass(frozen=True)
class BagBenchmark:
    """Write and read bags of Ant Maze messages with random content, which does not compress."""

    repeats: int = 5
    """Turns; each writes and reads one bag in every way."""
    steps: int = 20_000
    """Environment steps of that bag."""
    day: int = 864_000
    """Environment steps of a day at 10 Hz, read once; 0: not measured."""
    slow_messages: int = 10_000
    """Messages after which mcap-ros2-support may stop."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def run(options: BagBenchmark) -> dict[str, Any]:
    """Measure; figures are messages per second, the ratio is the median over the turns."""
    task, console = load_task("AntMaze"), Console(stderr=True, quiet=options.json)
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        content = list(random_messages(task, options.steps))
        size = sum(len(data) for _, data in content) / 1e6
        for turn in range(options.repeats):
            bag = Path(folder) / f"bag{turn}"
            rates = {"write": len(content) / _write(bag, content), **_read_rates(bag, len(content), options)}
            for name, rate in rates.items():
                figures.setdefault(name, []).append(rate)
            shown = ", ".join(f"{name} {rate / 1e3:.0f}" for name, rate in rates.items())
            console.print(f"turn {turn + 1}/{options.repeats}, thousand messages/s: {shown}")
        relabelling = bag_relabel.measure(task, Path(folder) / "bag0")
        day = _day(task, options.day, Path(folder) / "day") if options.day else {}
    medians = {name: statistics.median(values) for name, values in figures.items()}
    per_message = size / len(content)
    ratios = [ours / theirs for ours, theirs in zip(figures["arrays"], figures["mcap_ros2"], strict=True)]
    return {
        "name": "bag",
        "ratio": statistics.median(ratios),
        "unit": "messages/s",
        **medians,
        "write_mb_per_s": medians["write"] * per_message,
        "arrays_mb_per_s": medians["arrays"] * per_message,
        **relabelling,
        **day,
        "turns": figures,
        "messages": len(content),
        "bytes_per_message": 1e6 * per_message,
        "machine": machine(),
    }


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(BagBenchmark, args=arguments, prog="hrl bench bag")
    outcome = run(options)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
        return
    names = {
        "write": "write",
        "arrays": "bag to arrays, checked",
        "rosbags_raw": "rosbags, undecoded",
        "rosbags": "rosbags, decoded",
        "mcap_ros2": "mcap-ros2-support, decoded",
    }
    for name, text in names.items():
        Console().print(f"{text}: {outcome[name] / 1e3:.0f} thousand messages/s", highlight=False)
    Console().print(f"bag to arrays {outcome['ratio']:.1f} times mcap-ros2-support", highlight=False)
    text = f"relabelling a bag {outcome['relabel_ratio']:.2f} times as fast as the same search over episodes in memory"
    Console().print(text, highlight=False)
    if options.day:
        Console().print(f"{options.day} steps of recording read in {outcome['day_read_s']:.1f} s", highlight=False)


def _write(bag: Path, content: Sequence[Message]) -> float:
    """Seconds to write messages, file closed and synchronised."""
    started = time.perf_counter()
    write_recording(bag, iter(content))
    return time.perf_counter() - started


def _read_rates(bag: Path, count: int, options: BagBenchmark) -> dict[str, float]:
    started = time.perf_counter()
    recording = read_bags([bag])
    rates = {"arrays": count / (time.perf_counter() - started)}
    if recording.problems or sum(e.steps for e in recording.episodes) != options.steps:
        raise AssertionError(f"the bag was not read whole: {recording.problems[:1]}")
    with AnyReader([bag]) as reader:
        started = time.perf_counter()
        for _ in reader.messages():
            pass
        rates["rosbags_raw"] = count / (time.perf_counter() - started)
        started = time.perf_counter()
        for connection, _, raw in reader.messages():
            reader.deserialize(raw, connection.msgtype)
        rates["rosbags"] = count / (time.perf_counter() - started)
    with next(bag.glob("*.mcap")).open("rb") as stream:
        started = time.perf_counter()
        decoded = make_reader(stream, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
        slow = sum(1 for _ in islice(decoded, options.slow_messages))
        rates["mcap_ros2"] = slow / (time.perf_counter() - started)
    return rates


def _day(task: TaskSpec, steps: int, bag: Path) -> dict[str, float]:
    write_recording(bag, random_messages(task, steps))
    started = time.perf_counter()
    recording = read_bags([bag])
    seconds = time.perf_counter() - started
    assert sum(e.steps for e in recording.episodes) == steps
    return {"day_steps": steps, "day_messages": recording.messages, "day_read_s": seconds}
