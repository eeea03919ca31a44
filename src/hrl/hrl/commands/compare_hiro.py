"""``hrl compare hiro-table``: the rows of HIRO's table, as far as there is time for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hrl.commands.compared_runs import Comparison, Plan, run_of
from hrl.comparison.asked import chosen, read_steps
from hrl.comparison.hiro_page import Cell, page
from hrl.comparison.hiro_rows import ROWS, TASKS, Row, skills_training
from hrl.results.curves import Group, read_run
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import POLICY

_SKILLS = "skills"
"""Folder of the skills below SNN4HRL's managers."""


@dataclass(frozen=True, kw_only=True)
class HiroTable(Comparison):
    """Train the rows of HIRO's table on its tasks, and write the table beside the paper's figures.

    Each run is one of hrl train, in a folder and a process of its own. Called again it skips what is finished and goes
    on with what was stopped, over days if need be; rows, tasks and seeds may be added. What cannot run says why.
    """

    name: ClassVar[str] = "hiro-table"
    page: ClassVar[str] = "table.md"
    budget: str = "1M"
    """Environment steps of each run, as 1M or 150k; the paper's are 10M. Another one needs another folder."""
    tasks: tuple[str, ...] = ()
    """Names of tasks; none: all."""

    def plans(self) -> list[Plan[Row]]:
        """Task by task; raises ``HrlError`` where there is no such row, task or budget."""
        rows, tasks = chosen("row", self.rows, tuple(ROWS)), chosen("task", self.tasks, TASKS)
        return planned(self.out, rows, tasks, self.seeds, read_steps(self.budget))

    def told(self, plans: list[Plan[Row]], command: str) -> str:
        """What is asked for now, and what there is from calls before: a table never loses a row."""
        asked, steps = {(plan.task, plan.row.name) for plan in plans}, read_steps(self.budget)
        known = planned(self.out, tuple(ROWS), TASKS, self.seeds, steps)
        shown = [p for p in known if (p.task, p.row.name) in asked or any(run.begun for run in p.runs)]
        return page([_cell(plan, self.seeds, steps) for plan in shown], command)

    def own_words(self) -> list[str]:
        """Budget and tasks."""
        return ["--budget", self.budget, *(["--tasks", *self.tasks] if self.tasks else [])]


def planned(out: Path, rows: tuple[str, ...], tasks: tuple[str, ...], seeds: int, steps: int) -> list[Plan[Row]]:
    """What is to be made, task by task; nothing is written."""
    return [_plan(out, ROWS[row], task, seeds, steps) for task in tasks for row in rows]


def _plan(out: Path, row: Row, task: str, seeds: int, steps: int) -> Plan[Row]:
    if why_not := row.why_not(task):
        return Plan(task, row, why_not=why_not)
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
        return Plan(task, row, why_not=str(error))
    return Plan(task, row, tuple(runs), tuple(skills))


def _cell(plan: Plan[Row], seeds: int, steps: int) -> Cell:
    made = [read_run(run.folder) for run in plan.runs if run.begun and RunFolder(run.folder).metrics()]
    refusals = [why for run in plan.runs if (why := run.refusal())]
    why_not = plan.why_not or ("" if made else next(iter(refusals), ""))
    return Cell(plan.task, plan.row, Group(plan.row.title, made), seeds, steps, why_not)
