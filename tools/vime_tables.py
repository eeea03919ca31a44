"""The tables and the picture of docs/results.md on VIME.

`python tools/vime_tables.py table RUN...` takes runs of two settings, told apart by `bonus_weight` (0: plain PPO): a
row of each seed, what each setting comes to, and the differences of runs with the same seed. The runs have to be
evaluated after each update, as those of the preset vime are. `places --seed S --steps N --out PICTURE` lives through
the first steps of two runs of the sparse Mountain Car, one with and one without curiosity, and draws where they were.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch  # noqa: F401 - whose threads are limited only where it has been loaded

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.algorithms import learner_module
from hrl_core.envs.mountain_car_sparse import TOP
from hrl_core.envs.vector import VectorEnv
from hrl_core.statistics import bootstrap_interval, mean, wilson_interval
from hrl_core.task.text import load_task
from hrl_core.threads import limit_threads
from hrl_core.training.presets import preset
from hrl_core.training.run_files import RunFolder

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

FOUND_BY = 60_000
"""Environment steps within which the reward has to be met."""
_BINS, _RANGE = (36, 40), ((-1.2, 0.6), (-1.0, 1.0))
"""Cells of position and velocity."""
SOLVED, IN_A_ROW = 0.9, 3
"""Success of that many evaluations in a row."""


@dataclass(frozen=True)
class Course:
    """What became of a run."""

    curious: bool
    seed: int
    found: float
    """Environment steps of the update whose batch held the first reward; none: infinite."""
    solved: float
    """The same of the first of the evaluations that make it solved."""
    last: float
    """Success of the last evaluation."""
    steps: int
    cpu_seconds: float


def course(folder: Path) -> Course:
    """Read a run."""
    files = RunFolder(folder)
    config, rows = files.config(), files.metrics()
    (name,) = [key for key in rows[0] if key.startswith("evaluation/") and key.endswith("/success_rate")][:1]
    steps, success = [row["env_steps"] for row in rows], [row[name] for row in rows]
    return Course(
        bool(config["bonus"]) and config["bonus_weight"] > 0,
        config["seed"],
        next((row["env_steps"] for row in rows if row.get("worker/reward", 0) > 0), math.inf),
        next((steps[k] for k in range(len(rows) - IN_A_ROW + 1) if min(success[k : k + IN_A_ROW]) >= SOLVED), math.inf),
        success[-1],
        steps[-1],
        rows[-1]["cpu_seconds"],
    )


def table(folders: Sequence[Path]) -> None:
    """Print the tables in Markdown."""
    courses = sorted((course(folder) for folder in folders), key=lambda one: one.seed)
    sides = {side: {one.seed: one for one in courses if one.curious is side} for side in (True, False)}
    heads = [f"{what} ({side})" for what in ("found [k]", "solved [k]", "last") for side in ("VIME", "PPO")]
    print(f"| seed | {' | '.join(heads)} |\n|{'---|' * 7}")
    for seed in dict.fromkeys(one.seed for one in courses):
        pair = [sides[side].get(seed) for side in (True, False)]
        cells = [_thousands(one and getattr(one, name)) for name in ("found", "solved") for one in pair]
        print(
            "| " + " | ".join([str(seed), *cells, *("-" if one is None else f"{one.last:.2f}" for one in pair)]) + " |"
        )
    for side, name in ((True, "VIME"), (False, "PPO")):
        if sides[side]:
            print(f"\n{name}: {_summary(list(sides[side].values()))}")
    both = [(sides[True][seed], sides[False][seed]) for seed in sides[True] if seed in sides[False]]
    if len(both) > 1:
        print(f"\nVIME less PPO, {len(both)} pairs of one seed:")
        for name, worth in _MEASURES.items():
            gains = np.array([worth(one) - worth(other) for one, other in both], float)
            low, high = bootstrap_interval([gains], mean, np.random.default_rng(0))
            print(f"  {name}: {gains.mean():+.2f} [{float(low):+.2f}, {float(high):+.2f}]")


_MEASURES: dict[str, Any] = {
    f"found by {FOUND_BY // 1000} k": lambda one: one.found <= FOUND_BY,
    "solved": lambda one: math.isfinite(one.solved),
    "success of the last policy": lambda one: one.last,
}


def _summary(courses: Sequence[Course]) -> str:
    parts: list[str] = []
    for name, worth in list(_MEASURES.items())[:2]:
        count = sum(bool(worth(one)) for one in courses)
        low, high = wilson_interval(count / len(courses), len(courses))
        parts.append(f"{name} {count}/{len(courses)} [{low:.2f}, {high:.2f}]")
    last = np.array([one.last for one in courses])
    low, high = bootstrap_interval([last], mean, np.random.default_rng(0))
    parts.append(f"last success {last.mean():.2f} [{float(low):.2f}, {float(high):.2f}]")
    seconds = [one.cpu_seconds for one in courses]
    return ", ".join(
        [*parts, f"CPU {min(seconds):.0f} to {max(seconds):.0f} s for {courses[0].steps / 1000:g} k steps"]
    )


def _thousands(steps: float | None) -> str:
    return "-" if steps is None or math.isinf(steps) else f"{steps / 1000:g}"


def places(seed: int, steps: int, out: Path) -> None:
    """Draw the visits of both, and print how many cells each has seen."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for axis, weight in zip(axes, (preset("vime", "flat").agent.bonus_weight, 0.0), strict=True):
        seen, found = _lived(weight, seed, steps)
        grid, *edges = np.histogram2d(*seen.T, bins=_BINS, range=_RANGE)
        axis.pcolormesh(*edges, np.where(grid > 0, grid, np.nan).T, norm=LogNorm(1, 1000), cmap="viridis_r")
        axis.axvline(TOP, color="tab:red", lw=1)
        told = f"first reward after {found / 1000:g} k" if math.isfinite(found) else "no reward"
        axis.set(title=f"{'VIME' if weight else 'PPO'}: {told}", xlabel="position", xlim=_RANGE[0], ylim=_RANGE[1])
        print(f"weight {weight}: {np.count_nonzero(grid)} cells of {grid.size}, {told}")
    axes[0].set_ylabel("velocity [0.07/step]")
    fig.savefig(out, dpi=90)


def _lived(weight: float, seed: int, steps: int) -> tuple[npt.NDArray[np.float64], float]:
    """States of the first steps of a run, (steps, 2), and when the first reward came."""
    task, config = load_task("mountain_car_sparse"), preset("vime", "flat").changed({"bonus_weight": weight})
    envs = VectorEnv(task, config.num_envs, seed, stagger=config.stagger)
    learner = learner_module("flat").learner(task, config.agent, envs, seed)
    seen, found = list[npt.NDArray[np.float64]](), math.inf
    for reached in range(config.num_envs, steps + 1, config.num_envs):
        step = envs.step(learner.act())
        learner.observe(step)
        list(learner.update())
        seen.append(step.states)
        found = min(found, reached) if step.rewards.any() else found
    return np.concatenate(seen), found


def main() -> None:
    """Read the words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    tabled = commands.add_parser("table", help="a row of each seed")
    tabled.add_argument("runs", nargs="+", type=Path)
    tabled.set_defaults(do=lambda given: table(given.runs))
    drawn = commands.add_parser("places", help="where two runs were")
    drawn.add_argument("--seed", type=int, default=0)
    drawn.add_argument("--steps", type=int, default=20_000)
    drawn.add_argument("--out", type=Path, required=True)
    drawn.set_defaults(do=lambda given: places(given.seed, given.steps, given.out))
    given = parser.parse_args()
    with limit_threads(1):
        given.do(given)


if __name__ == "__main__":
    main()
