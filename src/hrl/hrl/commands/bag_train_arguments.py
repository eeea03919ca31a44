"""Words of ``hrl train --from-bags``."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
from hrl_core.bags.find import find_bags
from hrl_core.bags.recorded_task import recorded_task
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset, read_config
from hrl_core.training.recordings.config import BagTrainConfig, stored_bag_config
from hrl_core.training.recordings.material import MaterialConfig
from hrl_core.training.recordings.sampling import SamplingConfig
from hrl_core.training.recordings.segments import at_hand, parse_source
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import TASK


@dataclass(frozen=True)
class TrainFromBags:
    """Train a policy from recorded bags; Ctrl-C saves."""

    from_bags: tuple[str, ...] = ()
    """Bags or folders of bags, each with a weight if wanted: DIR or DIR:WEIGHT."""
    out: Path | None = None
    """Folder of the run, made new."""
    resume: Path | None = None
    """Folder of a run to go on with; its bags, task, seed and switches are taken over, others are refused."""
    task: str = ""
    """Task name or .yaml; empty: that of the first recorded run."""
    preset: str = ""
    """Defaults of the switches below: paper, fast, or a .json file of switches as of training:=."""
    seed: Seed = 0
    """Seed of weights and sampling."""
    relabel: str = ""
    """at-sampling (needs one-step returns, --manager_n_step 1 and --candidates 10: not those of fast), from-relabelled
    or off; empty: at-sampling if --candidates is above 0, else off."""
    relabelled: tuple[Path, ...] = ()
    """Folders of relabelled bags."""
    max_relabel_lag: int = 0
    """Ignore relabelled subgoals of workers more versions behind; 0: any age."""
    updates: int = 0
    """Worker updates; 0: as many as the recorded steps pay for."""
    newest_steps: int = 0
    """Learn from that many newest environment steps only; 0: all."""
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    checkpoint_updates: int = 5_000
    """Worker updates between checkpoints and evaluations."""
    material: MaterialConfig = field(default_factory=MaterialConfig)
    torch_threads: int = 1
    """Threads of matrix products."""
    products: Products = "auto"
    """Library that makes the matrix products of td3's fast updates: auto measures shape by shape which is quicker when
    a run begins; numpy, torch: that one; given: as --worker.products and the like say."""
    training: TrainConfig[Any] = field(default_factory=lambda: preset())


def parse_bag_training(words: Sequence[str]) -> TrainingRequest:
    """Read the words; refuses what contradicts itself.

    Raises:
        HrlError: no bags, no folder, unknown task, preset or switch, contradictory switches.
    """
    chosen = chosen_words(words)
    stored = None if chosen.resume is None else _stored(chosen.resume)
    first = preset("", chosen.algorithm, chosen.learner)
    defaults = TrainFromBags(training=first) if stored is None else _as_words(*stored)
    defaults = with_preset(defaults, "training", chosen, read_config)
    given = parse_words(defaults, "training", words)
    folder = require_folder(given.out, given.resume, given.torch_threads)
    config = _config(given)
    if stored is not None:
        # What a trainer node has that began the run, and this command has no words for.
        of_nodes = {name: getattr(stored[0], name) for name in ("first_version", "update_budget", "store")}
        config = replace(config, **of_nodes)
    # A trainer that follows a live relabeler may wait for the first of them; here nothing more will come.
    find_bags(given.relabelled)
    spec = load_task(given.task) if given.task else recorded_task(map(at_hand, config.sources))
    resume, products = given.resume is not None, products_to_choose(given.products, given.training, given.resume)
    return TrainingRequest(spec, config, given.seed, folder, resume, given.torch_threads, products)


def _config(given: TrainFromBags) -> BagTrainConfig:
    relabel = given.relabel or ("from-relabelled" if given.relabelled else "")
    sources = [parse_source(text) for text in given.from_bags]
    return BagTrainConfig(
        # Absolute: a run goes on from any folder.
        sources=tuple(replace(source, path=source.path.expanduser().absolute()) for source in sources),
        training=given.training,
        relabel=relabel or ("at-sampling" if given.training.as_dict().get("candidates") else "off"),
        relabelled=tuple(str(folder.expanduser().absolute()) for folder in given.relabelled),
        max_relabel_lag=given.max_relabel_lag,
        material=given.material,
        newest_steps=given.newest_steps,
        sampling=given.sampling,
        updates=given.updates,
        checkpoint_updates=given.checkpoint_updates,
    )


def _stored(folder: Path) -> tuple[BagTrainConfig, int, str, dict[str, Any]]:
    """Configuration, seed and task of the run in a folder, and what it has noted besides."""
    files = RunFolder(folder)
    values = files.config()
    config = stored_bag_config({name: value for name, value in values.items() if name not in NOT_SWITCHES})
    task = folder / TASK
    named = str(task) if task.is_file() else str(values["task"])
    return config, int(values["seed"]), named, kept_of(folder, "torch_threads")


def _as_words(config: BagTrainConfig, seed: int, task: str, kept: Mapping[str, Any]) -> TrainFromBags:
    """The arguments that began a run; ``kept`` are those that its configuration does not hold."""
    same = {f.name for f in dataclasses.fields(TrainFromBags)} & {f.name for f in dataclasses.fields(BagTrainConfig)}
    return TrainFromBags(
        from_bags=tuple(f"{source.uri or source.path}:{source.weight!r}" for source in config.sources),
        task=task,
        seed=seed,
        **{name: getattr(config, name) for name in same - {"relabelled"}},
        relabelled=tuple(Path(folder) for folder in config.relabelled),
        **kept,
    )
