"""``hrl evaluate``: success of a policy on held-out episodes, in this process or shared out."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import tyro
from rich.table import Table
from rich.text import Text

from hrl.commands.workers import WorkerOptions
from hrl.policies.held_out import Protocol, evaluate_held_out, figures
from hrl.policies.shipped import resolve_policy
from hrl.results.tables import show
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.threads import one_thread
from hrl_core.training.evaluate import EvaluationResult


@dataclass(frozen=True)
class Evaluate:
    """Run noise-free episodes of a policy for each of the task's evaluation goals; success counts at the last step."""

    checkpoint: str
    """Policy folder, folder of a training run (its best policy), or shipped policy."""
    protocol: Annotated[Protocol, tyro.conf.arg(name="")] = field(default_factory=Protocol)
    who: Annotated[WorkerOptions, tyro.conf.arg(name="")] = field(default_factory=WorkerOptions)
    task: str = ""
    """Refuse the policy unless it was made for this task; empty: the policy brings its own."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def evaluate_command(words: list[str]) -> int:
    """Run ``hrl evaluate`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Evaluate, prog="hrl evaluate", args=words)
    one_thread()
    folder = resolve_policy(arguments.checkpoint, None)
    checkpoint = load_checkpoint(folder)
    if arguments.task:
        checkpoint.require_task(load_task(arguments.task))
    started = time.perf_counter()
    protocol = arguments.protocol.shared_out() if arguments.who.shares else arguments.protocol
    results = evaluate_held_out(checkpoint, protocol, arguments.who.each)
    outcome: dict[str, Any] = {
        "policy": str(folder),
        "task": checkpoint.task.name,
        "task_hash": checkpoint.task.sha256,
        "algorithm": checkpoint.algorithm,
        "trained": checkpoint.trained,
        "env_steps": checkpoint.env_steps,
        "seed": arguments.protocol.seed,
        "randomised": arguments.protocol.randomise,
        "seconds": round(time.perf_counter() - started, 2),
        "results": [figures(checkpoint.task, result) for result in results],
    }
    if arguments.json:
        sys.stdout.write(json.dumps(outcome, allow_nan=False) + "\n")
    else:
        randomised = f", randomised by {arguments.protocol.randomise}" if arguments.protocol.randomise else ""
        show(results_table(folder.name + randomised, checkpoint.task, results))
    return 0


def results_table(title: str, task: TaskSpec, results: list[EvaluationResult]) -> Table:
    """One row per task goal, or one for those that the environment chose."""
    distance = f"final distance [{task.success.unit}]"
    columns = ("goal", "episodes", "success", "Wilson 95 %", "ever within", distance, "return")
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(Text(column))
    for result in results:
        measured = ["-"] * 4
        if task.goal:
            low, high = result.interval
            shares = [f"{result.success_rate:.3f}", f"{low:.3f} to {high:.3f}", f"{result.ever_within:.3f}"]
            measured = [*shares, f"{result.final_distance:.2f}"]
        goal = ", ".join(f"{x:g}" for x in result.goal) or ("its own" if task.goal else "-")
        if task.success.groups:
            goal = "\n".join(f"{name} {share:.2f}" for name, share in result.groups.items())
            goal += f"\n{result.in_place:.2f} of {result.asked_for:.3g} in place"
        table.add_row(goal, str(result.episodes), *measured, f"{result.episode_return:.2f}")
    return table
