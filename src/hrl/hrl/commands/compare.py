"""``hrl compare``: our learners held against those of another library, and against a paper's table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from hrl.commands.compare_hierarchy import Hierarchy
from hrl.commands.compare_hiro import HiroTable
from hrl.comparison.matches import MATCHES, find_match
from hrl.comparison.runs import SIDES, make, played, require_what_they_need, runs_left
from hrl.comparison.table import standing_table
from hrl.results.lines import lasting_console, tell
from hrl.results.tables import show
from hrl_core.errors import HrlError
from hrl_core.threads import limit_threads

_FAILED = 1


@dataclass(frozen=True)
class Flat:
    """Train our flat learners and those of stable-baselines3 with the same settings, and print how they compare.

    Every run leaves one small file, OUT/MATCH/SIDE_seed_N.json, when it has come to its end. What has one is not
    trained again: the command can be stopped and called again.
    """

    out: Path
    """Folder of the files."""
    only: tuple[str, ...] = ()
    """Names of matches; none: all."""
    seeds: int = 3
    """Seeds of each side, from 0 on."""
    side: Literal["ours", "sb3", "both"] = "both"
    """Whose runs are made; only sb3 needs stable-baselines3 installed."""
    table: bool = False
    """Print what there is and train nothing."""

    def run(self) -> int:
        """Make what is left, then print the table; returns 1 if a run failed."""
        if self.seeds < 1:
            raise HrlError(f"--seeds {self.seeds}: must be 1 or more")
        matches = [find_match(name) for name in dict.fromkeys(self.only or MATCHES)]
        sides = SIDES if self.side == "both" else (self.side,)
        self._require_folder()
        left = [] if self.table else runs_left(self.out, matches, sides, self.seeds)
        require_what_they_need(left)
        console, failed = lasting_console(), False
        with limit_threads(1):
            for run in left:
                try:
                    make(run, self.out, lambda line: tell(line, console))
                except (HrlError, OSError) as error:
                    failed = True
                    tell(f"hrl: {run.name}: {error}", console, "bold red")
        show(standing_table(played(self.out, matches, self.seeds), self.seeds))
        return _FAILED if failed else 0

    def _require_folder(self) -> None:
        """Make it before hours have been spent on what is to be written there."""
        if self.table and not self.out.is_dir():
            raise HrlError(f"--table: there is no folder {self.out}")
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HrlError(f"--out {self.out} cannot be written: {error}") from None


def compare(words: list[str]) -> int:
    """Run ``hrl compare`` with the words that follow it; returns the exit code.

    Raises:
        HrlError: it could not be started.
    """
    commands = {"flat": Flat, "hiro-table": HiroTable, "hierarchy": Hierarchy}
    return tyro.extras.subcommand_cli_from_dict(commands, prog="hrl compare", args=words).run()
