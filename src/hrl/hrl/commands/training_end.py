"""How a training run ends before its end: stopped by its user, or by what went wrong on the way."""

import shlex
import signal
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from safetensors import SafetensorError

from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import POLICY

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


def run_to_the_end(run: Callable[[], object], files: RunFolder, begun: Callable[[], bool], console: Console) -> int:
    """Call ``run``; a failure on the way is told with how to go on.

    Returns:
        0, or FAILED.

    Raises:
        HrlError: it failed before its first step, which is a run that could not be started.
    """
    try:
        run()
    except (HrlError, OSError, SafetensorError) as error:
        if not isinstance(error, HrlError):
            error = HrlError(f"cannot write to {files.folder}: {error}; {files.kept()}")
        if not begun():
            raise error from None
        console.print(f"hrl: {error}", style="bold red", markup=False, soft_wrap=True)
        console.print(_how_to_resume(files), markup=False, soft_wrap=True)
        return FAILED
    return 0


def tell_stopped(files: RunFolder, reached: str, console: Console) -> int:
    """Say where a run was stopped, what it left and how it goes on; returns the exit code."""
    left = f"state and newest policy ({files.folder / POLICY}) saved" if files.saved_steps() else "nothing to save yet"
    console.print(f"stopped at {reached}, {left}", markup=False, soft_wrap=True)
    console.print(_how_to_resume(files), markup=False, soft_wrap=True)
    return INTERRUPTED


def _how_to_resume(files: RunFolder) -> str:
    return f"go on with: hrl train --resume {shlex.quote(str(files.folder))}"
