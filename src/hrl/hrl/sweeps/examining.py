"""What the runs of a sweep have come to, by episodes that chose nothing, kept beside each."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hrl.policies.each import Each
from hrl.policies.held_out import Protocol, evaluate_held_out
from hrl.results.held_out_record import AtGoal, Examined, HeldOut, read_held_out
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import one_thread
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.whole_folders import writable


def examine(runs: Sequence[Path], protocol: Protocol, each: Each) -> list[str]:
    """Examine the best and the last policy of finished runs that have not been examined so.

    Args:
        runs: their folders.
        protocol: which episodes.
        each: has runs examined, one after the other or at once; the same bits come of it.

    Returns:
        What went wrong, for people: a policy cannot be read, or the disk is full.
    """
    left = [run.absolute() for run in runs if not _is_known(run, protocol)]
    return [why for why in each(_examine, left, protocol.shared_out()) if why] if left else []


def _is_known(run: Path, protocol: Protocol) -> bool:
    known = read_held_out(run)
    return known is not None and (known.episodes, known.seed) == (protocol.episodes, protocol.seed)


def _examine(run: Path, protocol: Protocol) -> str:
    """Write what becomes of both policies; returns what went wrong, which keeps no other run from being examined."""
    one_thread()
    try:
        with writable(run):
            HeldOut(protocol.episodes, protocol.seed, _found(run, protocol)).write(run)
    except HrlError as error:
        return str(error)
    return ""


def _found(run: Path, protocol: Protocol) -> dict[str, Examined]:
    """Where the last policy is the best, it is examined once."""
    found: dict[str, Examined] = {}
    for name in (BEST_POLICY, POLICY):
        checkpoint = load_checkpoint(run / name)
        twin = next((one for one in found.values() if one.env_steps == checkpoint.env_steps), None)
        found[name] = twin or Examined(
            checkpoint.env_steps,
            tuple(_at_goal(checkpoint.task, one) for one in evaluate_held_out(checkpoint, protocol)),
        )
    return found


def _at_goal(task: TaskSpec, result: EvaluationResult) -> AtGoal:
    success = result.success_rate if task.goal else None
    at = AtGoal(result.episodes, result.episode_return, result.goal, success)
    return replace(at, groups=tuple(result.groups), in_place=result.in_place) if task.success.groups else at
