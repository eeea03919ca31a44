"""Tables that are whole at any width: where one does not fit, its rows follow each other as lines."""

import os
from collections.abc import Iterator, Mapping

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_ANY = 10_000
_FOLDED = 24
"""Fewest columns of the terminal in which a value that is folded can still be read."""


def facts(title: str, rows: Mapping[str, str], styles: Mapping[str, str] | None = None) -> Table:
    """Names and values, two columns without a head; ``styles`` are those of certain values."""
    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        # Text, because rich would take the brackets of a unit or a path for markup.
        table.add_row(Text(name), Text(value, style=(styles or {}).get(value, "")))
    return table


class Fitted:
    """A table, or where it does not fit its rows as lines."""

    def __init__(self, table: Table) -> None:
        """Draw ``table``."""
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Look what fits."""
        table, room = self._table, options.max_width
        if _width(table, console) <= room or (not table.show_header and room - _widest_name(table) >= _FOLDED):
            yield table
        else:
            yield from _lines(table)


def show(table: Table, console: Console | None = None) -> None:
    """Print a table. What is no terminal has any width, unless COLUMNS gives it one."""
    console = console or Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        console.print(Fitted(table), highlight=False)
    else:
        Console(file=console.file, width=max(console.width, _width(table, console))).print(table)


def _width(table: Table, console: Console) -> int:
    return console.measure(table, options=console.options.update(max_width=_ANY)).maximum


def _widest_name(table: Table) -> int:
    return max((len(str(cell)) for cell in table.columns[0].cells), default=0)


def _lines(table: Table) -> Iterator[Text]:
    """Each row as a name and, indented below it, its values."""
    if table.title:
        yield Text(str(table.title), style="italic", overflow="fold")
    heads = [f"{column.header}: " if table.show_header else "" for column in table.columns]
    for name, *values in zip(*(column.cells for column in table.columns), strict=True):
        yield Text(str(name), style="bold", overflow="fold")
        for head, value in zip(heads[1:], values, strict=True):
            if str(value):
                yield Text(f"  {head}{str(value).replace(chr(10), ', ')}", overflow="fold")
