"""``sweep.json``: what a sweep consists of, for who goes on with it and for who tells of it."""

import dataclasses
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from hrl.results.curves import Group, read_run, short_name
from hrl_core.documents import MOST_JSON, read_json, read_limited
from hrl_core.errors import HrlError
from hrl_core.randomness import MOST_SEED
from hrl_core.training.run_files import RunFolder
from hrl_core.typed_fields import Must, NonEmpty, read_fields
from hrl_core.whole_folders import write_whole

SWEEP = "sweep.json"
_ON, _OFF = ("true", "True", "yes"), ("false", "False", "no")
"""Values of switches that are on or off."""
_ODD = re.compile(r"[^\w.+=-]+")
"""What has no place in the name of a folder."""
_Seed = Annotated[int, Must(lambda seed: 0 <= seed <= MOST_SEED, f"a whole number from 0 to {MOST_SEED}")]


class Combination(NamedTuple):
    """One value for each switch that a sweep varies."""

    values: Mapping[str, str]
    name: str
    """Of its folder, and for people; empty where nothing is varied."""

    def words(self) -> list[str]:
        """Of the command line of ``hrl train``."""
        return [word for name, value in self.values.items() for word in _words(name, value)]


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep consists of: a run for each seed of each combination of values."""

    options: tuple[str, ...]
    """Words of ``hrl train`` that all runs share."""
    sets: Mapping[str, Annotated[tuple[str, ...], NonEmpty]]
    """Values of the switches that are varied."""
    seeds: Annotated[tuple[_Seed, ...], NonEmpty]

    @property
    def combinations(self) -> list[Combination]:
        """All of them, the values of the last switch changing first.

        Raises:
            HrlError: two of them would have one folder.
        """
        found: dict[str, Combination] = {}
        for chosen in itertools.product(*self.sets.values()):
            values = dict(zip(self.sets, chosen, strict=True))
            parts = (f"{short_name(switch, list(values))}={value}" for switch, value in values.items())
            name = ",".join(_ODD.sub("_", part) for part in parts)
            if name in found:
                raise HrlError(f"--set: {dict(found[name].values)} and {values} would have one folder, {name}")
            found[name] = Combination(values, name)
        return list(found.values())

    def words(self, combination: Combination, seed: int) -> list[str]:
        """What follows ``hrl train``, but for the folder."""
        return [*self.options, *combination.words(), "--seed", str(seed)]

    def write(self, folder: Path) -> None:
        """Write ``sweep.json``."""
        write_whole(folder / SWEEP, json.dumps(dataclasses.asdict(self), indent=2) + "\n")


def run_folder(sweep: Path, combination: Combination, seed: int) -> Path:
    """Where a run of a sweep is kept: ``SWEEP/tau=0.005/seed_0``."""
    return sweep / combination.name / f"seed_{seed}"


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep."""
    return (folder / SWEEP).is_file()


def read_sweep(folder: Path) -> SweepRecord:
    """Read ``sweep.json``.

    Raises:
        FileError: it is missing or damaged; the message names file and field.
    """
    path = folder / SWEEP
    return read_fields(SweepRecord, read_json(read_limited(path, MOST_JSON), str(path)))


def sweep_groups(folder: Path) -> list[Group]:
    """Runs of each combination that have been evaluated; of some there may be none yet.

    Where nothing is varied, the label is the folder's name.

    Raises:
        HrlError: ``sweep.json`` or a run is damaged.
    """
    record, groups = read_sweep(folder), list[Group]()
    for combination in record.combinations:
        folders = [run_folder(folder, combination, seed) for seed in record.seeds]
        runs = [read_run(one) for one in folders if RunFolder(one).metrics()]
        groups.append(Group(combination.name or folder.resolve().name, runs))
    return groups


def _words(name: str, value: str) -> list[str]:
    """``--worker.tau 0.005``; ``--worker.no_fast`` of one that is off; several words for a list in one value."""
    prefix, dot, field = name.rpartition(".")
    if value in _ON:
        return [f"--{name}"]
    if value in _OFF:
        return [f"--{prefix}{dot}no_{field}"]
    return [f"--{name}", *value.split()]
