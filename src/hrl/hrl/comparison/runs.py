"""The runs of all matches: which are left, and making them one after the other."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hrl.comparison.matches import Match
from hrl.comparison.ours import our_config, our_task, train_ours
from hrl.comparison.outcome import Course, Outcome, outcome_path, read_outcome, write_outcome
from hrl.comparison.sb3 import require_sb3, train_theirs
from hrl.comparison.table import Played
from hrl_core.errors import HrlError
from hrl_core.folder_locks import only_process
from hrl_core.training.run_names import CONFIG

TRAINING: Mapping[str, Callable[[Match, int, Course], None]] = {"ours": train_ours, "sb3": train_theirs}
"""By side, the name that stands in files and on the command line."""
SIDES = tuple(TRAINING)


class Pairing(NamedTuple):
    """One run: no other one has any effect on it."""

    match: Match
    side: str
    seed: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.match.name}, {self.side}, seed {self.seed}"


def played(folder: Path, matches: Sequence[Match], seeds: int) -> list[Played]:
    """What there is of each match.

    Raises:
        HrlError: a file there is no outcome, or one of other settings.
    """
    return [Played(match, *(_outcomes(folder, match, side, seeds) for side in SIDES)) for match in matches]


def runs_left(folder: Path, matches: Sequence[Match], sides: Sequence[str], seeds: int) -> list[Pairing]:
    """Runs that have left no file, match by match and seed by seed.

    Raises:
        HrlError: a file there is no outcome, or one of other settings.
    """
    every = [Pairing(match, side, seed) for match in matches for seed in range(seeds) for side in sides]
    return [run for run in every if read_outcome(outcome_path(folder, *run), run.match) is None]


def require_what_they_need(runs: Sequence[Pairing]) -> None:
    """Try what each run begins with, so that none fails for it after hours of others.

    Raises:
        HrlError: a library, task or switch is missing.
    """
    if any(run.side == "sb3" for run in runs):
        require_sb3()
    for match in {run.match.name: run.match for run in runs if run.side == "ours"}.values():
        try:
            our_task(match)
            our_config(match)
        except HrlError as error:
            raise HrlError(f"match {match.name}: {error}") from None


def make(run: Pairing, folder: Path, tell: Callable[[str], None]) -> None:
    """Make a run, or go on with one of ours, and write its file.

    Raises:
        HrlError: it failed.
    """
    path = outcome_path(folder, *run)
    course = Course(run.match, path.with_suffix(""), tell=lambda line: tell(f"{run.name}, {line}"))
    with only_process(course.folder):
        try:
            # Another call for the same folder may have made it meanwhile.
            if read_outcome(path, run.match) is None:
                TRAINING[run.side](run.match, run.seed, course)
                write_outcome(path, course, run.side, run.seed)
        finally:
            # Unless it can go on from what is there.
            if path.exists() or not (course.folder / CONFIG).exists():
                shutil.rmtree(course.folder, ignore_errors=True)


def _outcomes(folder: Path, match: Match, side: str, seeds: int) -> list[Outcome]:
    read = (read_outcome(outcome_path(folder, match, side, seed), match) for seed in range(seeds))
    return [outcome for outcome in read if outcome is not None]
