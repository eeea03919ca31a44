"""What comparisons that train by ``hrl train`` have in common: plans, making what is left of them, and how it ended."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from rich.console import Console

from hrl.commands.train_arguments import parse_training
from hrl.results.lines import lasting_console, tell
from hrl.sweeps.making import Workers, make_runs
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.whole_folders import writable, write_whole

_FAILED, _INTERRUPTED = 1, 130
_FOLDERS = {"--frozen_skills": str, "--demos": lambda folder: [folder]}
"""Words whose folder is another one for each seed."""
Row = TypeVar("Row")
"""Has a ``title``."""


@dataclass(frozen=True)
class Plan(Generic[Row]):
    """What is to be made of a row on a task."""

    task: str
    row: Row
    runs: tuple[SweepRun, ...] = ()
    """One for each seed."""
    skills: tuple[SweepRun, ...] = ()
    """Which they need, seed by seed; none: nothing."""
    why_not: str = ""
    """Why there are no runs."""

    def ready(self, seed: int) -> bool:
        """Whether there is a run of this seed that needs nothing that is not there."""
        return bool(self.runs) and (not self.skills or self.skills[seed].finished)


@dataclass(frozen=True, kw_only=True)
class Comparison(ABC):
    """The switches of all, and how they are made; subclasses say of what, and tell it as a page."""

    name: ClassVar[str]
    """Of the command."""
    page: ClassVar[str]
    """File of what is told, in the folder."""
    out: Path
    """Folder of the runs, and of the page that tells what there is."""
    seeds: int = 3
    """Seeds of each row, from 0 on."""
    rows: tuple[str, ...] = ()
    """Names of rows; none: all."""
    jobs: int = 2
    """Runs side by side, each with one thread."""
    cluster: str = ""
    """Make them on a cluster (docs/many_machines.md): its HOST:PORT, or local; empty: in processes of this machine."""
    print: bool = False
    """Print the commands that are left to run, one a line, and run nothing."""
    table: bool = False
    """Write and print the page of what there is, and run nothing."""

    @abstractmethod
    def plans(self) -> list[Plan[Any]]:
        """What is asked for; raises ``HrlError`` where it cannot be."""

    @abstractmethod
    def told(self, plans: list[Plan[Any]], command: str) -> str:
        """The page; ``command`` makes it."""

    @abstractmethod
    def own_words(self) -> list[str]:
        """Of the command, beside what all have in common."""

    def run(self) -> int:
        """Make what is left, then the page; returns 1 if a run failed, 130 if it was stopped."""
        if min(self.seeds, self.jobs) < 1:
            raise HrlError(f"--seeds {self.seeds}, --jobs {self.jobs}: must be 1 or more")
        plans = self.plans()
        for run in _all_runs(plans):
            run.require_own_folder()
        if self.print:
            print_commands(_all_runs(plans))
            for plan in plans:
                if plan.why_not:
                    tell(f"# {plan.task}, {plan.row.title}: {plan.why_not}")
            return 0
        if self.table and not self.out.is_dir():
            raise HrlError(f"--table: there is no folder {self.out}")
        failed, stopped = ([], False) if self.table else self._make(plans)
        with writable(self.out / self.page):
            text = self.told(plans, self._command())
            write_whole(self.out / self.page, text)
        Console().print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return ended(failed, stopped)

    def _make(self, plans: list[Plan[Any]]) -> tuple[list[tuple[str, str]], bool]:
        """Skills first, then what needs none or has them."""
        console, failed = lasting_console(), list[tuple[str, str]]()
        below = list(dict.fromkeys(run for plan in plans for run in plan.skills))
        if below:
            failed, stopped = make_runs(self.out, below, self._workers, console)
            if stopped:
                return failed, True
        # Seed by seed, so that every row has its first figures early.
        ready = [plan.runs[seed] for seed in range(self.seeds) for plan in plans if plan.ready(seed)]
        more, stopped = make_runs(self.out, ready, self._workers, console)
        return failed + more, stopped

    @property
    def _workers(self) -> Workers:
        return Workers(self.jobs, self.cluster)

    def _command(self) -> str:
        words = ["--seeds", str(self.seeds), *self.own_words()]
        words += ["--rows", *self.rows] if self.rows else []
        return shlex.join(["hrl", "compare", self.name, *words, "--out", str(self.out)])


def run_of(out: Path, place: Path, words: tuple[str, ...], before: Sequence[SweepRun]) -> SweepRun:
    """The run that ``words`` of ``hrl train`` make at ``place`` within ``out``.

    Where one of another seed has been planned ``before``, words are not read again.

    Raises:
        HrlError: they contradict themselves.
    """
    config = before[0].config if before else parse_training([*words, "--out", str(out / place)]).stored()
    own = {"seed": int(words[words.index("--seed") + 1])}
    for name, stored in _FOLDERS.items():
        if name in words:
            own[name.removeprefix("--")] = stored(words[words.index(name) + 1])
    return SweepRun(str(place), out / place, words, {**config, **own})


def print_commands(runs: Iterable[SweepRun]) -> None:
    """One a line, those of runs that are left."""
    for run in dict.fromkeys(runs):
        if not run.finished:
            tell(run.command)


def ended(failed: Sequence[tuple[str, str]], stopped: bool) -> int:
    """Say what failed, and how to go on; returns the exit code."""
    console = lasting_console()
    for name, why in failed:
        tell(f"hrl: {name}: {why}", console, "bold red")
    if stopped:
        console.print("stopped; the same command goes on", soft_wrap=True)
        return _INTERRUPTED
    return _FAILED if failed else 0


def _all_runs(plans: Iterable[Plan[Any]]) -> list[SweepRun]:
    """Skills first."""
    plans = list(plans)
    return [*(run for plan in plans for run in plan.skills), *(run for plan in plans for run in plan.runs)]
