"""What a person sees of a run: a progress bar or log lines, and TensorBoard."""

import logging
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_LOG = logging.getLogger(__name__)
_SMOOTHING_SECONDS = 30.0


class ProgressDisplay:
    """A bar with steps/s, success and losses on a terminal; one log line per evaluation elsewhere."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        """Show progress towards ``total`` environment steps."""
        self._console = console or Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f} steps/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[summary]}"),
        )
        self._bar = Progress(*columns, console=self._console, speed_estimate_period=_SMOOTHING_SECONDS)
        self._task = self._bar.add_task("training", total=total, rate=0.0, summary="")
        self._mark: tuple[float, int] | None = None
        self._rate = 0.0
        if self._console.is_terminal:
            self._bar.start()

    def on_step(self, env_steps: int) -> None:
        """Move the bar."""
        now = time.monotonic()
        if self._mark is None:
            self._mark = now, env_steps
        elapsed = now - self._mark[0]
        if elapsed >= 1:
            self._rate = (env_steps - self._mark[1]) / elapsed
            if elapsed > _SMOOTHING_SECONDS:
                self._mark = now, env_steps
            self._bar.update(self._task, completed=env_steps, rate=self._rate)

    def on_metrics(self, row: dict[str, Any]) -> None:
        """Show an evaluation."""
        summary = summarise(row)
        self._bar.update(self._task, completed=row["env_steps"], summary=summary)
        if not self._console.is_terminal:
            _LOG.info("%d steps, %.1f min, %.0f steps/s: %s", *_position(row), self._rate, summary)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


class TensorBoard:
    """Writes every number of a run as a scalar over environment steps."""

    def __init__(self, folder: Path, resume_at: int | None = None) -> None:
        """Write event files to ``folder``; steps from ``resume_at`` on of an earlier process are discarded."""
        self._folder, self._resume_at = folder, resume_at
        self._writer: SummaryWriter | None = None

    def on_step(self, env_steps: int) -> None:
        """Nothing to write between evaluations."""

    def on_metrics(self, row: dict[str, Any]) -> None:
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


def summarise(row: dict[str, Any]) -> str:
    """Success per goal, or the return of a task without goals, and the losses of a line of metrics."""
    evaluations = (name.removesuffix("/success_rate") for name in row if name.endswith("/success_rate"))
    parts = [_outcome(row, evaluation) for evaluation in evaluations]
    parts += [f"{name} {row[name]:.3g}" for name in _SHOWN if name in row]
    return "  ".join(parts)


def _outcome(row: dict[str, Any], evaluation: str) -> str:
    if math.isnan(row[f"{evaluation}/final_distance"]):
        return f"return: {row[f'{evaluation}/return']:.2f}"
    return f"{evaluation.split('/')[1].replace('_', ',')}: {row[f'{evaluation}/success_rate']:.2f}"


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


def _position(row: dict[str, Any]) -> tuple[int, float]:
    return row["env_steps"], row["seconds"] / 60
