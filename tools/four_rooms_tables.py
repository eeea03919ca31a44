"""The tables of docs/results.md on options in the Four Rooms.

`python tools/four_rooms_tables.py planning` and `learning` take seconds, `recovery --options 4 --seeds 20 --out DIR` a
minute or two for a file, `recovered DIR` makes the table of such files.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.options.hallway_options import hallway_options, primitive_actions
from hrl_core.algorithms.options.option_critic_tabular import OptionCriticConfig
from hrl_core.algorithms.options.planning import value_iteration
from hrl_core.algorithms.options.recovery import WINDOWS, evaluate, recover
from hrl_core.algorithms.options.smdp_q import learn
from hrl_core.four_rooms import NUM_CELLS, NUMBER, Dynamics, outcomes, transition_matrix
from hrl_core.statistics import bootstrap_interval, mean

Float64 = npt.NDArray[np.float64]
TABLE = outcomes(Dynamics.UNRELIABLE)
MATRIX = transition_matrix(TABLE)
PRIMITIVE, HALLWAY = primitive_actions(), hallway_options(MATRIX)
SETS = {"4 moves": PRIMITIVE, "moves and 8 options": PRIMITIVE.and_also(HALLWAY), "8 options": HALLWAY}
AFTERWARDS = 1_000_000
"""Added to the seeds of evaluations, which draw other numbers than learning did."""
ITERATIONS = 300


def planning() -> None:
    """How quickly values spread."""
    for place in ((7, 9), (9, 9), (3, 6), (11, 11)):
        goal = NUMBER[place]
        for name, options in SETS.items():
            values = value_iteration(options, MATRIX, goal, ITERATIONS)
            positive, error = (values > 0).sum(axis=1), np.abs(values - values[-1]).max(axis=1)
            spread = " / ".join(str(count) for count in positive[1:4])
            after = " / ".join(str(np.argmax(error <= most)) for most in (0.1, 0.01, 0.001))
            rest = np.delete(values[-1], goal).mean()
            print(f"| {place} | {name} | {spread} | {np.argmax(positive == NUM_CELLS)} | {after} | {rest:.5f} |")


def learning() -> None:
    """How quickly values are learned, 20 seeds."""
    for place in ((7, 9), (9, 9)):
        for name, options in SETS.items():
            if place == (9, 9) and name == "8 options":
                continue
            for intra in (False, True) if name == "moves and 8 options" else (False,):
                steps = learn(options, TABLE, NUMBER[place], range(20), intra_option=intra)
                windows = (steps[:, part].mean() for part in (slice(1), slice(5, 20), slice(50, 100), slice(150, 200)))
                first = steps[:, :20].sum(axis=1)
                words = " | ".join(f"{window:.1f}" for window in windows)
                rule = "intra-option Q" if intra else "SMDP-Q" if name != "4 moves" else "Q-learning"
                print(f"| {place} | {rule}, {name} | {words} | {first.mean():.0f} ({first.std(ddof=1):.0f}) |")


def recovery(num_options: int, num_seeds: int, out: Path) -> None:
    """Learn, move the goal, learn on; write what a table needs."""
    seeds, began = range(num_seeds), time.process_time()
    recovered = recover(OptionCriticConfig(num_options=num_options), seeds)
    minutes = (time.process_time() - began) / 60
    later = [seed + AFTERWARDS for seed in seeds]
    told = {
        "num_options": num_options,
        "processor_minutes": round(minutes, 2),
        "option_length": round(recovered.option_length(), 3),
        "steps": {f"{a}-{b}": recovered.steps((a, b)).round(3).tolist() for a, b in WINDOWS},
        "sampled": evaluate(recovered, later, 50, greedy=False).tolist(),
        "greedy": evaluate(recovered, later, 50, greedy=True).tolist(),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"options_{num_options}.json").write_text(json.dumps(told, indent=1) + "\n")


def recovered(folder: Path) -> None:
    """The table of a folder's files: mean [95 % bootstrap interval over seeds] / median."""
    told = [json.loads(path.read_text()) for path in folder.glob("options_*.json")]
    told.sort(key=lambda one: one["num_options"])
    for one in told:
        cells = [_summary(np.array(steps)) for steps in one["steps"].values()]
        cells += [f"{np.mean(one[kind]):.1f}" for kind in ("sampled", "greedy")]
        cells += [f"{one['option_length']:.2f}", _better(one, told[0]), f"{one['processor_minutes']:.1f}"]
        print(f"| {one['num_options']} | {len(one['sampled'])} | {' | '.join(cells)} |")


def _summary(steps: Float64) -> str:
    low, high = bootstrap_interval([steps], mean, np.random.default_rng(0))
    return f"{steps.mean():.1f} [{low:.1f}, {high:.1f}] / {np.median(steps):.1f}"


def _better(one: dict[str, Any], than: dict[str, Any]) -> str:
    """Share of the seeds of both that find the moved goal more quickly."""
    if one is than:
        return "-"
    ours, theirs = (told["steps"]["1000-1200"] for told in (one, than))
    return f"{np.mean([a < b for a, b in zip(ours, theirs, strict=False)]):.2f}"


def main() -> None:
    """Print a table, or write what one needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("planning")
    commands.add_parser("learning")
    run = commands.add_parser("recovery")
    run.add_argument("--options", type=int, default=4)
    run.add_argument("--seeds", type=int, default=20)
    run.add_argument("--out", type=Path, required=True)
    commands.add_parser("recovered").add_argument("folder", type=Path)
    told = parser.parse_args()
    if told.command == "recovery":
        recovery(told.options, told.seeds, told.out)
    elif told.command == "recovered":
        recovered(told.folder)
    else:
        {"planning": planning, "learning": learning}[told.command]()


if __name__ == "__main__":
    main()
