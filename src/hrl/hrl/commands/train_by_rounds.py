"""``hrl train --collectors``: episodes collected by processes of this machine or of a cluster, learned from here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hrl.commands.collecting import Here, make_collect
from hrl.commands.round_train_arguments import RoundTraining, parse_round_training
from hrl.commands.train import make_evaluations
from hrl.commands.training_console import training_console
from hrl.commands.training_end import run_to_the_end
from hrl.policies.provenance import git_commit
from hrl.results.lines import tell
from hrl_core.threads import usable_cores
from hrl_core.training.choose_products import with_own_products
from hrl_core.training.progress import Observer, ProgressDisplay, TensorBoard
from hrl_core.training.rounds.arithmetic import arithmetic
from hrl_core.training.rounds.blocks import Collectors
from hrl_core.training.rounds.config import RoundConfig
from hrl_core.training.rounds.trainer import RoundTrainer


def train_by_rounds(words: list[str]) -> int:
    """Run it; returns the exit code.

    Returns:
        0: trained to the end; 1: failed on the way; 130: stopped by Ctrl-C or SIGTERM, state saved.

    Raises:
        HrlError: it could not be started.
    """
    asked = parse_round_training(words)
    request = asked.request
    spec, config = request.spec, request.config
    console = training_console(request.torch_threads)
    with _collectors(asked) as (collectors, where):
        # The other cores are the collectors'.
        cores = max(1, usable_cores() - asked.collectors)
        evaluations = make_evaluations(spec, config.training, cores, request.torch_threads)
        made_by = {"collectors": asked.collectors, "arithmetic": arithmetic()}

        def make(config: RoundConfig) -> RoundTrainer:
            folder, seed = request.folder, request.seed
            return RoundTrainer(spec, config, collectors, folder, seed, git_commit(), evaluations, made_by)

        if request.products:
            config = with_own_products(config, request.products, lambda: make(config).learner)
        trainer = make(config)

        def begin() -> Sequence[Observer]:
            trainer.begin(request.resume)
            if trainer.left:
                going = "going on" if request.resume else "training"
                tell(
                    f"{going} in {request.folder}: {config.algorithm} on {spec.name}, {config.training.steps} steps, "
                    f"seed {request.seed}, {config.rounds} rounds of {config.round_blocks} blocks of "
                    f"{config.training.num_envs} episodes, collected {where}; Ctrl-C stops and saves",
                    console,
                )
            resumed_at = trainer.told + 1 if request.resume else None
            board = TensorBoard(request.folder / "tensorboard", resume_at=resumed_at)
            return ProgressDisplay(config.training.steps, console), board

        return run_to_the_end(trainer, begin, words, request.kept, console)


@contextmanager
def _collectors(asked: RoundTraining) -> Iterator[tuple[Collectors, str]]:
    """Who collects, and where, for people."""
    given = asked.request.spec, asked.request.config, asked.request.seed, arithmetic()
    if not asked.collectors:
        yield Here(make_collect(*given)), "by this process"
        return
    from hrl_cluster.connection import LOCAL, connected

    with connected(asked.cluster or LOCAL, asked.collectors) as cluster:
        yield cluster.collectors(asked.collectors, make_collect, *given), f"by {asked.collectors} of {cluster}"
