"""``hrl relabel``: off-policy correction of recorded bags with a given worker."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.commands.workers import WorkerOptions
from hrl.launching.environment import ensure_ros_environment
from hrl.policies.shipped import resolve_policy
from hrl.results.lines import tell
from hrl.results.tables import show
from hrl.seed import Seed
from hrl_core.algorithms.hiro.relabel_bags import Relabeler, RelabelOutcome
from hrl_core.bags.find import find_bags
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.errors import HrlError
from hrl_core.threads import one_thread


@dataclass(frozen=True)
class Relabel:
    """Relabel the subgoals of recorded bags (HIRO's off-policy correction); every output bag is made once."""

    bags: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Bags or folders of bags."""
    checkpoint: str
    """Policy whose worker scores the candidates: policy folder, folder of a training run, or shipped policy."""
    out: Path
    """Folder of the relabelled bags."""
    candidates: int = 10
    """Per transition: the recorded subgoal, the displacement really made, and draws around it."""
    seed: Seed = 0
    """Seed of the draws."""
    who: Annotated[WorkerOptions, tyro.conf.arg(name="")] = field(default_factory=WorkerOptions)


def relabel(words: list[str]) -> int:
    """Run ``hrl relabel``; returns the exit code, 1 when a bag had damaged episodes.

    Raises:
        HrlError: no bags, a bag of another task, or a full disk.
    """
    options = tyro.cli(Relabel, args=words, prog="hrl relabel")
    if not options.bags:
        raise HrlError("which bags? name bags or folders of bags")
    if options.candidates < 2:
        raise HrlError(f"--candidates {options.candidates}: at least 2, the recorded subgoal and the displacement")
    ensure_ros_environment()
    from hrl_ros.message_texts import message_texts

    one_thread()
    checkpoint = load_checkpoint(resolve_policy(options.checkpoint, None))
    relabeler = Relabeler(checkpoint, tuple(message_texts()), options.candidates, options.seed)
    console = Console(highlight=False)
    # Of other processes and machines: whole paths.
    bags = [bag.absolute() for bag in find_bags(options.bags)]
    outcomes = options.who.each(_relabel, bags, relabeler, options.out.absolute())
    for problem in (problem for outcome in outcomes for problem in outcome.problems):
        tell(problem, console, "yellow")
    show(_table(outcomes), console)
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _relabel(bag: Path, relabeler: Relabeler, out: Path) -> RelabelOutcome:
    return relabeler.relabel(bag, out)


def _table(outcomes: list[RelabelOutcome]) -> Table:
    table = Table("relabelled bag", "transitions", "subgoals replaced", "mean distance moved")
    for outcome in outcomes:
        if not outcome.made:
            table.add_row(Text(str(outcome.bag)), "already there", "", "")
            continue
        share = outcome.moved / max(1, outcome.transitions)
        row = (f"{outcome.transitions}", f"{outcome.moved} ({share:.0%})", f"{outcome.distance:.2f}")
        table.add_row(Text(str(outcome.bag)), *row)
    return table
