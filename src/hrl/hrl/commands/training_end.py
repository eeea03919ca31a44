"""How a training run is noted, made and told: to its end, stopped by its user, or by what went wrong on the way."""

import json
import platform
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from types import FrameType
from typing import Any

import numpy as np
import torch
from rich.console import Console
from safetensors import SafetensorError

from hrl.policies.provenance import PROVENANCE, starts_of
from hrl.results.lines import tell
from hrl_core.errors import HrlError
from hrl_core.threads import matrix_libraries
from hrl_core.training.progress import Observer, summarise
from hrl_core.training.run import Run
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.whole_folders import write_whole
from hrl_core.wording import counted

FAILED, INTERRUPTED = 1, 130


class StopSignal:
    """Ctrl-C or SIGTERM ends the run after the step it is at; a second one ends it at once."""

    def __init__(self, console: Console) -> None:
        """Take over the signals until ``close``."""
        self._console, self.asked = console, False
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.asked

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._console.print("stopping after this step (again: at once, back to the last saved state)", soft_wrap=True)


def run_to_the_end(
    run: Run[Any, Any],
    begin: Callable[[], Sequence[Observer]],
    words: Sequence[str],
    kept: Mapping[str, object],
    console: Console,
) -> int:
    """Begin a run, make it and tell how it ended; where it did not get to its end, with how to go on.

    Args:
        run: what to run.
        begin: begins it, or goes on with the one in the folder; returns who watches.
        words: of the command line, after ``hrl train``.
        kept: what a resumed run takes over, besides its configuration.
        console: for what is not the result.

    Returns:
        0, FAILED or INTERRUPTED.

    Raises:
        HrlError: it failed before its first step, which is a run that could not be started.
    """
    files, begun, finished = run.files, False, False
    stop, alone = StopSignal(console), ExitStack()
    try:
        if going_on := files.begun:
            alone.enter_context(files.alone())
        observers = begin()
        if not going_on:
            alone.enter_context(files.alone())
        begun, finished = True, not run.left
        if not finished:
            _note_start(run, words, kept)
            run.proceed(stop, observers)
    except (HrlError, OSError, SafetensorError) as error:
        if not isinstance(error, HrlError):
            error = HrlError(f"cannot write to {files.folder}: {error}; {files.kept()}")
        if not (begun and run.reached):
            raise error from None
        tell(f"hrl: {error}", console, "bold red")
        tell(_how_to_resume(files), console)
        return FAILED
    finally:
        alone.close()
        stop.close()
    if run.left:
        return _tell_stopped(run, console)
    reached = counted(run.reached, run.unit)
    told = f"{files.folder} is finished after {reached}: nothing is left to do" if finished else _outcome(files)
    tell(told)
    return 0


def _note_start(run: Run[Any, Any], words: Sequence[str], kept: Mapping[str, object]) -> None:
    """Add an entry to provenance.json: a run may go on with other code or elsewhere, and should say so."""
    folder = run.files.folder
    starts = starts_of(folder)
    entry = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["hrl", "train", *words]),
        "git_commit": run.git_commit,
        "seed": run.seed,
        f"from_{run.counter.split('/')[-1]}": run.reached,
        **kept,
        "products": matrix_libraries(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    write_whole(folder / PROVENANCE, json.dumps([*starts, entry], indent=2) + "\n")


def _tell_stopped(run: Run[Any, Any], console: Console) -> int:
    """Say where a run was stopped, what it left and how it goes on; returns the exit code."""
    files = run.files
    left = f"state and newest policy ({files.folder / POLICY}) saved" if files.saved_steps() else "nothing to save yet"
    tell(f"stopped at {counted(run.reached, run.unit)}, {left}", console)
    tell(_how_to_resume(files), console)
    return INTERRUPTED


def _outcome(files: RunFolder) -> str:
    rows = files.metrics()
    last = summarise(rows[-1]) if rows else ""
    return (
        f"last evaluation: {last}\npolicies: {files.folder / BEST_POLICY}, {files.folder / POLICY}\n"
        f"held-out figures: hrl evaluate --checkpoint {shlex.quote(str(files.folder / BEST_POLICY))}"
    )


def _how_to_resume(files: RunFolder) -> str:
    return f"go on with: hrl train --resume {shlex.quote(str(files.folder))}"
