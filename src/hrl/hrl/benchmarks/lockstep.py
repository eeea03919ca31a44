"""Lock-step speed of the real graph, three processes with full messages, against the naive loop in the same run."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from hrl.benchmarks.machine import machine
from hrl_core.errors import HrlError

EPISODES = 8
NAIVE = Path(__file__).with_name("naive_lockstep.py")
DOMAIN = 97
LIMIT = 180


@dataclass(frozen=True)
class LockstepBenchmark:
    """Compare the graph's lock-step speed with the naive loop, turn by turn."""

    repeats: int = 5
    """Turns; each runs the naive loop, the graph with recorder and the graph without."""
    reference: Path | None = None
    """Another script that prints {"env_steps_per_s": ...}, run in every turn as well."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def run(options: LockstepBenchmark) -> dict[str, Any]:
    """Measure; figures are environment steps per second, ratios are medians over the turns."""
    kinds = ["naive", "graph", "graph_without_recorder"] + (["reference"] if options.reference else [])
    figures: dict[str, list[float]] = {kind: [] for kind in kinds}
    console = Console(stderr=True, quiet=options.json)
    for turn in range(options.repeats):
        for kind in kinds:
            figures[kind].append(_measure(kind, options))
            console.print(f"turn {turn + 1}/{options.repeats} {kind}: {figures[kind][-1]:.0f} env steps/s")
    ratio = _median_ratio(figures["graph"], figures["naive"])
    outcome = {
        "name": "lockstep",
        "ratio": ratio,
        "ratio_without_recorder": _median_ratio(figures["graph_without_recorder"], figures["naive"]),
        "unit": "env steps/s",
        **{kind: statistics.median(values) for kind, values in figures.items()},
        "turns": figures,
        "env_steps": EPISODES * 500,
        "threads": 1,
        "machine": machine(),
    }
    if options.reference:
        outcome["naive_to_reference"] = _median_ratio(figures["naive"], figures["reference"])
    return outcome


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(LockstepBenchmark, args=arguments, prog="hrl bench lockstep")
    outcome = run(options)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
        return
    Console().print(
        f"graph {outcome['graph']:.0f}, without recorder {outcome['graph_without_recorder']:.0f}, naive loop "
        f"{outcome['naive']:.0f} env steps/s: ratio {outcome['ratio']:.2f}, without recorder "
        f"{outcome['ratio_without_recorder']:.2f}"
    )


def _measure(kind: str, options: LockstepBenchmark) -> float:
    environment = os.environ | {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    if not kind.startswith("graph"):
        script = NAIVE if kind == "naive" else options.reference
        output = _checked([sys.executable, str(script)], environment)
        return float(json.loads(output.strip().splitlines()[-1])["env_steps_per_s"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        record = "false" if kind.endswith("without_recorder") else "true"
        launch = [str(Path(sys.executable).with_name("hrl")), "launch", "hiro_ant.launch.py"]
        _checked([*launch, f"episodes:={EPISODES}", f"record:={record}", f"out:={out}"], environment)
        return float(json.loads((out / "simulator.json").read_text())["env_steps_per_s"])


def _checked(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode != 0:
        raise HrlError(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
