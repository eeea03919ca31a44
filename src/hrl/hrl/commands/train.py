"""``hrl train``: one training run in a folder, from the command line to the last policy."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.commands.round_train_arguments import trains_by_rounds
from hrl.commands.train_arguments import TrainingRequest, learns_from_bags, parse_training
from hrl.commands.training_console import training_console
from hrl.commands.training_end import run_to_the_end
from hrl.policies.provenance import git_commit
from hrl.results.lines import tell
from hrl_core.algorithms import learner_module
from hrl_core.algorithms.protocols import OwnEnvironments, Training
from hrl_core.environments import Environments
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import usable_cores
from hrl_core.training.choose_products import with_products
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import evaluation_goals
from hrl_core.training.evaluations import Evaluations
from hrl_core.training.progress import Observer, ProgressDisplay, TensorBoard
from hrl_core.training.trainer import Trainer
from hrl_core.training.wandb_log import WandbLog


def train(words: list[str]) -> int:
    """Run ``hrl train`` with the words that follow it; returns the exit code.

    Returns:
        0: trained to the end; 1: failed on the way; 130: stopped by Ctrl-C or SIGTERM, state saved.

    Raises:
        HrlError: it could not be started.
    """
    if learns_from_bags(words):
        from hrl.commands.train_from_bags import train_from_bags

        return train_from_bags(words)
    if trains_by_rounds(words):
        from hrl.commands.train_by_rounds import train_by_rounds

        return train_by_rounds(words)
    request = parse_training(words)
    console = training_console(request.torch_threads)
    more = [WandbLog(request.folder, request.stored())] if request.logger == "wandb" else []
    trainer = make_trainer(request, console)

    def begin() -> Sequence[Observer]:
        trainer.begin(request.resume)
        if trainer.left:
            tell(_introduction(request), console)
        board = TensorBoard(request.folder / "tensorboard", resume_at=trainer.told + 1 if request.resume else None)
        return ProgressDisplay(request.config.steps, console), board, *more

    return run_to_the_end(trainer, begin, words, request.kept, console)


def make_trainer(request: TrainingRequest, console: Console) -> Trainer:
    """Make what trains; nothing is written, and ``console`` is told what the environments lack.

    Raises:
        HrlError: the switches do not fit the task, or nothing takes the products that are asked for.
    """
    spec, config = request.spec, request.config
    envs = training_envs(spec, config, request.seed)
    if request.products:
        module: Training = learner_module(config.algorithm)
        made = partial(module.learner, spec, config.agent, envs, request.seed)
        config = with_products(config, request.products, made)
    for line in envs.missing:
        tell(line, console, "yellow")
    pieces = 2 if getattr(config.agent, "overlap", False) else 1
    evaluations = make_evaluations(spec, config, usable_cores(request.cores), pieces * request.torch_threads)
    return Trainer(spec, config, envs, evaluations, request.folder, request.seed, git_commit(), request.cores)


def training_envs(spec: TaskSpec, config: TrainConfig[Any], seed: int) -> Environments:
    """Environments to learn in: the task's, or the algorithm's own.

    Raises:
        HrlError: the switches do not fit the task.
    """
    module = learner_module(config.algorithm)
    if isinstance(module, OwnEnvironments):
        if config.randomise or config.headline_goal_share:
            switch = "randomise" if config.randomise else "headline_goal_share"
            raise HrlError(f"algorithm '{config.algorithm}' learns in environments of its own: leave {switch} out")
        return module.environments(spec, config.agent, config.num_envs, seed)
    levels = module.hierarchy(spec, config.agent).levels
    return VectorEnv(
        spec,
        config.num_envs,
        seed,
        config.threads,
        stagger=config.stagger,
        # Options end by themselves: without a horizon any step will do.
        segment=(levels[0].horizon if levels else 0) or 1,
        headline_share=config.headline_goal_share,
        randomisation=config.randomisation,
    )


def make_evaluations(spec: TaskSpec, config: TrainConfig[Any], cores: int, busy: int) -> Evaluations:
    """Evaluates on so many ``cores``; beside training on those that this leaves, which keeps ``busy`` at work."""
    left = cores - max(config.threads, busy)
    beside = partial(evaluation_envs, spec, config, left) if left > 0 else None
    return Evaluations(evaluation_envs(spec, config, cores), beside)


def evaluation_envs(spec: TaskSpec, config: TrainConfig[Any], cores: int) -> VectorEnv:
    """Environments of the evaluation episodes, one each; ``cores`` are for long steps."""
    goals = evaluation_goals(spec, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own_goals = goals if spec.evaluation_goals else ()
    randomisation = config.evaluation_randomisation
    return VectorEnv(
        spec,
        len(goals),
        config.evaluation_seed,
        cores,
        goals=own_goals,
        randomisation=randomisation,
        threads_where_worth_it=True,
    )


def _introduction(request: TrainingRequest) -> str:
    spec, config = request.spec, request.config
    levels = learner_module(config.algorithm).hierarchy(spec, config.agent).levels
    subgoals = " / ".join(", ".join(level.elements or level.skills) or level.space for level in levels) or "none"
    randomised = f", randomised by {config.randomise}" if config.randomise else ""
    return (
        f"{'going on' if request.resume else 'training'} in {request.folder}: {config.algorithm} on {spec.name} "
        f"(subgoals: {subgoals}), {config.steps} steps, seed {request.seed}{randomised}; Ctrl-C stops and saves"
    )
