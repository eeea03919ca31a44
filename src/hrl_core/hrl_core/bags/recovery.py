"""Makes a readable bag of a recording that was never finished or is damaged; the original is not touched."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hrl_core.bags.blocks import BagScan, McapScan
from hrl_core.bags.columns import Columns
from hrl_core.bags.errors import BagError
from hrl_core.bags.facts import BagFacts
from hrl_core.bags.find import find_partial
from hrl_core.bags.tables import (
    ACTION,
    EPISODE_RESULT,
    OBSERVATION,
    POLICY_UPDATE,
    RUN_INFO,
    TableBuilder,
    Tables,
)
from hrl_core.bags.topic import Topic
from hrl_core.bags.writer import PARTIAL_SUFFIX, BagWriter, typestore_with
from hrl_core.messages import EpisodeResult

RECOVERED_SUFFIX = ".recovered"


class NothingToSaveError(BagError):
    """A recording holds nothing that can be saved."""


@dataclass
class Recovery:
    """What became of one recording."""

    source: Path
    out: Path
    messages: int = 0
    """Messages saved."""
    episodes: int = 0
    """Episodes saved up to their end."""
    unfinished: int = 0
    """Episodes saved without their end."""
    lost_bytes: int = 0
    """Bytes behind the last whole chunk, which hold nothing that can be read."""
    problems: list[str] = field(default_factory=list)
    """Why the recording could not be read as it was."""


def recoverable(path: Path) -> list[Path]:
    """The recordings that ``hrl bag recover path`` is about: unfinished ones at or below it, else ``path`` itself.

    Those found in a folder may hold nothing: a writer that is killed when it has all but finished leaves such.

    Raises:
        BagError: there is nothing that could be a recording.
    """
    if path.name in ("", ".."):  # the name decides what it is, and "." has none
        path = path.resolve()
    if not path.exists():
        raise BagError(f"{path} does not exist")
    sources = find_partial(path) if path.is_dir() and not path.name.endswith(PARTIAL_SUFFIX) else []
    if not sources:
        _storage_files(path)
    return sources or [path]


def default_out(source: Path) -> Path:
    """Where a recording is recovered to: beside the original, ``<name>.recovered``."""
    stem = source.stem if source.is_file() else source.name.removesuffix(PARTIAL_SUFFIX)
    return source.with_name(stem + RECOVERED_SUFFIX)


def recover(source: Path, out: Path) -> Recovery:
    """Copy every message up to the damage into a new bag.

    Args:
        source: bag directory, finished or not, or a storage file.
        out: bag directory to make.

    Raises:
        NothingToSaveError: it holds nothing that can be saved.
        BagError: the new bag cannot be written.
    """
    recovery = Recovery(source, out)
    # One by one: "." is there, and beside it nothing can be named.
    _refuse_existing(out)
    _refuse_existing(_partial(out))
    copy = _Copy(recovery)
    for file in _storage_files(source):
        scan = _scan(file)
        try:
            copy.take(scan)
        except _RefusedError as error:
            raise _nothing_left(recovery, str(error)) from None
        except BagError as error:
            recovery.problems.append(str(error))
        if isinstance(scan, McapScan) and scan.problem:
            recovery.problems.append(f"{file.name}: {scan.problem}")
            recovery.lost_bytes += file.stat().st_size - scan.sound_bytes
    if copy.writer is None:
        raise NothingToSaveError(
            f"nothing to save in {source}: {'; '.join(recovery.problems) or 'it holds no message'}"
        )
    facts = _facts(source, recovery)
    facts.recovered_from = source.name
    recovery.messages = copy.writer.messages
    try:
        with _written():
            copy.writer.close(facts.custom_data())
    except _RefusedError as error:
        raise _nothing_left(recovery, str(error)) from None
    return recovery


def _refuse_existing(there: Path) -> None:
    if there.exists():
        raise BagError(f"{there} exists already; remove it or choose another folder with --out")


def _partial(out: Path) -> Path:
    return out.with_name(out.name + PARTIAL_SUFFIX)


def _nothing_left(recovery: Recovery, why: str) -> BagError:
    """Remove what was written of a copy that cannot be finished, and say why."""
    shutil.rmtree(_partial(recovery.out), ignore_errors=True)
    return BagError(f"cannot recover {recovery.source}: {why}; free some space and recover it again")


class _RefusedError(BagError):
    """The new bag cannot be written."""


@contextmanager
def _written() -> Iterator[None]:
    """Tell what cannot be written from what cannot be read."""
    try:
        yield
    except BagError as error:
        raise _RefusedError(str(error.__cause__ or error)) from None


class _Copy:
    """Writes what passes through."""

    def __init__(self, recovery: Recovery) -> None:
        self.writer: BagWriter | None = None
        self._recovery = recovery
        self._names: dict[tuple[str, str], str | None] = {}

    def take(self, scan: McapScan | BagScan) -> None:
        """Write the messages of a scan; raises ``BagError`` for what cannot be read, ``_RefusedError`` or written."""
        for block in scan.blocks():
            for row, key in enumerate(block.topics.tolist()):
                topic = scan.topics.get(key)
                name = None if topic is None else self._announced(topic)
                if name is not None and self.writer is not None:
                    message = block.message(row)
                    with _written():
                        self.writer.write(name, int(block.stamps[row]), message)

    def _announced(self, topic: Topic) -> str | None:
        """The topic's name once the new bag has it; None: it cannot be copied."""
        if (topic.name, topic.type) not in self._names:
            with _written():
                self.writer = self.writer or BagWriter(self._recovery.out, typestore_with(()))
            self._names[topic.name, topic.type] = topic.name
            try:
                self.writer.add_copied_topic(topic)
            except BagError as error:
                self._recovery.problems.append(f"{error}; its messages are not copied")
                self._names[topic.name, topic.type] = None
        return self._names[topic.name, topic.type]


