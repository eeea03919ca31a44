"""Evaluation of a policy on episodes that its training has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.seed import Seed
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.spec import TaskSpec
from hrl_core.training.evaluate import EvaluationResult, evaluate_checkpoint

HELD_OUT_SEED = 3_000_017
"""Not the seed that training evaluates with (``TrainConfig.evaluation_seed``)."""


@dataclass(frozen=True)
class Protocol:
    """Which episodes."""

    episodes: int = 50
    """Episodes per evaluation goal (paper C.4)."""
    seed: Seed = HELD_OUT_SEED
    """Seed of the resets; the default is not the one that training chooses its best policy with."""
    goal: tuple[float, ...] = ()
    """One task goal instead of the task's evaluation goals, in units of the task."""
    threads: int = 1
    """Threads that step the environments."""
    randomise: str = ""
    """How the episodes differ, as `hrl train --randomise` (`delay=0.1,loss=0.05`); empty: not at all."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name in ("episodes", "threads"):
            if getattr(self, name) < 1:
                raise HrlError(f"--{name} {getattr(self, name)}: must be 1 or more")
        object.__setattr__(self, "randomise", str(parse_randomisation(self.randomise)))


def evaluate_held_out(checkpoint: Checkpoint, protocol: Protocol) -> list[EvaluationResult]:
    """Run every episode once, all together; one result per task goal."""
    spec = checkpoint.task
    goals = [goal for goal in _goals(spec, protocol.goal) for _ in range(protocol.episodes)]
    own_goals = goals if goals[0] else ()
    randomisation = parse_randomisation(protocol.randomise)
    envs = VectorEnv(spec, len(goals), protocol.seed, protocol.threads, goals=own_goals, randomisation=randomisation)
    try:
        return evaluate_checkpoint(checkpoint, envs)
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
