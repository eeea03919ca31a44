"""``hrl rollout``: run episodes of a policy in this process, without ROS."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.policies.shipped import AUTO, resolve_policy
from hrl.results.tables import facts, show
from hrl.seed import Seed
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.messages import EpisodeResult, Mode, frozen
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.text import load_task
from hrl_core.threads import one_thread


@dataclass(frozen=True)
class Rollout:
    """Run episodes of a policy in this process; the same numbers as through the ROS graph in lock-step."""

    policy: str = "auto"
    """Checkpoint folder, shipped name, or auto for the shipped policy made for the task."""
    task: str = AUTO
    """Shipped task name or .yaml task specification, or auto for the policy's own."""
    episodes: int = 1
    """Number of episodes."""
    seed: Seed = 0
    """Seed from which resets and exploration noise are drawn."""
    goal: tuple[float, ...] = ()
    """Task goal in the units of the task; empty for the task's own."""
    explore: bool = False
    """Run training episodes: the policies add exploration noise."""
    randomise: str = ""
    """How the episodes differ, as `hrl train --randomise` (`delay=0.1,loss=0.05`); empty: not at all."""
    json: bool = False
    """Print one JSON object instead of a table."""


@dataclass(frozen=True)
class RolloutSummary:
    """Result of the episodes."""

    episodes: int
    env_steps: int
    env_steps_per_s: float
    success_rate: float | None
    """None, as the distance: the task has no goal."""
    mean_return: float
    mean_final_distance: float | None
    policy: str
    policy_trained: bool


def rollout_command(words: list[str]) -> int:
    """Run ``hrl rollout`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Rollout, prog="hrl rollout", args=words)
    summary = run_rollout(arguments)
    console = Console()
    if arguments.json:
        console.print(json.dumps(asdict(summary)), markup=False, highlight=False, soft_wrap=True)
        return 0
    values = asdict(summary).items()
    told = [(name.replace("_", " "), value) for name, value in values if value is not None]
    shown = {name: f"{value:.2f}" if isinstance(value, float) else str(value) for name, value in told}
    show(facts("Rollout", shown), console)
    return 0


def run_rollout(arguments: Rollout) -> RolloutSummary:
    """Run the episodes; one thread, as in the nodes, so that the numbers are the same bits."""
    if arguments.episodes < 1:
        raise HrlError(f"--episodes {arguments.episodes}: must be 1 or more")
    one_thread()
    wanted = None if arguments.task == AUTO else load_task(arguments.task)
    folder = resolve_policy(arguments.policy, wanted)
    checkpoint = load_checkpoint(folder)
    task = wanted or checkpoint.task
    checkpoint.require_task(task)
    mode = Mode.TRAIN if arguments.explore else Mode.EVAL
    goal = frozen(arguments.goal) if arguments.goal else None
    runner = EnvRunner(task, arguments.seed, mode, goal, randomisation=parse_randomisation(arguments.randomise))
    hierarchy = checkpoint.stack(arguments.seed)
    start = time.perf_counter()
    try:
        results = [rollout(runner, hierarchy, episode).result for episode in range(arguments.episodes)]
    finally:
        runner.close()
    return _sum_up(results, bool(task.goal), time.perf_counter() - start, folder, checkpoint.trained)


def _sum_up(
    results: Sequence[EpisodeResult], of_goal: bool, seconds: float, folder: Path, trained: bool
) -> RolloutSummary:
    env_steps = sum(result.steps for result in results)
    return RolloutSummary(
        episodes=len(results),
        env_steps=env_steps,
        env_steps_per_s=env_steps / seconds,
        success_rate=float(np.mean([result.success for result in results])) if of_goal else None,
        mean_return=float(np.mean([result.episode_return for result in results])),
        mean_final_distance=float(np.mean([result.final_distance for result in results])) if of_goal else None,
        policy=str(folder),
        policy_trained=trained,
    )
