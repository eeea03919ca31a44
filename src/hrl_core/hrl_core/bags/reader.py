"""Episodes from bags as arrays: read in bulk, checked, in canonical order (run, robot, episode)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrl_core.bags.assembly import Assembly
from hrl_core.bags.blocks import BagScan
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.problems import Problem
from hrl_core.bags.runs import Runs
from hrl_core.bags.tables import TableBuilder
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.task.spec import TaskSpec


@dataclass(frozen=True)
class Recording:
    """What a set of bags holds."""

    bags: list[Path]
    episodes: list[BagEpisode]
    """The sound ones, sorted by run, robot and episode number."""
    problems: list[Problem]
    """Everything found wrong; those with ``left_out`` cost an episode or a message."""
    task: TaskSpec | None
    """The task that was read; None: no specification is recorded and none was given."""
    hierarchies: Mapping[int, HierarchySpec]
    """What the policy of a run chooses, by the number of the run; of those that tell it, or whose task does."""
    messages: int
    """Of all topics."""
    duplicates: int
    """Messages that were there more than once, equal to the bit, and count once."""
    randomised: Sequence[str]
    """How episodes of the runs differ from the task, each way once: ``delay=0:0.06``; empty: they do not."""


def read_bags(paths: Iterable[Path], task: TaskSpec | None = None) -> Recording:
    """Read the bags at or below ``paths``, whoever recorded them (MCAP or sqlite3).

    Args:
        paths: bag directories, storage files, or folders of bags.
        task: read episodes of this task only; None: of the task of the first run recorded.

    Raises:
        BagError: there is no bag at a path, or none that can be read.
    """
    bags = find_bags(paths)
    builder, problems = TableBuilder(), []
    for bag in bags:
        scan, before = BagScan(bag), builder.messages
        try:
            builder.add(bag, scan.topics, scan.blocks())
        except BagError as error:
            problems.append(Problem(bag, "", None, None, str(error), False))
            continue
        found = builder.messages - before
        if scan.announced not in (None, found):
            text = f"metadata.yaml tells of {scan.announced} messages, the bag holds {found}"
            problems.append(Problem(bag, "", None, None, text, False))
    if problems and not builder.messages:
        raise BagError("; ".join(problem.text for problem in problems))
    tables = builder.tables()
    for bad in tables.bad:
        origin = tables.origins[bad.tag]
        problems.append(Problem(origin.bag, origin.topic, bad.stamp, None, f"cannot be read: {bad.cause}", True))
    runs = Runs(tables, task)
    assembly = Assembly(tables, runs)
    assembly.run()
    problems += runs.problems + assembly.problems
    return Recording(
        bags,
        assembly.episodes,
        problems,
        runs.task,
        runs.hierarchies,
        tables.messages,
        assembly.duplicates,
        runs.randomised,
    )
