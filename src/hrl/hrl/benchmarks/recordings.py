"""What a trainer takes to follow a recording of many segments: looks, taking in, beginning again, memory."""

import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from hrl.benchmarks.machine import machine
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl_core.bags.catalogue import Catalogue
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

LOOKS = 200
LINKS = 10_000
"""To one file; file systems have a limit."""


@dataclass(frozen=True)
class RecordingsBenchmark:
    """Follow recordings of Ant Maze with random content; all segments are links to one file."""

    segments: tuple[int, ...] = (10, 1_000)
    """How many there are, one recording after the other; 100,000 take minutes and 2 GB of disk."""
    steps: int = 20
    """Environment steps of a segment, one episode."""
    store: str = "files"
    """Where the trainer keeps what it learns from: memory or files."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def run(options: RecordingsBenchmark) -> dict[str, Any]:
    """Measure; the ratio is that of a look at the longest recording and at the shortest."""
    task, console = load_task("AntMaze"), Console(stderr=True, quiet=options.json, highlight=False)
    rows = []
    for count in options.segments:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_measure(Path(folder), task, count, options))
        console.print(", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()))
    looks = [row["look_ms"] for row in rows]
    return {"name": "recordings", "ratio": looks[-1] / looks[0], "rows": rows, "machine": machine()}


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(RecordingsBenchmark, args=arguments, prog="hrl bench recordings")
    outcome = run(options)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")


def _measure(folder: Path, task: TaskSpec, count: int, options: RecordingsBenchmark) -> dict[str, float]:
    bags = folder / "bags"
    _fill(bags, task, count, options.steps)
    catalogued = _seconds(lambda: Catalogue(bags).rebuild())
    trainer = _trainer(folder, task, count * options.steps, options.store)
    trainer.begin(resume=False)
    taken = _seconds(trainer.consume)
    looks = [_seconds(trainer.consume) for _ in range(LOOKS)]
    trainer.iterate()
    saved = _seconds(trainer.keep)
    again = _trainer(folder, task, count * options.steps, options.store)
    restarted = _seconds(lambda: again.begin(resume=True))
    looked = _seconds(again.consume)
    if len(again.learner.store) != count * options.steps:
        raise AssertionError(f"{len(again.learner.store)} steps are there again")
    return {
        "segments": count,
        "steps": len(again.learner.store),
        "look_ms": 1e3 * statistics.median(looks),
        "taken_in_per_s": count / taken,
        "catalogued_per_s": count / catalogued,
        "save_s": saved,
        "restart_s": restarted,
        "first_look_s": looked,
        "own_memory_mb": _own_memory() / 1e6,
    }


def _trainer(folder: Path, task: TaskSpec, steps: int, store: str) -> BagTrainer:
    training = preset("fast", "flat")
    training = dataclasses.replace(training, agent=dataclasses.replace(training.agent, replay=steps))
    config = BagTrainConfig((Source(folder / "bags"),), training, relabel="off", store=store)
    return BagTrainer(task, config, folder / "run", seed=0)


def _fill(bags: Path, task: TaskSpec, count: int, steps: int) -> None:
    """So many segments of one content."""
    for number in range(count):
        segment = bags / f"segment_{number:06d}"
        first = bags / f"segment_{number - number % LINKS:06d}"
        if segment == first:
            write_recording(segment, random_messages(task, steps))
            continue
        segment.mkdir()
        for file in first.iterdir():
            os.link(file, segment / file.name)


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _own_memory() -> int:
    """Bytes of this process that are not files'."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024