def _storage_files(source: Path) -> list[Path]:
    files = [source] if source.is_file() else sorted([*source.rglob("*.mcap"), *source.rglob("*.db3")])
    files = [file for file in files if file.suffix in (".mcap", ".db3")]
    if not files:
        raise NothingToSaveError(f"{source} is no recording: it holds neither an .mcap nor a .db3 file")
    return files


def _scan(file: Path) -> McapScan | BagScan:
    return McapScan(file) if file.suffix == ".mcap" else BagScan(file)


def _facts(source: Path, recovery: Recovery) -> BagFacts:
    """What a recorder would have said of the bag; also counts its episodes."""
    facts, builder = BagFacts(), TableBuilder()
    for file in _storage_files(source):
        scan = _scan(file)
        try:
            builder.add(file, scan.topics, scan.blocks())
        except BagError:
            # Said already when the messages were copied, or a definition that only stands in the way of counting.
            continue
    try:
        tables = builder.tables()
    except BagError as error:
        recovery.problems.append(f"episodes not counted: {error}")
        return facts
    for single in tables.singles:
        if single.type == RUN_INFO and facts.info is None:
            facts.info = single.message
        elif single.type == POLICY_UPDATE:
            facts.policies[int(single.message.version)] = str(single.message.sha256)
    try:
        _count(tables, facts, recovery)
    except KeyError as error:
        recovery.problems.append(f"episodes not counted: recorded with other message definitions, without {error}")
    return facts


def _count(tables: Tables, facts: BagFacts, recovery: Recovery) -> None:
    """Fill in policies, outcomes and episodes; raises ``KeyError`` for a field that the messages lack."""
    if ACTION in tables.columns:
        facts.acted = set(np.unique(tables.columns[ACTION]["policy_version"]).tolist())
    finished = _finished(tables.columns.get(OBSERVATION))
    recovery.episodes, recovery.unfinished = sum(finished.values()), len(finished) - sum(finished.values())
    facts.unfinished = {episode for (_, _, episode), done in finished.items() if not done}
    results = tables.columns.get(EPISODE_RESULT, {})
    outcomes = [_result(results, row) for row in range(tables.count(EPISODE_RESULT))]
    ours = {o.episode: o for o in reversed(outcomes) if facts.info is not None and o.run == facts.info.run}
    facts.results = [ours[episode] for episode in sorted(ours)]


def _result(c: Columns, row: int) -> EpisodeResult:
    return EpisodeResult(
        stamp=int(c["stamp"][row]),
        frame="",
        run=int(c["run"][row]),
        robot=c["robot"][row].decode(errors="replace"),
        episode=int(c["episode"][row]),
        seed=int(c["seed"][row]),
        steps=int(c["steps"][row]),
        episode_return=float(c["episode_return"][row]),
        success=bool(c["success"][row]),
        final_distance=float(c["final_distance"][row]),
        end_reason=int(c["end_reason"][row]),
    )


def _finished(columns: Columns | None) -> dict[tuple[int, bytes, int], bool]:
    """Every episode with observations -> whether its last one is there."""
    finished: dict[tuple[int, bytes, int], bool] = {}
    if columns is None:
        return finished
    last = columns["terminated"] | columns["truncated"]
    rows = zip(columns["run"].tolist(), columns["robot"].tolist(), columns["episode"].tolist(), strict=True)
    for key, end in zip(rows, last.tolist(), strict=True):
        finished[key] = finished.get(key, False) or end
    return finished
