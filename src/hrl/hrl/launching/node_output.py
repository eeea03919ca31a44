"""Output of all nodes on one console, every line under the name of its node."""

from contextlib import suppress

from rich.console import Console
from rich.text import Text

from hrl_core.wording import counted

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow")
LAUNCHER = "launch"


class NodeOutput:
    """Prints lines prefixed by the node's name, in its colour on a terminal."""

    def __init__(self, console: Console, names: list[str]) -> None:
        """Give each of ``names`` a colour."""
        self._console = console
        self._styles = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._styles[LAUNCHER] = "bold"
        self._lost = 0
        self.closed = False
        """Whether nobody reads the console any more, as after ``| head``."""

    def line(self, name: str, text: str, style: str = "") -> None:
        """Print one line of a node; it is lost where the console cannot be written, and how many are is told later."""
        if self._lost and self._print(LAUNCHER, f"{counted(self._lost, 'line')} before this could not be written"):
            self._lost = 0
        self._lost += not self._print(name, text, style)

    def _print(self, name: str, text: str, style: str = "") -> bool:
        """Whether that line is done with."""
        if self.closed:
            return True
        content = Text(text.rstrip("\r"), style=style)
        prefix = Text(f"[{name}] ", style=self._styles[name])
        try:
            self._console.print(prefix.append_text(content), soft_wrap=True, highlight=False)
        except (BrokenPipeError, SystemExit):
            # Rich turns a broken pipe into SystemExit, but nodes are waiting to be ended.
            self.closed = True
        except (OSError, ValueError):  # a full disk, a terminal that has gone; a closed file
            with suppress(OSError, ValueError), self._console.capture():
                pass  # lets go of what Rich has kept, and would write again with every line to come
            return False
        return True

    def notice(self, text: str) -> None:
        """Print one line of the launcher."""
        self.line(LAUNCHER, text)

    def error(self, text: str) -> None:
        """Print one line of the launcher about something that went wrong."""
        self.line(LAUNCHER, text, "bold red")
