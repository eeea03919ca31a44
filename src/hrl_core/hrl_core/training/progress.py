"""What a person sees of a run: a bar on a terminal, a line every 10 s elsewhere, and TensorBoard."""

import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column, Table

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

OWN_GOALS = "own_goals"
"""Stands in names of metrics for goals that the environment chose."""
_LOG = logging.getLogger(__name__)
_SMOOTHING_SECONDS = 30.0
LINE_INTERVAL = 10.0
"""Seconds between lines where there is no terminal to draw a bar on."""
_BAR = 10
"""Columns of a terminal that the bar needs."""
_IMPORTANCE = (0, 2, 3, 1)
"""Count, time left, success, rate."""
Row = dict[str, Any]
"""A line of metrics."""


class Observer(Protocol):
    """Watches a run."""

    def on_step(self, reached: int, /) -> None:
        """So many steps or updates (``Run.unit``) have been made."""
        ...

    def on_metrics(self, row: Row) -> None:
        """A line of metrics was written."""
        ...

    def close(self) -> None:
        """The run ended."""
        ...


class _FittingProgress(Progress):
    """A line of progress that is whole at any width: what matters less is left out, nothing is cut."""

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """Choose what fits."""
        self.columns = tuple(column for task in tasks for column in _fitting(task, self.console.width))
        return super().make_tasks_table(tasks)


def _fitting(task: Task, room: int) -> Iterator[ProgressColumn]:
    left = "-:--:--" if task.time_remaining is None else str(timedelta(seconds=round(task.time_remaining)))
    count = f"{task.completed:,.0f}/{task.total:,.0f}"
    texts = [count, f"{task.fields['rate']:,.0f}/s", left, task.fields["outcome"]]
    shown: list[str] = []
    for text in (texts[i] for i in _IMPORTANCE):
        if text and len(text) < room:
            shown.append(text)
            room -= len(text) + 1
    if room >= _BAR:
        yield BarColumn(bar_width=None, table_column=Column(ratio=1))
    for text in texts:
        if text in shown:
            yield TextColumn(text, table_column=Column(no_wrap=True), markup=False)


class ProgressDisplay:
    """A bar on a terminal, a line every ``interval`` seconds elsewhere; a line per evaluation on both."""

    def __init__(
        self,
        total: int,
        console: Console | None = None,
        unit: str = "steps",
        counter: str = "env_steps",
        interval: float = LINE_INTERVAL,
    ) -> None:
        """Show progress towards ``total``; nothing is shown before the first step.

        Args:
            total: steps or updates at the end.
            console: where to; None: standard error.
            unit: what is counted, for people.
            counter: name of that count in a line of metrics.
            interval: seconds between lines without a terminal.
        """
        self._console = console or Console(stderr=True, highlight=False)
        self._total, self._unit, self._counter, self._interval = total, unit, counter, interval
        self._bar = _FittingProgress(console=self._console, speed_estimate_period=_SMOOTHING_SECONDS, expand=True)
        self._task = self._bar.add_task("training", total=total, rate=0.0, outcome="")
        self._reached, self._rate, self._outcome = 0, 0.0, "not evaluated yet"
        self._mark: tuple[float, int] | None = None
        self._closing = threading.Event()
        self._lines: threading.Thread | None = None

    def on_step(self, reached: int) -> None:
        """Move the bar."""
        now = time.monotonic()
        self._reached = reached
        if self._mark is None:
            self._mark = now, reached
            self._start()
        elapsed = now - self._mark[0]
        if elapsed >= min(1.0, self._interval):
            self._rate = (reached - self._mark[1]) / elapsed
            if elapsed > _SMOOTHING_SECONDS:
                self._mark = now, reached
            self._bar.update(self._task, completed=reached, rate=self._rate)

    def on_metrics(self, row: Row) -> None:
        """Show an evaluation."""
        reached = row[self._counter]
        self._outcome = headline(row)
        self._reached = max(reached, self._reached)
        self._bar.update(self._task, completed=self._reached, outcome=self._outcome)
        minutes = row["seconds"] / 60
        text = f"{reached:,} {self._unit}, {minutes:.1f} min, {self._rate:,.0f} {self._unit}/s: {summarise(row)}"
        self._say(text)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._closing.set()
        if self._lines is not None:
            self._lines.join()
        self._bar.stop()

    def _start(self) -> None:
        if self._console.is_terminal:
            self._bar.start()
        else:
            # A thread of its own: an evaluation takes longer than a line may wait.
            self._lines = threading.Thread(target=self._tell, name="progress", daemon=True)
            self._lines.start()

    def _tell(self) -> None:
        while not self._closing.wait(self._interval):
            seconds = (self._total - self._reached) / self._rate if self._rate else math.inf
            left = f"{timedelta(seconds=round(seconds))} left" if math.isfinite(seconds) else "time left unknown"
            self._say(
                f"{self._reached:,} of {self._total:,} {self._unit}, {self._rate:,.0f} {self._unit}/s, "
                f"{self._outcome}, {left}"
            )

    def _say(self, text: str) -> None:
        if self._console.is_terminal:
            self._console.print(text, markup=False, highlight=False)
        else:
            _LOG.info("%s", text)


class TensorBoard:
    """Writes every number of a run as a scalar over environment steps."""

    def __init__(self, folder: Path, resume_at: int | None = None) -> None:
        """Write event files to ``folder``; steps from ``resume_at`` on of an earlier process are discarded."""
        self._folder, self._resume_at = folder, resume_at
        self._writer: SummaryWriter | None = None

    def on_step(self, env_steps: int) -> None:
        """Nothing to write between evaluations."""

    def on_metrics(self, row: Row) -> None:
        """Write one line of metrics; the first makes the folder."""
        if self._writer is None:
            # Takes a second to import.
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=self._resume_at)
        for name, value in row.items():
            self._writer.add_scalar(name, value, row["env_steps"])
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()


def summarise(row: Row) -> str:
    """Success per goal, or the return of a task without goals, and the losses of a line of metrics."""
    parts = [f"{label}: {value}" for label, value in _outcomes(row)]
    parts += [f"{name} {row[name]:.3g}" for name in _SHOWN if name in row]
    return "  ".join(parts)


def headline(row: Row) -> str:
    """Success at the first goal, or the return of a task without goals, in two words."""
    label, value = next(iter(_outcomes(row)), (_RETURN, "-"))
    return f"{_RETURN if label == _RETURN else 'success'} {value}"


def _outcomes(row: Row) -> list[tuple[str, str]]:
    """Goal and success of each evaluation; the return where there is no goal."""
    found: list[tuple[str, str]] = []
    for name in row:
        evaluation = name.removesuffix("/success_rate")
        if evaluation == name or not name.startswith("evaluation/"):
            continue
        if math.isnan(row[f"{evaluation}/final_distance"]):
            found.append((_RETURN, f"{row[f'{evaluation}/return']:.2f}"))
        else:
            goal = evaluation.split("/")[1]
            found.append(("own goals" if goal == OWN_GOALS else goal.replace("_", ","), f"{row[name]:.2f}"))
    return found


_RETURN = "return"
_SHOWN = (
    "worker/towards",
    "worker/closer",
    "worker/critic_loss",
    "worker/value",
    "worker/saturation",
    "manager/critic_loss",
    "manager/value",
    "manager/saturation",
)
