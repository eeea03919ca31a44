"""``hrl bag``: look at recordings, check, play, export and import them, save what is left of a broken one."""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from hrl.commands.bag_export import Export
from hrl.commands.bag_import import Import
from hrl.commands.bag_play import Play
from hrl.results.lines import tell
from hrl.results.tables import facts, show
from hrl_core.bags.description import BagDescription, describe
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags, find_partial
from hrl_core.bags.problems import iso_time
from hrl_core.bags.reader import read_bags
from hrl_core.bags.recovery import NothingToSaveError, Recovery, default_out, recover, recoverable
from hrl_core.bags.remote import upload_missing
from hrl_core.errors import HrlError
from hrl_core.hierarchy.text import hierarchy_in_words, parse_hierarchy
from hrl_core.randomisation import told_in
from hrl_core.task.text import parse_task
from hrl_core.wording import counted

_JSON = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Info:
    """Print what a bag, or every bag in a folder, says of itself."""

    dir: tyro.conf.Positional[Path]
    """Bag directory, or a folder of bags."""
    json: _JSON = False
    """Print one JSON array and nothing else."""

    def run(self) -> int:
        """Read the metadata only."""
        bags = [describe(bag) for bag in find_bags([self.dir])]
        if self.json:
            rows = [dataclasses.asdict(bag) | {"path": str(bag.path)} for bag in bags]
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
            return 0
        for bag in bags:
            show(_table(bag))
        for partial in find_partial(self.dir):
            tell(f"{partial} was never finished: hrl bag recover {partial}", style="yellow")
        return 0


@dataclass(frozen=True)
class Check:
    """Read every message of a bag, or of every bag in a folder, and name what is wrong."""

    dir: tyro.conf.Positional[Path]
    """Bag directory, or a folder of bags."""

    def run(self) -> int:
        """Exit code 0: everything is sound; 1: something is wrong."""
        recording = read_bags([self.dir])
        findings = [str(problem) for problem in recording.problems]
        partial = find_partial(self.dir)
        findings += [f"{path}: was never finished - hrl bag recover {path}" for path in partial]
        if not recording.episodes and not findings:
            findings.append(f"{self.dir}: holds no episode of this stack")
        for finding in findings:
            tell(finding, style="red")
        left_out = len({problem.episode for problem in recording.problems if problem.episode and problem.left_out})
        tell(
            f"{counted(len(recording.bags), 'bag')}, {counted(recording.messages, 'message')}, {recording.duplicates} "
            f"of them twice; {counted(len(recording.episodes), 'sound episode')} with "
            f"{counted(sum(e.steps for e in recording.episodes), 'step')}, "
            f"{left_out} left out; task {recording.task.name if recording.task else 'unknown'}"
        )
        return 1 if findings else 0


@dataclass(frozen=True)
class Recover:
    """Make a readable bag of a recording that was killed or damaged; the original is not touched."""

    dir: tyro.conf.Positional[Path]
    """Unfinished (.partial) or damaged bag directory, a folder that holds such, or an .mcap or .db3 file."""
    out: Path | None = None
    """Bag directory to make; default: beside the original, <name>.recovered."""

    def run(self) -> int:
        """Exit code 0: something was saved everywhere; 1: not of each of them."""
        sources = recoverable(self.dir)
        if self.out is not None and len(sources) > 1:
            names = ", ".join(source.name for source in sources)
            raise HrlError(f"{self.dir} holds {len(sources)} unfinished bags ({names}): give one, or leave --out away")
        return max(_recovered(source, self.out or default_out(source), len(sources) == 1) for source in sources)


@dataclass(frozen=True)
class Upload:
    """Copy closed bags that are not there yet to where bags are gathered; training takes that as a folder of bags."""

    dir: tyro.conf.Positional[Path]
    """Folder of bags."""
    uri: tyro.conf.Positional[str]
    """s3://BUCKET/..., file:///..., or whatever fsspec knows."""

    def run(self) -> int:
        """Exit code 0: all are there."""
        copied = upload_missing(self.dir, self.uri)
        tell(f"{counted(len(copied), 'bag')} copied to {self.uri}")
        return 0


def bag(words: list[str]) -> int:
    """Run ``hrl bag`` with the words that follow it; returns the exit code."""
    return tyro.cli(
        Info | Check | Recover | Play | Export | Import | Upload, prog="hrl bag", description=__doc__, args=words
    ).run()


def _recovered(source: Path, out: Path, alone: bool) -> int:
    """Recover one recording and say what became of it; 1: nothing was saved. No trouble of one costs the others."""
    if not alone and out.exists():
        tell(f"{source} was recovered before: {out}")
        return 0
    try:
        tell(_outcome(recover(source, out)))
    except BagError as error:
        if alone and not isinstance(error, NothingToSaveError):
            raise
        tell(str(error), style="red")
        return 1
    return 0


def _outcome(recovery: Recovery) -> str:
    lines = [
        f"{recovery.source}: {counted(recovery.messages, 'message')} saved in {recovery.episodes} whole and "
        f"{counted(recovery.unfinished, 'unfinished episode')}; "
        f"{counted(recovery.lost_bytes, 'byte')} could not be read",
        *(f"  {problem}" for problem in recovery.problems),
        f"  -> {recovery.out}",
    ]
    return "\n".join(lines)


def _table(bag: BagDescription) -> Table:
    rows = {
        "storage": f"{bag.storage}, {bag.size / 1e6:.2f} MB",
        "recorded": f"{iso_time(bag.start)}, {bag.duration / 1e9:.1f} s",
        "messages": str(bag.messages),
        **{topic.name: f"{topic.messages}  {topic.type}" for topic in bag.topics if topic.messages},
        **_own_rows(bag),
    }
    return facts(str(bag.path), rows)


def _own_rows(bag: BagDescription) -> dict[str, str]:
    """What the recorder of this stack says."""
    try:
        return _said(bag.custom)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise HrlError(f"bag {bag.path}: its metadata say of the recording what cannot be read ({problem})") from None


def _said(custom: dict[str, Any]) -> dict[str, str]:
    if not custom.get("run"):
        return {"recorded by": "another recorder, or before the run was announced"}
    episodes = custom.get("episodes", [])
    successes = sum(bool(episode["success"]) for episode in episodes)
    policies = {
        version: sha256[:12] or "SHA-256 unknown" for version, sha256 in custom.get("policy_sha256", {}).items()
    }
    rows = {
        "run": f"{int(custom['run']):016x}, robot '{custom['robot']}', seed {custom['seed']}",
        "task": f"{parse_task(custom['task']).name} (hash {custom['task_hash'][:12]})",
        "git commit": custom["git_commit"] or "unknown",
        "policies": ", ".join(f"version {version} ({sha256})" for version, sha256 in policies.items()) or "none acted",
        "episodes": f"{len(episodes)}, {successes} successful, {counted(sum(e['steps'] for e in episodes), 'step')}",
    }
    if randomised := told_in(custom["task"]):
        rows["randomised"] = f"{randomised} (each episode by its seed)"
    if custom.get("hierarchy"):
        rows["hierarchy"] = hierarchy_in_words(parse_hierarchy(custom["hierarchy"], "hierarchy of the run"))
    if custom.get("unfinished_episodes"):
        rows["unfinished"] = ", ".join(map(str, custom["unfinished_episodes"]))
    if custom.get("recovered_from"):
        rows["recovered from"] = custom["recovered_from"]
    if custom.get("imported_from"):
        rows["imported from"] = custom["imported_from"]
    return rows
