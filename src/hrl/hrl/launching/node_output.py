"""Output of all nodes on one console, every line under the name of its node."""

from rich.console import Console
from rich.text import Text

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow")
LAUNCHER = "launch"


class NodeOutput:
    """Prints lines prefixed by the node's name, in its colour on a terminal."""

    def __init__(self, console: Console, names: list[str]) -> None:
        """Give each of ``names`` a colour."""
        self._console = console
        self._styles = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._styles[LAUNCHER] = "bold"
        self.closed = False
        """Whether nobody reads the console any more, as after ``| head``."""

    def line(self, name: str, text: str, style: str = "") -> None:
        """Print one line of a node."""
        if self.closed:
            return
        content = Text(text.rstrip("\r"), style=style)
        prefix = Text(f"[{name}] ", style=self._styles[name])
        try:
            self._console.print(prefix.append_text(content), soft_wrap=True, highlight=False)
        except (BrokenPipeError, SystemExit):
            # Rich turns a broken pipe into SystemExit, but nodes are waiting to be ended.
            self.closed = True

    def notice(self, text: str) -> None:
        """Print one line of the launcher."""
        self.line(LAUNCHER, text)

    def error(self, text: str) -> None:
        """Print one line of the launcher about something that went wrong."""
        self.line(LAUNCHER, text, "bold red")
