"""Words of ``hrl train --collectors``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hrl.commands.train_arguments import (
    NOT_SWITCHES,
    Products,
    TrainingRequest,
    chosen_words,
    kept_of,
    parse_words,
    products_to_choose,
    require_folder,
    with_preset,
)
from hrl.seed import Seed
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset
from hrl_core.training.rounds.config import EXACT, RoundConfig, stored_round_config
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import TASK


@dataclass(frozen=True)
class TrainByRounds:
    """Train a policy on episodes that collectors live, while it learns from those of before; Ctrl-C saves.

    All collectors act by one policy for a round, by sessions of their own as on robots. The folder keeps every episode,
    beside what hrl train leaves.
    """

    task: str = "AntMaze"
    """Shipped task name or .yaml task specification."""
    preset: str = ""
    """Defaults of the switches below: paper, fast, or what else the algorithm has."""
    seed: Seed = 0
    """Seed of weights, episodes, exploration and sampling."""
    out: Path | None = None
    """Folder of the run, made new."""
    resume: Path | None = None
    """Folder of a run to go on with; its task, seed and switches are taken over, others are refused."""
    collectors: int = 0
    """Processes that collect, each on a core, here or on a cluster; 0: this process, in turn with its learning. With
    exact rounds the same bits come of any number."""
    cluster: str = ""
    """Have the nodes of a cluster collect (docs/many_machines.md): its HOST:PORT; empty: this machine."""
    rounds: Literal["exact", "free"] = EXACT
    """exact: blocks are learned from in the order of their numbers, those of a round by the policy of the round before
    the last, to the same bits wherever they are collected; free: as they arrive, by the newest policy there was."""
    round_blocks: int = 4
    """Blocks of a round, of which each is an episode in each of --num_envs environments, collected by one process."""
    torch_threads: int = 1
    """Threads of matrix products of the learner."""
    products: Products = "auto"
    """Library that makes the learner's matrix products of td3's fast updates: auto measures shape by shape which is
    quicker when a run begins; numpy, torch: that one, which gives runs begun anew the same last bits too; given: as
    --worker.products and the like say."""
    training: TrainConfig[Any] = field(default_factory=lambda: preset())


class RoundTraining(NamedTuple):
    """What a command line asks for."""

    request: TrainingRequest
    """Its ``config`` is a ``RoundConfig``."""
    collectors: int
    cluster: str


def trains_by_rounds(words: Sequence[str]) -> bool:
    """Whether a command line trains with collectors: it asks for some, or goes on with a run that had them."""
    if any(word.partition("=")[0] == "--collectors" for word in words):
        return True
    resumed = chosen_words(words).resume
    return resumed is not None and "round_blocks" in RunFolder(resumed).config()


def parse_round_training(words: Sequence[str]) -> RoundTraining:
    """Read the words; refuses what contradicts itself.

    Raises:
        HrlError: no folder, unknown task, preset or switch, contradictory switches.
    """
    chosen = chosen_words(words)
    if chosen.resume is None:
        first = preset("", chosen.algorithm, chosen.learner, load_task(chosen.task).name)
        defaults = TrainByRounds(training=first)
    else:
        defaults = _of_run(chosen.resume)
    defaults = with_preset(defaults, "training", chosen)
    given = parse_words(defaults, "training", words)
    folder = require_folder(given.out, given.resume, given.torch_threads)
    if given.collectors < 0:
        raise HrlError(f"--collectors {given.collectors}: must be 1 or more, or 0 for this process alone")
    if given.cluster and not given.collectors:
        raise HrlError(f"--cluster {given.cluster} needs --collectors: how many of them")
    config = RoundConfig(given.training, given.rounds, given.round_blocks)
    resume = given.resume is not None
    products = products_to_choose(given.products, given.training, given.resume)
    request = TrainingRequest(load_task(given.task), config, given.seed, folder, resume, given.torch_threads, products)
    return RoundTraining(request, given.collectors, given.cluster)


def _of_run(folder: Path) -> TrainByRounds:
    """The arguments that began a run."""
    values = RunFolder(folder).config()
    config = stored_round_config({name: value for name, value in values.items() if name not in NOT_SWITCHES})
    return TrainByRounds(
        task=str(folder / TASK),
        seed=int(values["seed"]),
        rounds="exact" if config.rounds == EXACT else "free",
        round_blocks=config.round_blocks,
        training=config.training,
        **kept_of(folder, "torch_threads"),
    )
