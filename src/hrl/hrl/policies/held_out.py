"""Evaluation of a policy on episodes that its training has not seen."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.policies.each import Each, in_turn
from hrl.seed import Seed
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import usable_cores
from hrl_core.training.evaluate import EvaluationResult, Outcomes, joined, play

HELD_OUT_SEED = 3_000_017
"""Not the seed that training evaluates with (``TrainConfig.evaluation_seed``)."""
BLOCK = 100
"""Episodes that are played together, at least."""


@dataclass(frozen=True)
class Protocol:
    """Which episodes."""

    episodes: int = 50
    """Episodes per evaluation goal (paper C.4)."""
    seed: Seed = HELD_OUT_SEED
    """Seed of the resets; the default is not the one that training chooses its best policy with."""
    goal: tuple[float, ...] = ()
    """One task goal instead of the task's evaluation goals, in units of the task."""
    threads: int = 0
    """Threads that step the environments, which decides about the time alone; 0: as many as there are cores where
    MuJoCo's steps are long, else one; with --workers one each."""
    randomise: str = ""
    """How the episodes differ, as `hrl train --randomise` (`delay=0.1,loss=0.05`); empty: not at all."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name, least in (("episodes", 1), ("threads", 0)):
            if getattr(self, name) < least:
                raise HrlError(f"--{name} {getattr(self, name)}: must be {least} or more")
        object.__setattr__(self, "randomise", str(parse_randomisation(self.randomise)))

    def shared_out(self) -> "Protocol":
        """The same for processes that take a core each: with one thread, unless told otherwise."""
        return replace(self, threads=self.threads or 1)


class Block(NamedTuple):
    """Some of the episodes, which no other one has an effect on."""

    first: int
    """Number of the first episode."""
    goals: Sequence[tuple[float, ...]]
    """Task goal of each; empty ones: the environment chooses."""


def evaluate_held_out(checkpoint: Checkpoint, protocol: Protocol, each: Each = in_turn) -> list[EvaluationResult]:
    """Run every episode once; one result per task goal.

    Args:
        checkpoint: the policy.
        protocol: which episodes.
        each: has the blocks played, one after the other or at once; the same bits come of it.

    Raises:
        HrlError: the task has no such goal.
    """
    return joined(each(play_block, blocks(checkpoint.task, protocol), checkpoint, protocol)).results()


def blocks(spec: TaskSpec, protocol: Protocol) -> list[Block]:
    """All episodes, in blocks that do not depend on who plays them.

    Raises:
        HrlError: the task has no such goal.
    """
    goals = [goal for goal in _goals(spec, protocol.goal) for _ in range(protocol.episodes)]
    count = max(1, len(goals) // BLOCK)
    starts = [len(goals) * number // count for number in range(count + 1)]
    return [Block(first, goals[first:end]) for first, end in itertools.pairwise(starts)]


def play_block(block: Block, checkpoint: Checkpoint, protocol: Protocol) -> Outcomes:
    """Run the episodes of a block, all together."""
    own_goals = block.goals if block.goals[0] else ()
    envs = VectorEnv(
        checkpoint.task,
        len(block.goals),
        protocol.seed,
        usable_cores(protocol.threads),
        goals=own_goals,
        randomisation=parse_randomisation(protocol.randomise),
        first_episode=block.first,
        threads_where_worth_it=not protocol.threads,
    )
    try:
        return play(checkpoint, envs, block.first)
    finally:
        envs.close()


def figures(spec: TaskSpec, result: EvaluationResult) -> dict[str, Any]:
    """A result as plain data; without task goals only the return has a meaning."""
    plain: dict[str, Any] = {"episodes": result.episodes, "mean_return": result.episode_return}
    if not spec.goal:
        return plain
    low, high = result.interval
    rule = spec.success
    limit = {"tolerance": list(rule.tolerance)} if rule.tolerance else {"radius": rule.radius}
    return {
        # Null where the environment chose one per episode.
        "goal": list(result.goal) or None,
        **plain,
        "success_rate": result.success_rate,
        "wilson_95": [low, high],
        "ever_within": result.ever_within,
        "mean_final_distance": result.final_distance,
        **limit,
        **({"norm": rule.norm} if "norm" in rule.as_dict() else {}),
        "unit": rule.unit,
        **({"groups": dict(result.groups), "in_place": result.in_place} if spec.success.groups else {}),
    }


def _goals(spec: TaskSpec, goal: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    if not goal:
        return spec.evaluation_goals or ((),)
    if len(goal) != len(spec.goal):
        names = " ".join(element.name for element in spec.goal) or "none: the task has no goal"
        raise HrlError(
            f"--goal {' '.join(map(str, goal))}: task '{spec.name}' needs {len(spec.goal)} numbers ({names})"
        )
    spec.check_goal(np.array(goal, np.float64), "--goal")
    return (tuple(goal),)
