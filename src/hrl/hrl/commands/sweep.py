"""``hrl sweep``: one training over seeds and values of switches, resumable, and the table of what it has reached."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.commands.compared_runs import ended, print_commands
from hrl.commands.sweep_arguments import SweepRequest, named, parse_sweep
from hrl.commands.workers import WorkerOptions
from hrl.report.sweep_markdown import HELD_OUT_HEADS, held_out_rows
from hrl.results.curves import Group
from hrl.results.lines import lasting_console
from hrl.results.over_seeds import figures, headlines, outcomes, with_interval
from hrl.results.sweep_record import sweep_groups
from hrl.results.tables import show
from hrl.sweeps.making import make_runs
from hrl.sweeps.sweep_run import PRODUCTS, SweepRun, product_words
from hrl_core.errors import HrlError
from hrl_core.statistics import STATISTICS
from hrl_core.training.run_files import RunFolder
from hrl_core.wording import counted

_COLUMNS = ("combination", "seeds", "mean [95 %]", "median [95 %]", "IQM [95 %]", "worst", "best")
_UNKNOWN = "-"


def sweep(words: list[str]) -> int:
    """Run ``hrl sweep`` with the words that follow it; returns the exit code.

    Returns:
        0: every run has come to its end; 1: one failed or cannot be examined, the others were made; 130: stopped by
        Ctrl-C or SIGTERM, all states saved.

    Raises:
        HrlError: it could not be started.
    """
    request = parse_sweep(words)
    runs = startable(request)
    if request.print_only:
        # Who runs them, and on which machines, is not known here: each measures its own products.
        print_commands(request.runs)
        return 0
    console = lasting_console()
    failed, stopped = make_runs(
        request.folder, runs, request.workers, console, lambda: request.record.write(request.folder)
    )
    if request.held_out and not stopped:
        failed = failed + [("held-out episodes", why) for why in _examine(request, console)]
    groups = sweep_groups(request.folder)
    if any(group.runs for group in groups):
        show(standing_table(groups, len(request.record.seeds)))
    if request.held_out:
        show(held_out_table(groups))
    return ended(failed, stopped)


def _examine(request: SweepRequest, console: Console) -> list[str]:
    # Brings torch.
    from hrl.policies.each import at_once
    from hrl.policies.held_out import Protocol
    from hrl.sweeps.examining import examine

    finished, by = [run.folder for run in request.runs if run.finished], request.workers
    each = WorkerOptions(by.jobs or 0, by.cluster).each if by.cluster else at_once(by.jobs or 1)
    with console.status(f"{request.held_out} held-out episodes a goal of {counted(len(finished), 'run')}"):
        return examine(finished, Protocol(request.held_out), each)


def startable(request: SweepRequest) -> list[SweepRun]:
    """Make the trainer of each combination once: what it refuses would else be found out by a run, hours later perhaps.

    Returns:
        The runs, those of a combination with one choice of the library of their products: that of a run that has begun,
        or as measured now. What differs between seeds is then the seed alone.

    Raises:
        HrlError: the switches of a combination do not fit its task.
    """
    runs, combinations = list(request.runs), len(request.record.combinations)
    for number in range(combinations):
        of_combination = slice(number, None, combinations)
        same = runs[of_combination]
        begun = next((run for run in same if run.begun), None)
        config = _configured(same[0]) if begun is None else RunFolder(begun.folder).config()
        if PRODUCTS not in named(same[0].words):
            products = product_words(config)
            runs[of_combination] = [dataclasses.replace(run, products=products) for run in same]
    return runs


def _configured(run: SweepRun) -> dict[str, Any]:
    # Brings torch.
    from hrl.commands.train import make_trainer
    from hrl.commands.train_arguments import parse_training

    try:
        return make_trainer(parse_training(run.arguments[1:]), Console(quiet=True)).config.as_dict()
    except HrlError as error:
        raise HrlError(f"{run.name}: {error}") from None


def held_out_table(groups: Sequence[Group]) -> Table:
    """Best and last policies at each goal, of the runs that have been examined."""
    table = Table(title=Text("held-out episodes"), title_justify="left")
    for head in HELD_OUT_HEADS:
        table.add_column(Text(head))
    for row in (row for group in groups for row in held_out_rows(group)):
        table.add_row(*map(Text, row))
    return table


def standing_table(groups: Sequence[Group], seeds: int) -> Table:
    """One row per combination; runs that have not come to their end are left out."""
    table = Table(title=Text(f"last policies over seeds: {headlines(groups)}"), title_justify="left")
    for column in _COLUMNS:
        table.add_column(Text(column))
    for group in groups:
        scores = [one.last for one in outcomes(group) if one.finished]
        told = [f"{len(scores)}" if len(scores) == seeds else f"{len(scores)} of {seeds}"]
        if scores:
            found = figures(scores)
            told += [*(with_interval(found, name) for name in STATISTICS), f"{found.worst:.3g}", f"{found.best:.3g}"]
        told += [_UNKNOWN] * (len(_COLUMNS) - 1 - len(told))
        table.add_row(Text(group.label), *map(Text, told))
    return table
