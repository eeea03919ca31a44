"""``hrl train --from-bags``: training from recordings, without a graph and without a simulator stepping along."""

from collections.abc import Sequence

from rich.console import Console

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.commands.bag_train_arguments import parse_bag_training
from hrl.commands.train import make_evaluations
from hrl.commands.training_console import training_console
from hrl.commands.training_end import run_to_the_end
from hrl.policies.provenance import git_commit
from hrl.results.lines import tell
from hrl_core.errors import HrlError
from hrl_core.threads import usable_cores
from hrl_core.training.choose_products import with_own_products
from hrl_core.training.progress import Observer, ProgressDisplay
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.trainer import BagTrainer
from hrl_core.wording import counted


def train_from_bags(words: list[str]) -> int:
    """Run it; returns the exit code.

    Returns:
        0: trained to the end; 1: failed on the way; 130: stopped by Ctrl-C or SIGTERM, state saved.

    Raises:
        HrlError: it could not be started: no bags, another task, contradictory switches, or nothing takes the products
            that are asked for.
    """
    request = parse_bag_training(words)
    spec, config = request.spec, request.config
    console = training_console(request.torch_threads)
    evaluations = make_evaluations(spec, config.training, usable_cores(), request.torch_threads)

    def make(config: BagTrainConfig) -> BagTrainer:
        return BagTrainer(spec, config, request.folder, request.seed, git_commit(), evaluations)

    if request.products:
        config = with_own_products(config, request.products, lambda: make(config).learner)
    trainer = make(config)

    def begin() -> Sequence[Observer]:
        _begin(trainer, request.resume, console)
        return (ProgressDisplay(trainer.reached + trainer.left, console, "updates", trainer.counter),)

    return run_to_the_end(trainer, begin, words, request.kept, console)


def _begin(trainer: BagTrainer, resume: bool, console: Console) -> None:
    """Take in the recordings; a new run's folder is written only when there is something to learn from."""
    if resume:
        trainer.begin(resume)
    else:
        trainer.files.require_free()
    trainer.consume(must_exist=True)
    if trainer.left or not trainer.reached:
        _tell(trainer, console)
    if not (trainer.left or trainer.reached):
        raise HrlError(
            f"nothing to learn from: {counted(len(trainer.intake.consumed), 'bag')} with {trainer.env_steps} "
            f"usable steps (left out: {trainer.intake.causes()}); other kinds of episodes are taken by "
            "--material.modes, `hrl launch ... explore:=true` records those for training"
        )
    if not resume:
        trainer.begin(resume)


def _tell(trainer: BagTrainer, console: Console) -> None:
    for problem in trainer.intake.problems:
        tell(problem, console, "yellow")
    if trainer.config.relabelled and not trainer.learner.relabelled:
        tell("none of the relabelled subgoals belongs to these bags", console, "yellow")
    replaced = f", {trainer.learner.relabelled} subgoals relabelled" if trainer.config.relabelled else ""
    taken = f"{counted(len(trainer.intake.consumed), 'bag')}, {counted(trainer.env_steps, 'step')} to learn from"
    tell(f"{taken}{replaced}; left out: {trainer.intake.causes()}", console)
