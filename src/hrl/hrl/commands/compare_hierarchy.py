"""``hrl compare hierarchy``: what a hierarchy gains over one level, and what it owes to what."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hrl.commands.compared_runs import print_commands, run_of, told
from hrl.comparison.hierarchy_page import draw_figures, page
from hrl.comparison.hierarchy_rows import ROWS, TASKS
from hrl.comparison.hiro_rows import chosen, read_steps
from hrl.results.curves import Group, read_run
from hrl.sweeps.making import make_runs
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder, write_whole

PAGE = "hierarchy.md"


@dataclass(frozen=True)
class Hierarchy:
    """Train hierarchies and what they are compared with, and draw a figure for each question.

    Two levels against one with goals near and far, with and without subgoal tests, on the hierarchy's own data, by what
    subgoals speak of, and after demonstrations. Each run is one of hrl train, in a folder and a process of its own.
    Called again it skips what is finished and goes on with what was stopped.
    """

    out: Path
    """Folder of the runs, of the figures and of hierarchy.md."""
    task: str = "push_point"
    """What is learned."""
    demos: tuple[Path, ...] = ()
    """Recordings of demonstrations (hrl launch demo.launch.py): one of each seed, in order, or one for all of them;
    none: the rows that learn from some are left out."""
    seeds: int = 3
    """Seeds of each row, from 0 on."""
    budget: str = "100k"
    """Environment steps of each run without demonstrations, as 150k or 1M."""
    rows: tuple[str, ...] = ()
    """Names of rows; none: all."""
    jobs: int = 2
    """Runs side by side, each with one thread."""
    print: bool = False
    """Print the commands that are left to run, one a line, and run nothing."""
    table: bool = False
    """Write table and figures of what there is, and run nothing."""

    def run(self) -> int:
        """Make what is left, then figures and table; returns 1 if a run failed, 130 if it was stopped."""
        if min(self.seeds, self.jobs) < 1:
            raise HrlError(f"--seeds {self.seeds}, --jobs {self.jobs}: must be 1 or more")
        chosen("task", (self.task,), tuple(TASKS))
        if len(self.demos) not in (0, 1, self.seeds):
            raise HrlError(f"--demos: one for all seeds or one for each of {self.seeds}, got {len(self.demos)}")
        planned = self._planned()
        for run in (run for runs in planned.values() for run in runs):
            run.require_own_folder()
        # Seed by seed, so that every row has its first figures early.
        runs = [of_row[seed] for seed in range(self.seeds) for of_row in planned.values() if of_row]
        if self.print:
            print_commands(runs)
            return 0
        if self.table and not self.out.is_dir():
            raise HrlError(f"--table: there is no folder {self.out}")
        console = Console(stderr=True, highlight=False)
        failed, stopped = ([], False) if self.table else make_runs(self.out, runs, self.jobs, console)
        groups = self._made(planned)
        text = page(groups, self.seeds, draw_figures(self.out, self.task, groups), self._command())
        write_whole(self.out / PAGE, text)
        Console().print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return told(failed, stopped)

    def _planned(self) -> Mapping[str, list[SweepRun]]:
        """The runs of each row, one for each seed; none where there are no demonstrations for it."""
        steps, planned = read_steps(self.budget), dict[str, list[SweepRun]]()
        for name in chosen("row", self.rows, tuple(ROWS)):
            row, runs = ROWS[name], planned.setdefault(name, [])
            if row.demonstrations and not self.demos:
                continue
            for seed in range(self.seeds):
                demos = str(self.demos[seed % len(self.demos)]) if self.demos else ""
                words = row.training(self.task, steps, seed, demos)
                runs.append(run_of(self.out, Path(name) / f"seed_{seed}", words, runs))
        return planned

    def _made(self, planned: Mapping[str, list[SweepRun]]) -> dict[str, Group]:
        """What has been evaluated: of the rows asked for, and of those there are from calls before."""
        found: dict[str, Group] = {}
        for name, row in ROWS.items():
            folders = [run.folder for run in planned.get(name, ())] or sorted((self.out / name).glob("seed_*"))
            runs = [read_run(folder) for folder in folders if RunFolder(folder).metrics()]
            # What is on its way counts only where there is nothing else: seeds are compared at the same step.
            whole = [run for run in runs if run.rows[-1]["env_steps"] >= run.config["steps"]]
            if runs:
                found[name] = Group(row.title, whole or runs)
        return found

    def _command(self) -> str:
        words = ["--task", self.task, "--seeds", str(self.seeds), "--budget", self.budget]
        words += ["--demos", *map(str, self.demos)] if self.demos else []
        words += ["--rows", *self.rows] if self.rows else []
        return shlex.join(["hrl", "compare", "hierarchy", *words, "--out", str(self.out)])
