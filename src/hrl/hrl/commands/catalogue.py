"""``hrl catalogue``: what there is in a folder of recordings, without walking it."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table
from rich.text import Text

from hrl.results.lines import tell
from hrl.results.tables import show
from hrl_core.bags.catalogue import Catalogue, SegmentRow, keep_catalogue_at
from hrl_core.wording import counted

_COLUMNS = ("seq", "bag", "run", "robot", "policies", "modes", "episodes", "steps", "MB", "closed")


@dataclass(frozen=True)
class List:
    """Print the rows of a catalogue, in the order in which the bags were closed."""

    dir: tyro.conf.Positional[Path]
    """Folder of the bags, as the bag/ of a run that records in segments."""
    after: int = 0
    """Only rows after this one."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON array and nothing else."""

    def run(self) -> int:
        """Read it."""
        rows = Catalogue(self.dir).after(self.after)
        if self.json:
            sys.stdout.write(json.dumps([row._asdict() for row in rows], indent=2) + "\n")
        else:
            show(_table(rows))
        return 0


@dataclass(frozen=True)
class Verify:
    """Compare a catalogue with the bags: their digests, what is gone, and what it does not tell of."""

    dir: tyro.conf.Positional[Path]
    """Folder of the bags."""

    def run(self) -> int:
        """Exit code 0: it tells the truth; 1: it does not."""
        catalogue = Catalogue(self.dir)
        wrong = catalogue.verify()
        for line in wrong:
            tell(line, style="red")
        told = counted(len(catalogue.after(0)), "row")
        tell(f"{told}; {f'{len(wrong)} wrong: hrl catalogue rebuild {self.dir}' if wrong else 'all is well'}")
        return 1 if wrong else 0


@dataclass(frozen=True)
class Rebuild:
    """Make a catalogue anew of what the bags say; whoever follows it has to be started again."""

    dir: tyro.conf.Positional[Path]
    """Folder of the bags."""
    at: str = ""
    """Data base that keeps it from now on, postgresql+psycopg://user@host/name; empty: where it is, or is to be."""

    def run(self) -> int:
        """Read the metadata of every bag."""
        if self.at:
            keep_catalogue_at(self.dir, self.at)
        made = Catalogue(self.dir)
        count = made.rebuild()
        tell(f"{made.place}: {counted(count, 'row')}")
        return 0


def catalogue(words: list[str]) -> int:
    """Run ``hrl catalogue`` with the words that follow it; returns the exit code.

    Raises:
        BagError: there is no catalogue, no bag, or one of them is damaged.
    """
    return tyro.cli(List | Verify | Rebuild, prog="hrl catalogue", description=__doc__, args=words).run()


def _table(rows: list[SegmentRow]) -> Table:
    table = Table(*_COLUMNS)
    for row in rows:
        versions = json.loads(row.versions)
        policies = f"{min(versions)} to {max(versions)}" if versions else "-"
        modes = ", ".join(json.loads(row.modes)) or "-"
        closed = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.closed / 1e9))
        run = f"{int(row.run):016x}" if row.run else "-"
        counts = (row.episodes, row.steps, f"{row.size / 1e6:.2f}")
        cells = (row.seq, row.path, run, row.robot, policies, modes, *counts, closed)
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table
