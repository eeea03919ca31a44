"""Words of ``hrl train``: every field of the training configuration is a switch; a preset fills in the rest."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import tyro

from hrl.policies.provenance import starts_of
from hrl.seed import Seed
from hrl_core.errors import HrlError, did_you_mean
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.choose_device import with_device
from hrl_core.training.choose_products import GIVEN, require_products
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.presets import preset, stored_config, with_products_of
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import TASK

Products = Literal["auto", "numpy", "torch", "given"]
_MOST_THREADS = 1024
NOT_SWITCHES = frozenset({"task", "task_hash", "seed"})
"""What the configuration file of a run holds beside the switches."""
Words = TypeVar("Words")


@dataclass(frozen=True)
class Train:
    """Train a policy; the names of the switches are those of config.json.

    The folder gets config.json, provenance.json (git commit, command, machine), metrics.jsonl, tensorboard/, the
    policies best/ and last/, and the state that a run goes on from after Ctrl-C, kill or power cut.

    It learns from recordings with --from-bags DIR, and from episodes that other processes collect with --collectors N;
    --help behind either tells their switches.
    """

    task: str = "AntMaze"
    """Shipped task name or .yaml task specification."""
    preset: str = ""
    """Defaults of the switches below: paper or fast, of hac also sac, of flat also vime and one for each other learner,
    of fun fun or lstm, of mlsh, snn4hrl, relay one for each of their tasks; none: the one named after the task, else
    the algorithm's first (hiro, flat: paper; hac, option_critic: fast; tree: ppo; fun: fun), or that of flat's
    --learner."""
    seed: Seed = 0
    """Seed of weights, resets, exploration and sampling."""
    out: Path | None = None
    """Folder of the run, made new."""
    resume: Path | None = None
    """Folder of a run to go on with; its task, seed and switches are taken over, others are refused."""
    torch_threads: int = 1
    """Threads of matrix products; with another number the last bits of the weights differ."""
    products: Products = "auto"
    """Library that makes the matrix products of td3's fast updates: auto measures shape by shape which is quicker when
    a run begins, and writes it into its configuration, so that a resumed run goes on with the same. Pinned, runs
    begun anew have the same last bits too, and what has no such updates refuses; given: as --worker.products and the
    like say, also where that is their default."""
    device: str = ""
    """Where td3, sac, ppo, a2c and trpo make their updates: cpu, cuda or cuda:N; empty: as --worker.device and the like
    say (cpu)."""
    cores: int = 0
    """Cores that work which goes on at once (--overlap, evaluations) is spread over, which decides about the time
    alone; 0: all that there are."""
    logger: Literal["tensorboard", "wandb"] = "tensorboard"
    """tensorboard, or wandb: Weights & Biases beside it, offline (pip install wandb)."""
    config: TrainConfig[Any] = field(default_factory=lambda: preset())


class TrainingRequest(NamedTuple):
    """What a command line of ``hrl train`` asks for."""

    spec: TaskSpec
    config: Any
    """``TrainConfig``, or ``BagTrainConfig`` where recordings are learned from."""
    seed: int
    folder: Path
    resume: bool
    torch_threads: int
    products: str = ""
    """As ``choose_products.with_products`` takes it; empty: as the configuration says."""
    cores: int = 0
    """As ``Train.cores``."""
    logger: str = ""
    """As ``Train.logger``; where recordings are learned from there is none."""

    @property
    def kept(self) -> dict[str, Any]:
        """What a resumed run takes over, besides its configuration: it is noted when one begins."""
        return {"torch_threads": self.torch_threads} | ({"logger": self.logger} if self.logger else {})

    def stored(self) -> dict[str, Any]:
        """What ``config.json`` of the run holds."""
        return {"task": self.spec.name, "task_hash": self.spec.sha256, "seed": self.seed} | self.config.as_dict()


def parse_training(words: Sequence[str]) -> TrainingRequest:
    """Read the words; refuses what contradicts itself.

    Raises:
        HrlError: unknown task, preset or switch (names the closest), impossible value, no folder.
    """
    chosen = chosen_words(words)
    if chosen.resume:
        defaults = _of_run(chosen.resume)
    else:
        own = preset("", chosen.algorithm, chosen.learner, load_task(chosen.task).name)
        defaults = Train(config=own)
    defaults = with_preset(defaults, "config", chosen)
    given = parse_words(defaults, "config", words)
    folder = require_folder(given.out, given.resume, given.torch_threads)
    if given.cores < 0:
        raise HrlError(f"--cores {given.cores}: must be 0 or more")
    config = with_device(given.config, given.device) if given.device else given.config
    return TrainingRequest(
        _task(given),
        config,
        given.seed,
        folder,
        resume=given.resume is not None,
        torch_threads=given.torch_threads,
        products=products_to_choose(given.products, config, given.resume),
        cores=given.cores,
        logger=given.logger,
    )


def parse_words(defaults: Words, name: str, words: Sequence[str]) -> Words:
    """Words of ``hrl train``: every field of ``defaults`` is a switch, and so is every one of the training.

    Args:
        defaults: what is not said.
        name: the field of ``defaults`` that holds the configuration of the training; its switches, and those of its
            algorithm, have no prefix.
        words: of the command line.

    Raises:
        HrlError: there is no such switch; names the closest.
    """
    config: TrainConfig[Any] = getattr(defaults, name)
    inner = _without_prefix(config, "agent", config.agent)
    outer = _without_prefix(defaults, name, inner)
    given, rest = tyro.cli(
        type(outer), prog="hrl train", args=words, default=outer, use_underscores=True, return_unknown_args=True
    )
    if rest:
        known = [switch.removeprefix(f"{name}.") for switch in switches(defaults)]
        raise unknown_switch(rest[0], known)
    fields = dict(vars(given))
    fields[name] = TrainConfig(**vars(fields[name]))
    return type(defaults)(**fields)


def _without_prefix(outer: Words, name: str, inner: object) -> Words:
    """The same with another value of one field, in a class of its own that says how the command line names it."""
    kind: Any = type(outer)
    # Of the class that it is generic in, or tyro would ask in vain what that is.
    base = kind[type(inner)] if getattr(kind, "__parameters__", ()) else kind
    made = dataclasses.make_dataclass(
        kind.__name__,
        [(name, Annotated[type(inner), tyro.conf.arg(name="")], dataclasses.field(default=inner))],
        bases=(base,),
        namespace={"__doc__": kind.__doc__},
        frozen=True,
        kw_only=True,
    )
    return made(**(vars(outer) | {name: inner}))


def chosen_words(words: Sequence[str]) -> argparse.Namespace:
    """Algorithm, learner, task, preset and resumed folder, on which the others depend; the last two may be None."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--algorithm", default="hiro")
    parser.add_argument("--learner", default="")
    parser.add_argument("--preset")
    parser.add_argument("--task", default=Train.task)
    parser.add_argument("--resume", type=Path)
    try:
        return parser.parse_known_args(words)[0]
    except argparse.ArgumentError as error:
        raise HrlError(f"hrl train: {error}") from None


