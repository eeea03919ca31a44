"""``hrl train --from-bags``: training from recordings, without a graph and without a simulator stepping along."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.provenance import git_commit
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.task import TaskSpec, load_task
from hrl_core.threads import limit_threads
from hrl_core.training.bag_config import BagTrainConfig
from hrl_core.training.bag_material import MaterialConfig
from hrl_core.training.bag_segments import parse_source
from hrl_core.training.bag_trainer import GROUP, BagTrainer
from hrl_core.training.config import TrainConfig, read_config
from hrl_core.training.evaluate import evaluate, evaluation_goals
from hrl_core.training.run_files import BEST_POLICY, POLICY
from hrl_core.training.trainer import evaluation_metrics


@dataclass(frozen=True)
class TrainFromBags:
    """Train a policy from recorded bags."""

    from_bags: tuple[str, ...]
    """Bags or folders of bags, each with a weight if wanted: DIR or DIR:WEIGHT."""
    out: Path
    """Folder of the run, made new unless --resume."""
    resume: bool = False
    """Go on with the run in --out; its switches must be given again."""
    task: str = ""
    """Task name or .yaml; empty: that of the first recorded run."""
    preset: str = "paper"
    """Defaults of the switches below: paper (row A), fast (row B), or a .json file of switches as of training:=."""
    seed: int = 0
    """Seed of weights and sampling."""
    relabel: str = ""
    """at-sampling (needs one-step returns, --agent.manager_n_step 1 and --agent.candidates 10: not those of fast),
    from-relabelled or off; empty: at-sampling if --agent.candidates is above 0, else off."""
    relabelled: tuple[Path, ...] = ()
    """Folders of relabelled bags."""
    max_relabel_lag: int = 0
    """Ignore relabelled subgoals of workers more versions behind; 0: any age."""
    updates: int = 0
    """Worker updates; 0: as many as the recorded steps pay for."""
    newest_steps: int = 0
    """Learn from that many newest environment steps only; 0: all."""
    checkpoint_updates: int = 5_000
    """Worker updates between checkpoints and evaluations."""
    material: MaterialConfig = field(default_factory=MaterialConfig)
    torch_threads: int = 1
    """Threads of matrix products."""
    training: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)


def train_from_bags(words: list[str]) -> int:
    """Run it; returns the exit code.

    Raises:
        HrlError: no bags, another task, contradictory switches, or diverging losses.
    """
    defaults = read_config(_preset_of(words))
    given = tyro.cli(
        TrainFromBags,
        args=words,
        prog="hrl train",
        default=TrainFromBags((), Path(), training=defaults),
        use_underscores=True,
    )
    limit_threads(given.torch_threads)
    sources = tuple(parse_source(text) for text in given.from_bags)
    relabel = given.relabel or ("from-relabelled" if given.relabelled else "")
    config = BagTrainConfig(
        sources=sources,
        training=given.training,
        relabel=relabel or ("at-sampling" if given.training.agent.candidates else "off"),
        relabelled=tuple(str(folder) for folder in given.relabelled),
        max_relabel_lag=given.max_relabel_lag,
        material=given.material,
        newest_steps=given.newest_steps,
        updates=given.updates,
        checkpoint_updates=given.checkpoint_updates,
    )
    # A trainer that follows a live relabeler may wait for the first of them; here nothing more will come.
    find_bags(given.relabelled)
    spec = load_task(given.task) if given.task else _recorded_task(sources[0].path)
    trainer = BagTrainer(spec, config, given.out, given.seed, git_commit())
    trainer.begin(given.resume)
    console = Console(stderr=True, highlight=False)
    trainer.consume(must_exist=True)
    _tell(trainer, console)
    _run(trainer, console)
    kept = f"policy: {given.out / POLICY}, the best one by its own evaluations: {given.out / BEST_POLICY}"
    Console(highlight=False).print(kept, soft_wrap=True)
    return 0


def _run(trainer: BagTrainer, console: Console) -> None:
    """Make all updates that are due, with evaluations and checkpoints on the way."""
    envs = _evaluation_envs(trainer)
    interval = max(1, trainer.config.checkpoint_updates // GROUP)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    total = trainer.updates + trainer.due * GROUP
    if not trainer.due:
        raise HrlError(
            f"nothing to learn from: {len(trainer.consumed)} segments hold {trainer.steps} usable steps "
            f"(left out: {_causes(trainer)})"
        )
    best = max((_score(trainer.spec, row) for row in trainer.files.metrics()), default=-math.inf)
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=total, completed=trainer.updates)
        while trainer.due:
            since, before = time.perf_counter(), trainer.updates
            trainer.train(min(interval, trainer.due))
            rate = (trainer.updates - before) / (time.perf_counter() - since)
            row = _evaluated(trainer, envs)
            score = _score(trainer.spec, row)
            trainer.save(row, best=score >= best)
            best = max(best, score)
            success = next((f"{value:.2f}" for name, value in row.items() if name.endswith("success_rate")), "-")
            text = f"{trainer.updates} updates, {rate:.0f}/s, success {success}"
            progress.update(bar, completed=trainer.updates, description=text)


def _evaluation_envs(trainer: BagTrainer) -> VectorEnv:
    config, spec = trainer.config.training, trainer.spec
    goals = evaluation_goals(spec, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own_goals = goals if spec.evaluation_goals else ()
    return VectorEnv(spec, len(goals), config.evaluation_seed, config.threads, goals=own_goals)


def _evaluated(trainer: BagTrainer, envs: VectorEnv) -> dict[str, Any]:
    agent = trainer.agent
    results = evaluate(
        trainer.spec, envs, lambda s, g: agent.select(s, g, averaged=True), lambda s, g: agent.act(s, g, averaged=True)
    )
    return {name: value for result in results for name, value in evaluation_metrics(result).items()}


def _score(spec: TaskSpec, row: Mapping[str, Any]) -> float:
    """What the best policy is chosen by: success at the first goal, or the return of tasks that draw their own."""
    measure = "/success_rate" if spec.evaluation_goals else "/return"
    return next((float(v) for name, v in row.items() if name.startswith("evaluation/") and name.endswith(measure)), 0.0)


def _recorded_task(path: Path) -> TaskSpec:
    task = read_bags([path]).task
    if task is None:
        raise HrlError(f"{path} does not tell its task (no run_info recorded): name it with --task")
    return task


def _tell(trainer: BagTrainer, console: Console) -> None:
    for problem in trainer.problems:
        console.print(problem, style="yellow", markup=False, soft_wrap=True)
    if trainer.config.relabelled and not trainer.relabelled:
        console.print("none of the relabelled subgoals belongs to these bags", style="yellow")
    replaced = f", {trainer.relabelled} subgoals relabelled" if trainer.config.relabelled else ""
    console.print(
        f"{len(trainer.consumed)} segments, {trainer.steps} steps to learn from{replaced}; "
        f"left out: {_causes(trainer)}",
        markup=False,
        soft_wrap=True,
    )


def _causes(trainer: BagTrainer) -> str:
    return ", ".join(f"{steps} steps ({cause})" for cause, steps in trainer.left_out.items()) or "nothing"


def _preset_of(words: Sequence[str]) -> str:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--preset":
            return following
        if word.startswith("--preset="):
            return word.partition("=")[2]
    return "paper"
