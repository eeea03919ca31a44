"""The table of all matches, as far as they have been played."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from hrl.comparison.matches import Match
from hrl.comparison.outcome import Outcome
from hrl.comparison.standing import Sample, bar, sample, steps_per_second

_UNKNOWN = "-"
_COLUMNS = ("match", "measure", "ours", "theirs", "bar", "holds", "our steps per CPU second", "theirs")


@dataclass(frozen=True)
class Played:
    """A match and the runs of it that have come to their end."""

    match: Match
    ours: Sequence[Outcome]
    theirs: Sequence[Outcome]


def standing_table(played: Sequence[Played], seeds: int) -> Table:
    """One row per match and measure; what fewer than ``seeds`` runs of a side have decided says how many."""
    title = (
        f"flat learners and stable-baselines3, mean ± deviation of {seeds} seeds; bar: theirs less a pooled deviation"
    )
    table = Table(title=Text(title), title_justify="left")
    for column in _COLUMNS:
        table.add_column(Text(column))
    for one in played:
        for measure in one.match.measures:
            ours, theirs = sample(one.ours, measure), sample(one.theirs, measure)
            told = (_told(ours, seeds), _told(theirs, seeds), *_verdict(ours, theirs, seeds))
            speeds = (_speed(one.ours), _speed(one.theirs))
            table.add_row(one.match.name, measure.replace("_", " "), *told, *speeds)
    return table


def _told(side: Sample, seeds: int) -> str:
    count = len(side.values)
    if not count:
        return _UNKNOWN
    spread = f" ± {side.deviation:.2f}" if count > 1 else ""
    return f"{side.mean:.2f}{spread}" + (f" ({count} of {seeds})" if count < seeds else "")


def _verdict(ours: Sample, theirs: Sample, seeds: int) -> tuple[str, str]:
    """Bar, and whether ours reach it; known only when all have been played."""
    if min(len(ours.values), len(theirs.values)) < seeds:
        return _UNKNOWN, _UNKNOWN
    least = bar(ours, theirs)
    return f"{least:.2f}", "yes" if ours.mean >= least else "no"


def _speed(outcomes: Sequence[Outcome]) -> str:
    return f"{steps_per_second(outcomes):.0f}" if outcomes else _UNKNOWN