def with_preset(
    defaults: Words, name: str, chosen: argparse.Namespace, read: Callable[[str, str, str], TrainConfig[Any]] = preset
) -> Words:
    """The same with the switches of the preset that is chosen, if one is.

    Args:
        defaults: what is not said; has a field ``preset``.
        name: its field that holds the configuration of the training.
        chosen: as ``chosen_words`` tells.
        read: the switches of a name, for an algorithm and a learner.
    """
    if chosen.preset is None:
        return defaults
    of_run = getattr(defaults, name)
    config = read(chosen.preset, of_run.algorithm, chosen.learner)
    if chosen.resume:
        config = with_products_of(config, of_run)
    return type(defaults)(**(vars(defaults) | {"preset": chosen.preset, name: config}))


def _of_run(folder: Path) -> Train:
    """The arguments that began a run."""
    files = RunFolder(folder)
    stored = files.config()
    config = stored_config({k: v for k, v in stored.items() if k not in NOT_SWITCHES})
    task = files.folder / TASK
    named = str(task) if task.is_file() else stored["task"]
    return Train(task=named, seed=int(stored["seed"]), config=config, **kept_of(folder, "torch_threads", "logger"))


def kept_of(folder: Path, *names: str) -> dict[str, Any]:
    """What the last start of a run has noted under these names; those that it has not are left out."""
    starts = starts_of(folder)
    return {name: starts[-1][name] for name in names if starts and name in starts[-1]}


def _task(given: Train) -> TaskSpec:
    """The task; of a resumed run its own, unless another one is named."""
    named = load_task(given.task)
    stored = named if given.resume is None else load_task(_of_run(given.resume).task)
    # Equal ones may offer other goal spaces: those of the run count.
    return stored if stored == named else named


def require_folder(out: Path | None, resume: Path | None, torch_threads: int) -> Path:
    """Folder of the run.

    Raises:
        HrlError: none is named, or two are; or the number of threads is none.
    """
    if not 1 <= torch_threads <= _MOST_THREADS:
        raise HrlError(f"--torch_threads {torch_threads}: must be from 1 to {_MOST_THREADS}")
    folder = resume or out
    if folder is None:
        raise HrlError("where to? --out DIR begins a run, --resume DIR goes on with one")
    if resume and out and resume.resolve() != out.resolve():
        raise HrlError(f"--resume {resume} goes on in its own folder; leave --out {out} out")
    return folder


def products_to_choose(choice: str, config: TrainConfig[Any], resume: Path | None) -> str:
    """What a run has to choose when it begins, as ``TrainingRequest.products``.

    Raises:
        HrlError: a run that goes on has other products.
    """
    if resume is None:
        return "" if choice == GIVEN else choice
    require_products(config, choice)
    return ""


def learns_from_bags(words: Sequence[str]) -> bool:
    """Whether a command line trains from recordings: it names some, or goes on with a run that does."""
    if any(word.startswith("--from") for word in words):
        return True
    resumed = chosen_words(words).resume
    return resumed is not None and "sources" in RunFolder(resumed).config()


def unknown_switch(word: str, known: Sequence[str]) -> HrlError:
    """Say that a switch does not exist, in one line: the closest one, or where all of them are listed."""
    name = word.partition("=")[0].removeprefix("--").replace("-", "_")
    same_ending = [f"--{other}" for other in known if other.endswith(f".{name}")]
    hint = f"; did you mean {' or '.join(same_ending)}?" if same_ending else did_you_mean(name, known)
    return HrlError(f"unknown switch '{word}'{hint or '; all of them: the same command with --help'}")
