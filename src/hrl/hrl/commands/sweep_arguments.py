"""Words of ``hrl sweep``: its own, and every option of ``hrl train`` for all runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro

from hrl.commands.train_arguments import parse_training
from hrl.results.sweep_record import SweepRecord, is_sweep, read_sweep, run_folder
from hrl.seed import read_seeds
from hrl.sweeps.making import Workers
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.training.config import config_difference

_OURS = {
    "seed": "a sweep takes --seeds, as in 0:5",
    "resume": "the same hrl sweep again goes on with what was stopped",
    "out": "every run gets a folder below that of the sweep",
    "cores": "every run of a sweep has its share of them; --jobs says how many run side by side",
    "torch_threads": "every run of a sweep has one; --jobs says how many run side by side",
    "from_bags": "a sweep trains in environments; from recordings one run at a time: hrl train --from-bags",
    "from_relabelled": "a sweep trains in environments; from recordings one run at a time: hrl train --from-bags",
}
"""Options of ``hrl train`` that are no business of who calls a sweep."""
_MOST_RUNS = 10_000


@dataclass(frozen=True)
class Sweep:
    """Train over seeds and values of switches: hrl train once for each, in processes side by side.

    Takes every option of hrl train besides (hrl train --help), for all runs: --task, --preset, --algorithm, --steps ...
    Called again it skips what is finished and goes on with what was stopped, to the same policies bit for bit.
    """

    seeds: str = "0:1"
    """Seeds: 0:5 for 0 to 4, or 1,7,9."""
    sets: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="NAME=VALUE,VALUE...")
    ] = ()
    """Values of a switch of hrl train, as in --set worker.tau=0.005,0.01; true and false for one that is on or off,
    blanks within one that is a list. Given several times: all combinations."""
    out: Path | None = None
    """Folder of the sweep; a run's is below it, as in OUT/tau=0.005/seed_0."""
    jobs: int | None = None
    """Runs side by side, each with one thread; not given: one, or as many as the cluster has cores for."""
    cluster: str = ""
    """Make the runs on a cluster (docs/many_machines.md): its HOST:PORT, or local; empty: in processes of this machine.
    What is lost with a node goes on elsewhere."""
    cpus: int = 1
    """Cores that a run takes of the cluster."""
    held_out: int = 0
    """Episodes per goal, which choose nothing, that the best and the last policy of each run are examined by in the end
    (hrl evaluate); kept in held_out.json of the run. 0: they are not."""
    print: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the commands that are left to run, one a line, for xargs or an array of SLURM, and run nothing."""


class SweepRequest(NamedTuple):
    """What a command line of ``hrl sweep`` asks for."""

    folder: Path
    record: SweepRecord
    runs: Sequence[SweepRun]
    workers: Workers
    held_out: int
    """Episodes; 0: none."""
    print_only: bool


def parse_sweep(words: Sequence[str]) -> SweepRequest:
    """Read the words; refuses what a run would refuse, and what another sweep has been begun with.

    Raises:
        HrlError: unknown switch or seed, impossible value, no folder, or the folder is that of something else.
    """
    given, options = tyro.cli(Sweep, prog="hrl sweep", args=words, use_underscores=True, return_unknown_args=True)
    if given.out is None:
        raise HrlError("where to? --out DIR names the folder of the sweep")
    for name, number in (("jobs", given.jobs), ("cpus", given.cpus)):
        if number is not None and number < 1:
            raise HrlError(f"--{name} {number}: must be 1 or more")
    if given.held_out < 0:
        raise HrlError(f"--held_out {given.held_out}: must be 1 or more episodes, or 0 for none")
    if given.cpus > 1 and not given.cluster:
        raise HrlError(f"--cpus {given.cpus}: is for a --cluster; processes of this machine share its cores by --jobs")
    record = SweepRecord(tuple(options), _sets(given.sets, options), read_seeds(given.seeds))
    for name in (*named(options), *record.sets):
        if name in _OURS:
            raise HrlError(f"hrl sweep takes no {name}: {_OURS[name]}")
    runs = planned(record, given.out)
    _require_same(given.out, record, runs)
    for run in runs:
        run.require_own_folder()
    workers = Workers(given.jobs, given.cluster, given.cpus)
    return SweepRequest(given.out, record, runs, workers, given.held_out, given.print)


def planned(record: SweepRecord, folder: Path) -> list[SweepRun]:
    """Every run of a sweep, seed by seed, so that each combination has its first figures early.

    Raises:
        HrlError: a run could not be started with these words.
    """
    combinations = record.combinations
    if len(combinations) * len(record.seeds) > _MOST_RUNS:
        raise HrlError(f"{len(combinations)} combinations x {len(record.seeds)} seeds: more than {_MOST_RUNS:,} runs")
    where = [run_folder(folder, combination, record.seeds[0]) for combination in combinations]
    configs = [
        parse_training([*record.words(combination, record.seeds[0]), "--out", str(out)]).stored()
        for combination, out in zip(combinations, where, strict=True)
    ]
    runs: list[SweepRun] = []
    for seed in record.seeds:
        for combination, config in zip(combinations, configs, strict=True):
            out = run_folder(folder, combination, seed)
            words = tuple(record.words(combination, seed))
            runs.append(SweepRun(str(out.relative_to(folder)), out, words, {**config, "seed": seed}))
    return runs


def _sets(texts: Sequence[str], options: Sequence[str]) -> dict[str, tuple[str, ...]]:
    sets: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        values = tuple(value.strip() for value in rest.split(","))
        name = name.strip().replace("-", "_")
        if not (name and equals and all(values)):
            raise HrlError(f"--set {text}: must be a name and its values, as in worker.tau=0.005,0.01")
        if len(set(values)) < len(values):
            raise HrlError(f"--set {text}: a value is there twice")
        if name in sets or name in named(options):
            raise HrlError(f"--set {text}: {name} is given twice")
        sets[name] = values
    return sets


def named(options: Sequence[str]) -> list[str]:
    """Names of the options among some words."""
    return [word[2:].partition("=")[0].replace("-", "_") for word in options if word.startswith("--")]


def _require_same(folder: Path, record: SweepRecord, runs: Sequence[SweepRun]) -> None:
    """Refuse the folder of another sweep; seeds may be added to one.

    Raises:
        HrlError: names what differs.
    """
    if not is_sweep(folder):
        return
    before = read_sweep(folder)
    differing: list[str] = []
    for name in dict.fromkeys([*record.sets, *before.sets]):
        ours, theirs = (",".join(one.sets.get(name, ())) or "none" for one in (record, before))
        if ours != theirs:
            differing.append(f"--set {name}: {ours} != {theirs}")
    if not differing:
        earlier = {run.name: run.config for run in planned(before, folder)}
        found = [config_difference({**run.config}, {**earlier[run.name]}) for run in runs if run.name in earlier]
        differing = list(dict.fromkeys(line for lines in found for line in lines))
    if lost := [str(seed) for seed in before.seeds if seed not in record.seeds]:
        differing.append(f"--seeds: {', '.join(lost)} missing (seeds may be added, not left out)")
    if differing:
        raise HrlError(f"{folder} holds another sweep: {'; '.join(differing)}; choose another folder")
