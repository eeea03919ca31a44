"""``hrl compare hierarchy``: what a hierarchy gains over one level, and what it owes to what."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hrl.commands.compared_runs import Comparison, Plan, run_of
from hrl.comparison.asked import chosen, read_steps
from hrl.comparison.hierarchy_page import draw_figures, page
from hrl.comparison.hierarchy_rows import ROWS, TASKS, Row
from hrl.results.curves import Group, read_run
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder


@dataclass(frozen=True, kw_only=True)
class Hierarchy(Comparison):
    """Train hierarchies and what they are compared with, and draw a figure for each question.

    Two levels against one with goals near and far, with and without subgoal tests, on the hierarchy's own data, by what
    subgoals speak of, and after demonstrations. Each run is one of hrl train, in a folder and a process of its own.
    Called again it skips what is finished and goes on with what was stopped.
    """

    name: ClassVar[str] = "hierarchy"
    page: ClassVar[str] = "hierarchy.md"
    task: str = "push_point"
    """What is learned."""
    demos: tuple[Path, ...] = ()
    """Recordings of demonstrations (hrl launch demo.launch.py): one of each seed, in order, or one for all of them;
    none: the rows that learn from some are left out."""
    budget: str = "100k"
    """Environment steps of each run without demonstrations, as 150k or 1M."""

    def plans(self) -> list[Plan[Row]]:
        """Row by row; raises ``HrlError`` where there is no such row, task or budget, or not enough demonstrations."""
        chosen("task", (self.task,), tuple(TASKS))
        if len(self.demos) not in (0, 1, self.seeds):
            raise HrlError(f"--demos: one for all seeds or one for each of {self.seeds}, got {len(self.demos)}")
        steps = read_steps(self.budget)
        return [self._plan(ROWS[name], steps) for name in chosen("row", self.rows, tuple(ROWS))]

    def told(self, plans: list[Plan[Row]], command: str) -> str:
        """Table and figures of what has been evaluated: of the rows asked for, and of those from calls before."""
        asked, groups = {plan.row.name: plan.runs for plan in plans}, dict[str, Group]()
        for name, row in ROWS.items():
            folders = [run.folder for run in asked.get(name, ())] or sorted((self.out / name).glob("seed_*"))
            runs = [read_run(folder) for folder in folders if RunFolder(folder).metrics()]
            # What is on its way counts only where there is nothing else: seeds are compared at the same step.
            whole = [run for run in runs if run.rows[-1]["env_steps"] >= run.config["steps"]]
            if runs:
                groups[name] = Group(row.title, whole or runs)
        return page(groups, self.seeds, draw_figures(self.out, self.task, groups), command)

    def own_words(self) -> list[str]:
        """Task, budget and demonstrations."""
        demos = ["--demos", *map(str, self.demos)] if self.demos else []
        return ["--task", self.task, "--budget", self.budget, *demos]

    def _plan(self, row: Row, steps: int) -> Plan[Row]:
        if row.demonstrations and not self.demos:
            return Plan(self.task, row, why_not="learns from demonstrations, which --demos names")
        runs = list[SweepRun]()
        for seed in range(self.seeds):
            demos = str(self.demos[seed % len(self.demos)]) if self.demos else ""
            words = row.training(self.task, steps, seed, demos)
            runs.append(run_of(self.out, Path(row.name) / f"seed_{seed}", words, runs))
        return Plan(self.task, row, tuple(runs))
