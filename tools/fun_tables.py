"""The tables of docs/results.md on FuN.

`python tools/fun_tables.py table RUN...` makes a row of the runs of one setting; `transfer RUN... --task TASK` has
policies act in another task, without learning, with horizon and dilation as they were and multiplied.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

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
    parser.add_argument("what", choices=("table", "transfer"))
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--task", default="t_maze_20")
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--episodes", type=int, default=200)
    given = parser.parse_args()
    limit_threads(1)
    if given.what == "table":
        table(given.runs, given.episodes)
    else:
        transfer(given.runs, load_task(given.task), given.times, given.episodes)


if __name__ == "__main__":
    main()
