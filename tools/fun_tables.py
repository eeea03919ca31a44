"""The tables of docs/results.md on FuN.

`python tools/fun_tables.py table RUN...` makes a row of the runs of one setting; `transfer RUN... --task TASK` has
policies act in another task, without learning, with horizon and dilation as they were and multiplied; `curves FOLDER`
draws the runs that the commands of docs/results.md make below a folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.statistics import bootstrap_interval, mean
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.threads import limit_threads
from hrl_core.training.evaluate import evaluate_checkpoint
from hrl_core.training.run_files import RunFolder

mpl.use("agg")
import matplotlib.pyplot as plt

HELD_OUT = 2_000_000
"""Seed of episodes that no training has seen."""
SOLVED = 0.9


def table(runs: list[Path], episodes: int) -> None:
    """Steps until 0.9 of the training episodes succeed, the same in the end, success and return on held-out ones."""
    columns: dict[str, list[float]] = {"training, in the end": [], "held out": [], "return": [], "CPU s": []}
    soon: list[str] = []
    for run in runs:
        rows = RunFolder(run).metrics()
        solved = [row["env_steps"] for row in rows if row["worker/success"] >= SOLVED]
        soon.append(f"{solved[0] / 1000:.0f}" if solved else "-")
        policy = load_checkpoint(run / "last")
        success, earned = examined(policy, policy.task, episodes)
        told = rows[-1]["worker/success"], success, earned, rows[-1]["cpu_seconds"]
        for column, value in zip(columns.values(), told, strict=True):
            column.append(value)
    print("k steps to 0.9:", " ".join(soon))
    for name, values in columns.items():
        each = np.array(values)
        low, high = bootstrap_interval([each], mean, np.random.default_rng(0))
        print(f"{name}: {' '.join(f'{value:.3f}' for value in values)}, mean {mean(each):.3f} [{low:.3f}, {high:.3f}]")


def transfer(runs: list[Path], task: TaskSpec, times: int, episodes: int) -> None:
    """Success in another task, and in their own, of policies that learn nothing there."""
    found: dict[str, list[float]] = {"own task": [], "as they were": [], f"multiplied by {times}": []}
    for run in runs:
        policy = load_checkpoint(run / "last")
        longer = dataclasses.replace(
            policy, actors={name: multiplied(actor, times) for name, actor in policy.actors.items()}
        )
        seen = (policy, policy.task), (policy, task), (longer, task)
        for column, (acting, where) in zip(found.values(), seen, strict=True):
            column.append(examined(acting, where, episodes)[0])
    print(json.dumps(found, indent=2))


PANELS = {
    "T-maze, a corridor of 10": {"FuN": "fun_tmaze", "flat LSTM": "lstm_tmaze"},
    "Non-match, 8 blank ticks": {"FuN": "fun_non_match", "flat LSTM": "lstm_non_match"},
    "T-maze of 20, dashed: carried over": {
        "FuN, end to end": "fun_tmaze_20_end_to_end",
        "FuN, end to end, carried over": "fun_tmaze_20_end_to_end_carried_over",
        "flat LSTM": "lstm_tmaze_20",
        "flat LSTM, carried over": "lstm_tmaze_20_carried_over",
    },
}
"""Title -> label of a curve -> folder of its runs."""


def curves(folder: Path, out: Path) -> None:
    """Success of training episodes over environment steps, mean of the seeds and every seed."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(4 * len(PANELS), 3.2), sharey=True, layout="constrained")
    for axis, (title, panel) in zip(axes, PANELS.items(), strict=True):
        for label, name in panel.items():
            rows = [RunFolder(run).metrics() for run in sorted((folder / name).glob("seed_*"))]
            steps = np.array([row["env_steps"] for row in rows[0]]) / 1000
            success = np.array([[row["worker/success"] for row in run] for run in rows])
            look = {"color": "C0" if "FuN" in label else "C1", "linestyle": "--" if "carried" in label else "-"}
            axis.plot(steps, success.T, linewidth=0.6, alpha=0.35, **look)
            axis.plot(steps, success.mean(0), linewidth=2, label=label, **look)
        axis.set(title=title, xlabel="environment steps [thousand]", ylim=(-0.02, 1.02))
        axis.legend(loc="best", fontsize=7)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("success of training episodes")
    figure.savefig(out, dpi=100)


def examined(policy: Checkpoint, task: TaskSpec, episodes: int) -> tuple[float, float]:
    """Success and return on held-out episodes, as the policy is meant to act."""
    (result,) = evaluate_checkpoint(dataclasses.replace(policy, task=task), VectorEnv(task, episodes, HELD_OUT))
    return result.success_rate, result.episode_return


def multiplied(actor: ActorConfig, times: int) -> ActorConfig:
    """The same weights with horizon and dilation for so many times as many steps; an LSTM has neither."""
    memory = actor.memory
    if memory is None or (memory.dilation == 1 and not memory.pooled):
        return actor
    dilation = memory.dilation * times if memory.dilation > 1 else 1
    return dataclasses.replace(
        actor, memory=dataclasses.replace(memory, dilation=dilation, pooled=memory.pooled * times)
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "transfer", "curves"))
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--task", default="t_maze_20")
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("docs/images/fun_curves.png"))
    given = parser.parse_args()
    limit_threads(1)
    if given.what == "table":
        table(given.runs, given.episodes)
    elif given.what == "curves":
        curves(given.runs[0], given.out)
    else:
        transfer(given.runs, load_task(given.task), given.times, given.episodes)


if __name__ == "__main__":
    main()
