"""Lines for people that are shown as they are: a path may hold what rich would take for markup or an emoji."""

from rich.console import Console
from rich.text import Text


def tell(line: str, console: Console | None = None, style: str = "") -> None:
    """Print a line, which nothing breaks, colours or reads; it may be of several with newlines in between.

    Args:
        line: text alone, never markup.
        console: where to; None: to standard output.
        style: of the whole.
    """
    (console or Console()).print(Text(line, style=style), soft_wrap=True)
