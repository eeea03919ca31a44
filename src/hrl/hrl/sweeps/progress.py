"""What a person sees of a sweep: bars on a terminal, and a line for whatever happens."""

import signal
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from hrl.launching.ending import Ending
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.wording import counted

_LOOK = 1.0
"""Seconds between two looks into the folders of the runs."""
_STOPPED = (128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT)
"""Ends of a process that was asked to end: with its state saved, or before its beginning."""
_SMOOTHING_SECONDS = 300.0
"""Runs tell how far they are only when they evaluate or save."""
_WIDE = 40
"""Columns of a terminal that a bar, the time left and an outcome need."""


class SweepProgress:
    """Shows how the runs go, and remembers which failed."""

    def __init__(self, runs: Sequence[SweepRun], console: Console) -> None:
        """Show nothing yet.

        Args:
            runs: all of the sweep, those that are finished included.
            console: where to.
        """
        self._console, self._total = console, len(runs)
        self._steps = {run: run.reached()[0] for run in runs}
        self._done = sum(run.finished for run in runs)
        self.failed: dict[SweepRun, str] = {}
        widest = max((len(run.name) for run in runs), default=0)
        self._bars = Progress(
            *_columns(room=console.width - widest),
            console=console,
            speed_estimate_period=_SMOOTHING_SECONDS,
            expand=True,
        )
        self._all = self._bars.add_task("", total=sum(run.steps for run in runs), outcome="")
        self._rows: dict[SweepRun, TaskID] = {}
        self._looked = 0.0

    def begin(self, jobs: int, where: str = "") -> None:
        """Say what there is to do, and where if it matters."""
        left = self._total - self._done
        there = f", {self._done} finished before" if self._done else ""
        todo = (
            f"{left} to make{where}, at most {jobs} at a time; Ctrl-C stops and saves"
            if left
            else "nothing is left to do"
        )
        self.say(f"{counted(self._total, 'run')}{there}; {todo}")
        if self._console.is_terminal:
            self._draw()
            self._bars.start()

    def started(self, run: SweepRun) -> None:
        """A process was started."""
        goes_on = f"goes on from {run.saved:,} steps" if run.saved else "begins"
        self._rows[run] = self._bars.add_task(run.name, total=run.steps, completed=self._steps[run], outcome="")
        self.say(f"{run.name} {goes_on}")

    def ended(self, run: SweepRun, ending: Ending) -> None:
        """It has ended: by itself, or because it was asked to."""
        self._steps[run], outcome = run.reached()
        self._bars.remove_task(self._rows.pop(run))
        if ending.clean:
            self._done += 1
            self.say(f"{run.name} finished, {outcome}; {self._done} of {self._total} done")
        elif ending.asked and ending.returncode in _STOPPED:
            self.say(f"{run.name} stopped at {self._steps[run]:,} steps")
        else:
            # What a process that was killed has said last is not why.
            why = ": " + said if ending.returncode > 0 and (said := run.last_words()) else ""
            self._fail(run, f"{ending}{why}")

    def lost(self, run: SweepRun, why: str) -> None:
        """It was not made, by whatever machine."""
        self._steps[run], _ = run.reached()
        if run in self._rows:
            self._bars.remove_task(self._rows.pop(run))
        self._fail(run, why)

    def _fail(self, run: SweepRun, why: str) -> None:
        self.failed[run] = why
        self.say(f"{run.name} failed, {why}", style="red")

    def look(self) -> None:
        """Move the bars."""
        if self._console.is_terminal and time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            self._draw()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()

    def say(self, text: str, style: str = "") -> None:
        """Tell something, with the time."""
        line = f"{datetime.now():%H:%M:%S} {text}"
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _draw(self) -> None:
        for run, row in self._rows.items():
            self._steps[run], outcome = run.reached()
            self._bars.update(row, completed=self._steps[run], outcome=outcome)
        steps = sum(min(steps, run.steps) for run, steps in self._steps.items())
        self._bars.update(self._all, description=f"{self._done} of {counted(self._total, 'run')}", completed=steps)


def _columns(room: int) -> Iterator[ProgressColumn]:
    """Name and share; more where there is ``room`` beside the names, so that nothing is cut."""
    whole = Column(no_wrap=True)
    yield TextColumn("{task.description}", table_column=whole, markup=False)
    if room >= _WIDE:
        yield BarColumn(bar_width=None, table_column=Column(ratio=1))
    yield TextColumn("{task.percentage:>3.0f} %", table_column=whole)
    if room >= _WIDE:
        yield TimeRemainingColumn(table_column=whole)
        yield TextColumn("{task.fields[outcome]}", table_column=whole, markup=False)
