"""Lines for people that are shown as they are: a path may hold what rich would take for markup or an emoji."""

import sys
from contextlib import suppress
from typing import IO, Any, cast

from rich.console import Console
from rich.text import Text


class _Heedless:
    """The standard error stream, whether or not somebody reads it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # gone, full, or closed
            return sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def lasting_console() -> Console:
    """Where people are told of work that goes on when nobody reads it any more.

    ``tee`` dies of the same Ctrl-C, terminals are closed and disks run full: what was learned is saved all the same.
    """
    return Console(file=cast(IO[str], _Heedless()), highlight=False)


def tell(line: str, console: Console | None = None, style: str = "") -> None:
    """Print a line, which nothing breaks, colours or reads; it may be of several with newlines in between.

    Args:
        line: text alone, never markup.
        console: where to; None: to standard output.
        style: of the whole.
    """
    (console or Console()).print(Text(line, style=style), soft_wrap=True)
