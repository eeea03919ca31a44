"""A policy made ready to be shipped: its held-out figures beside it, for people and for programs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrl.policies.held_out import Protocol, evaluate_held_out
from hrl.policies.provenance import starts_of
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import one_thread
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.progress import OWN_GOALS
from hrl_core.whole_folders import writable

KEPT = ("env_steps", "seconds", "cpu_seconds")
README = "README.md"
HELD_OUT = "held_out_randomised"
"""What the provenance of a policy calls the randomisation of the episodes that its held-out figures are from."""


def export(source: Path, target: Path, protocol: Protocol) -> None:
    """Evaluate the policy of ``source`` on held-out episodes and write it to ``target`` with figures and README."""
    one_thread()
    checkpoint = load_checkpoint(source)
    with writable(target):
        # Before minutes of episodes.
        target.parent.mkdir(parents=True, exist_ok=True)
    results = evaluate_held_out(checkpoint, protocol)
    metrics = {k: v for k, v in checkpoint.metrics.items() if k in KEPT or k.endswith("/updates")}
    metrics["held_out/seed"] = float(protocol.seed)
    for result in results:
        metrics |= _figures(checkpoint.task, result)
    try:
        provenance = {**checkpoint.provenance} | ({HELD_OUT: protocol.randomise} if protocol.randomise else {})
        save_checkpoint(dataclasses.replace(checkpoint, metrics=metrics, provenance=provenance), target)
        (target / README).write_text(_readme(checkpoint, results, protocol, _commands(source.parent)))
    except OSError as error:
        raise HrlError(f"cannot write {target}: {error}; free some space and export again") from None


def _figures(spec: TaskSpec, result: EvaluationResult) -> dict[str, float]:
    name = "held_out/" + ("_".join(f"{x:g}" for x in result.goal) or OWN_GOALS)
    figures = {f"{name}/episodes": float(result.episodes), f"{name}/return": result.episode_return}
    if spec.goal:
        low, high = result.interval
        figures |= {
            f"{name}/success_rate": result.success_rate,
            f"{name}/wilson_low": low,
            f"{name}/wilson_high": high,
            f"{name}/ever_within": result.ever_within,
            f"{name}/final_distance": result.final_distance,
        }
    return figures


def _commands(run: Path) -> list[str]:
    """The commands that trained the policy, with the step each began at; empty outside a run's folder."""
    starts = starts_of(run)
    return [f"{start['command']}    # from {_place(start)}, commit {start['git_commit']}" for start in starts]


def _place(start: Mapping[str, Any]) -> str:
    """Where in the run a start was."""
    return f"update {start['from_updates']}" if "from_updates" in start else f"step {start['from_env_steps']}"


def _readme(checkpoint: Checkpoint, results: list[EvaluationResult], protocol: Protocol, commands: list[str]) -> str:
    spec, first = checkpoint.task, results[0]
    unit = spec.success.unit
    rule = _rule(spec)
    randomised = f", randomised by {protocol.randomise}" if protocol.randomise else ""
    held_out = f"held-out episodes (seed {protocol.seed}{randomised})"
    if spec.goal:
        lines = [
            f"Success at the last step, {rule}, on {held_out}; Wilson 95 % interval.",
            "",
            f"| task goal [{unit}] | episodes | success | ever {rule} | mean final distance [{unit}] |",
            "|---|---|---|---|---|",
            *(_row(result) for result in results),
        ]
    else:
        lines = [f"Mean return of {first.episodes} {held_out}: {first.episode_return:.2f}."]
    lines = [f"# {checkpoint.algorithm} on {spec.name}", "", *lines]
    lines += ["", f"{checkpoint.env_steps} environment steps, training seed {checkpoint.seed}. Single run."]
    if commands:
        lines += ["", "Made by:", "", "```", *commands, "```"]
    return "\n".join(lines) + "\n"


def _rule(spec: TaskSpec) -> str:
    """What success is, for people."""
    if spec.own_success:
        return "as the environment says"
    if spec.success.tolerance:
        return f"within {', '.join(f'{x:g}' for x in spec.success.tolerance)} along the elements of the goal"
    parts = f", each of {', '.join(spec.success.groups)}" if spec.success.groups else ""
    sum_of = " summed over the elements of the goal" if spec.success.norm == "l1" else ""
    return f"within {spec.success.radius:g} {spec.success.unit}{sum_of}{parts}"


def _row(result: EvaluationResult) -> str:
    low, high = result.interval
    goal = ", ".join(f"{x:g}" for x in result.goal) or "the environment's own"
    measured = f"{result.success_rate:.3f} ({low:.3f} to {high:.3f}) | {result.ever_within:.3f}"
    return f"| ({goal}) | {result.episodes} | {measured} | {result.final_distance:.2f} |"
