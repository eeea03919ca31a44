"""``held_out.json`` of a run: what its best and its last policy reach in episodes that chose nothing."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrl.results.over_seeds import MEASURES
from hrl_core.documents import MOST_JSON, read_json, read_limited
from hrl_core.typed_fields import Count, Finite, Fraction, Index, read_fields
from hrl_core.whole_folders import write_whole

HELD_OUT = "held_out.json"


@dataclass(frozen=True)
class AtGoal:
    """What a policy has reached at one task goal."""

    episodes: Count
    mean_return: Finite
    goal: tuple[Finite, ...] = ()
    """Empty: the environment chooses, or there is none."""
    success_rate: Fraction | None = None
    """Share of the episodes at whose last step the goal was reached; None: nothing can succeed."""
    groups: tuple[str, ...] = ()
    """What was asked for, of a task whose goals have groups."""
    in_place: Finite | None = None
    """How many of these are in place at the last step; None: there are none."""

    @property
    def score(self) -> float:
        """What it is judged by: groups in place, success, else return."""
        success = self.mean_return if self.success_rate is None else self.success_rate
        return success if self.in_place is None else self.in_place

    @property
    def title(self) -> str:
        """What ``score`` is, for people."""
        if self.groups:
            return f"in place of {', '.join(self.groups)}"
        measure = MEASURES["return" if self.success_rate is None else "success_rate"]
        return f"{measure}, goal ({', '.join(f'{x:g}' for x in self.goal)})" if self.goal else measure


@dataclass(frozen=True)
class Examined:
    """A policy and what it has reached, goal by goal."""

    env_steps: Index
    """That it has learned from."""
    goals: tuple[AtGoal, ...]


@dataclass(frozen=True)
class HeldOut:
    """All of a run."""

    episodes: Count
    """For each goal."""
    seed: Index
    """Of the episodes."""
    policies: Mapping[str, Examined]
    """By the name of its folder within that of the run: ``best``, ``last``."""

    def write(self, run: Path) -> None:
        """Write ``held_out.json`` into the folder of the run."""
        write_whole(run / HELD_OUT, json.dumps(dataclasses.asdict(self), indent=2) + "\n")


def read_held_out(run: Path) -> HeldOut | None:
    """What is known of a run; None: it has not been examined.

    Raises:
        FileError: the file is damaged; names file and field.
    """
    path = run / HELD_OUT
    if not path.is_file():
        return None
    return read_fields(HeldOut, read_json(read_limited(path, MOST_JSON), str(path)))


def same_goals(several: Sequence[Examined]) -> list[tuple[str, list[AtGoal]]]:
    """What several policies have reached at each goal that all of them were asked for, by its title."""
    titles = [{at.title: at for at in one.goals} for one in several]
    shared = [title for title in (titles[0] if titles else {}) if all(title in one for one in titles)]
    return [(title, [one[title] for one in titles]) for title in shared]
