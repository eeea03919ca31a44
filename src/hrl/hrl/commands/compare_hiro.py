"""``hrl compare hiro-table``: the rows of HIRO's table, as far as there is time for them."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from hrl.commands.compared_runs import print_commands, run_of, told
from hrl.comparison.hiro_page import Cell, page
from hrl.comparison.hiro_rows import ROWS, TASKS, Row, chosen, read_steps, skills_training
from hrl.results.curves import Group, read_run
from hrl.sweeps.making import make_runs
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder, write_whole
from hrl_core.training.run_names import POLICY

PAGE = "table.md"
_SKILLS = "skills"
"""Folder of the skills below SNN4HRL's managers."""


class Plan(NamedTuple):
    """What is to be made of a row on a task."""

    task: str
    row: Row
    runs: tuple[SweepRun, ...]
    """One for each seed."""
    skills: tuple[SweepRun, ...] = ()
    """Which they need, seed by seed; none: nothing."""
    why_not: str = ""
    """Why there are no runs."""

    def ready(self, seed: int) -> bool:
        """Whether there is a run of this seed that needs nothing that is not there."""
        return bool(self.runs) and (not self.skills or self.skills[seed].finished)


@dataclass(frozen=True)
class HiroTable:
    """Train the rows of HIRO's table on its tasks, and write the table beside the paper's figures.

    Each run is one of hrl train, in a folder and a process of its own. Called again it skips what is finished and goes
    on with what was stopped, over days if need be; rows, tasks and seeds may be added. What cannot run says why.
    """

    out: Path
    """Folder of the runs and of table.md."""
    seeds: int = 3
    """Seeds of each row, from 0 on."""
    budget: str = "1M"
    """Environment steps of each run, as 1M or 150k; the paper's are 10M. Another one needs another folder."""
    rows: tuple[str, ...] = ()
    """Names of rows; none: all."""
    tasks: tuple[str, ...] = ()
    """Names of tasks; none: all."""
    jobs: int = 2
    """Runs side by side, each with one thread."""
    print: bool = False
    """Print the commands that are left to run, one a line, and run nothing."""
    table: bool = False
    """Write and print the table of what there is, and run nothing."""

    def run(self) -> int:
        """Make what is left, then the table; returns 1 if a run failed, 130 if it was stopped."""
        if min(self.seeds, self.jobs) < 1:
            raise HrlError(f"--seeds {self.seeds}, --jobs {self.jobs}: must be 1 or more")
        plans = planned(
            self.out,
            chosen("row", self.rows, tuple(ROWS)),
            chosen("task", self.tasks, TASKS),
            self.seeds,
            read_steps(self.budget),
        )
        for plan in plans:
            for run in (*plan.skills, *plan.runs):
                run.require_own_folder()
        if self.print:
            self._print(plans)
            return 0
        failed, stopped = ([], False) if self.table else self._make(plans)
        if self.table and not self.out.is_dir():
            raise HrlError(f"--table: there is no folder {self.out}")
        text = page([_cell(plan, self.seeds, read_steps(self.budget)) for plan in self._shown(plans)], self._command())
        write_whole(self.out / PAGE, text)
        Console().print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return told(failed, stopped)

    def _shown(self, plans: list[Plan]) -> list[Plan]:
        """What is asked for now, and what there is from calls before: a table never loses a row."""
        asked = {(plan.task, plan.row.name) for plan in plans}
        known = planned(self.out, tuple(ROWS), TASKS, self.seeds, read_steps(self.budget))
        return [p for p in known if (p.task, p.row.name) in asked or any(run.begun for run in p.runs)]

    def _make(self, plans: list[Plan]) -> tuple[list[tuple[str, str]], bool]:
        """Skills first, then what needs none or has them."""
        console, failed = Console(stderr=True, highlight=False), list[tuple[str, str]]()
        below = list(dict.fromkeys(run for plan in plans for run in plan.skills))
        if below:
            failed, stopped = make_runs(self.out, below, self.jobs, console)
            if stopped:
                return failed, True
        # Seed by seed, so that every row has its first figures early.
        ready = [plan.runs[seed] for seed in range(self.seeds) for plan in plans if plan.ready(seed)]
        more, stopped = make_runs(self.out, ready, self.jobs, console)
        return failed + more, stopped

    def _print(self, plans: list[Plan]) -> None:
        print_commands([*(run for p in plans for run in p.skills), *(run for p in plans for run in p.runs)])
        for plan in plans:
            if plan.why_not:
                Console().print(f"# {plan.task}, {plan.row.title}: {plan.why_not}", markup=False, soft_wrap=True)

    def _command(self) -> str:
        words = ["--seeds", str(self.seeds), "--budget", self.budget]
        words += ["--rows", *self.rows] if self.rows else []
        words += ["--tasks", *self.tasks] if self.tasks else []
        return shlex.join(["hrl", "compare", "hiro-table", *words, "--out", str(self.out)])


def planned(out: Path, rows: tuple[str, ...], tasks: tuple[str, ...], seeds: int, steps: int) -> list[Plan]:
    """What is to be made, task by task; nothing is written."""
    return [_plan(out, ROWS[row], task, seeds, steps) for task in tasks for row in rows]


def _plan(out: Path, row: Row, task: str, seeds: int, steps: int) -> Plan:
    if why_not := row.why_not(task):
        return Plan(task, row, (), why_not=why_not)
    field = row.skills.get(task, "")
    runs, skills = list[SweepRun](), list[SweepRun]()
    try:
        for seed in range(seeds):
            words = row.training(task, steps, seed)
            if field:
                below = Path(_SKILLS) / field / f"seed_{seed}"
                skills.append(run_of(out, below, skills_training(field, steps, seed), skills))
                words = (*words, "--frozen_skills", str(out / below / POLICY))
            runs.append(run_of(out, Path(task) / row.name / f"seed_{seed}", words, runs))
    except HrlError as error:
        return Plan(task, row, (), why_not=str(error))
    return Plan(task, row, tuple(runs), tuple(skills))


def _cell(plan: Plan, seeds: int, steps: int) -> Cell:
    made = [read_run(run.folder) for run in plan.runs if run.begun and RunFolder(run.folder).metrics()]
    refusals = [why for run in plan.runs if (why := run.refusal())]
    why_not = plan.why_not or ("" if made else next(iter(refusals), ""))
    return Cell(plan.task, plan.row, Group(plan.row.title, made), seeds, steps, why_not)
