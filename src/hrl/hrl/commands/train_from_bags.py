"""``hrl train --from-bags``: training from recordings, without a graph and without a simulator stepping along."""

import logging
import math
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.commands.bag_train_arguments import parse_bag_training
from hrl.commands.training_end import StopSignal, run_to_the_end, tell_stopped
from hrl.policies.provenance import git_commit
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import limit_threads
from hrl_core.training.evaluate import evaluate, evaluation_goals
from hrl_core.training.progress import ProgressDisplay
from hrl_core.training.recordings.trainer import GROUP, BagTrainer
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.training.trainer import evaluation_metrics
from hrl_core.wording import counted


def train_from_bags(words: list[str]) -> int:
    """Run it; returns the exit code.

    Returns:
        0: trained to the end; 1: failed on the way; 130: stopped by Ctrl-C or SIGTERM, state saved.

    Raises:
        HrlError: it could not be started: no bags, another task, contradictory switches.
    """
    request = parse_bag_training(words)
    limit_threads(request.torch_threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    console = Console(stderr=True, highlight=False)
    trainer = BagTrainer(request.spec, request.config, request.folder, request.seed, git_commit())
    stop = StopSignal(console)
    try:
        _begin(trainer, request.resume, console)
        code = run_to_the_end(lambda: _run(trainer, stop, console), trainer.files, lambda: trainer.updates > 0, console)
        if code:
            return code
        if trainer.due:
            return tell_stopped(trainer.files, counted(trainer.updates, "update"), console)
    finally:
        stop.close()
    folder = request.folder
    kept = f"policy: {folder / POLICY}, the best one by its own evaluations: {folder / BEST_POLICY}"
    Console(highlight=False).print(kept, markup=False, soft_wrap=True)
    return 0


def _begin(trainer: BagTrainer, resume: bool, console: Console) -> None:
    """Take in the recordings; a new run's folder is written only when there is something to learn from."""
    if resume:
        trainer.begin(resume)
    else:
        trainer.files.require_free()
    trainer.consume(must_exist=True)
    _tell(trainer, console)
    if not (trainer.due or trainer.updates):
        raise HrlError(
            f"nothing to learn from: {counted(len(trainer.consumed), 'segment')} with {trainer.steps} usable steps "
            f"(left out: {_causes(trainer)}); other kinds of episodes are taken by --material.modes, "
            "`hrl launch ... explore:=true` records those for training"
        )
    if not resume:
        trainer.begin(resume)


def _run(trainer: BagTrainer, stop: StopSignal, console: Console) -> None:
    """Make all updates that are due, with evaluations and checkpoints on the way; stopped, save state and policy."""
    if not trainer.due:
        return
    interval = trainer.config.checkpoint_updates
    best = max((_score(trainer.spec, row) for row in trainer.files.metrics()), default=-math.inf)
    envs = _evaluation_envs(trainer)
    display = ProgressDisplay(trainer.updates + trainer.due * GROUP, console, "updates", "worker/updates")
    try:
        while trainer.due and not stop():
            before = trainer.updates
            trainer.train(1)
            display.on_step(trainer.updates)
            # Multiples of all updates, not of this process's: whoever resumes evaluates where the run would have.
            if trainer.due and before // interval == trainer.updates // interval:
                continue
            row = _evaluated(trainer, envs)
            score = _score(trainer.spec, row)
            trainer.save(row, best=score >= best)
            best = max(best, score)
            display.on_metrics(row | trainer.report())
        if trainer.updates and trainer.files.saved_steps() != trainer.updates:
            trainer.keep({})
    finally:
        display.close()


def _evaluation_envs(trainer: BagTrainer) -> VectorEnv:
    config, spec = trainer.config.training, trainer.spec
    goals = evaluation_goals(spec, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own_goals = goals if spec.evaluation_goals else ()
    return VectorEnv(spec, len(goals), config.evaluation_seed, config.threads, goals=own_goals)


def _evaluated(trainer: BagTrainer, envs: VectorEnv) -> dict[str, Any]:
    agent = trainer.agent
    results = evaluate(
        trainer.spec,
        hierarchy_of(trainer.spec),
        envs,
        lambda s, g: agent.select(s, g, averaged=True),
        lambda s, g: agent.act(s, g, averaged=True),
    )
    return {name: value for result in results for name, value in evaluation_metrics(result).items()}


def _score(spec: TaskSpec, row: Mapping[str, Any]) -> float:
    """What the best policy is chosen by: success at the first goal, or the return of tasks without goals."""
    measure = "/success_rate" if spec.goal else "/return"
    return next((float(v) for name, v in row.items() if name.startswith("evaluation/") and name.endswith(measure)), 0.0)


def _tell(trainer: BagTrainer, console: Console) -> None:
    for problem in trainer.problems:
        console.print(problem, style="yellow", markup=False, soft_wrap=True)
    if trainer.config.relabelled and not trainer.relabelled:
        console.print("none of the relabelled subgoals belongs to these bags", style="yellow")
    replaced = f", {trainer.relabelled} subgoals relabelled" if trainer.config.relabelled else ""
    console.print(
        f"{counted(len(trainer.consumed), 'segment')}, {counted(trainer.steps, 'step')} to learn from{replaced}; "
        f"left out: {_causes(trainer)}",
        markup=False,
        soft_wrap=True,
    )


def _causes(trainer: BagTrainer) -> str:
    return ", ".join(f"{counted(steps, 'step')} ({cause})" for cause, steps in trainer.left_out.items()) or "nothing"
