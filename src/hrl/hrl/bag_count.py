"""What a bag really holds: distinct messages of one run, by their keys."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.rosbag2 import ReaderError

from hrl_core.bags.find import find_bags
from hrl_core.errors import HrlError

_TOPICS = ("observation", "action", "subgoal", "subgoal_result")


class StepKey(NamedTuple):
    """Key of an observation or action within a run."""

    episode: int
    step: int


class DecisionKey(NamedTuple):
    """Where the decisions of a manager are numbered."""

    episode: int
    level: int


@dataclass
class BagCount:
    """Distinct keys found in a bag."""

    observations: set[StepKey] = field(default_factory=set)
    actions: set[StepKey] = field(default_factory=set)
    subgoals: defaultdict[DecisionKey, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Sequence numbers of the subgoals."""
    subgoal_results: defaultdict[DecisionKey, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, kind: str, message: Any) -> None:  # noqa: ANN401 - classes are made from the bag's definitions
        """Count one message of topic ``kind``."""
        if kind in ("observation", "action"):
            steps = self.observations if kind == "observation" else self.actions
            steps.add(StepKey(message.episode, message.step))
            return
        decisions = self.subgoals if kind == "subgoal" else self.subgoal_results
        decisions[DecisionKey(message.episode, message.level)].add(message.seq)

    @property
    def subgoal_total(self) -> int:
        """Number of distinct subgoals."""
        return sum(len(numbers) for numbers in self.subgoals.values())

    @property
    def subgoal_result_total(self) -> int:
        """Number of distinct subgoal results."""
        return sum(len(numbers) for numbers in self.subgoal_results.values())

    def missing_decisions(self, finished_episodes: Iterable[int]) -> int:
        """Count the subgoals and results that must have been sent but are not in the bag.

        Every number up to the highest seen must be there; only the last subgoal of an episode that was
        interrupted may lack its result.
        """
        finished, missing = set(finished_episodes), 0
        for key in {*self.subgoals, *self.subgoal_results}:
            subgoals, results = self.subgoals[key], self.subgoal_results[key]
            sent = max((*subgoals, *results)) + 1
            open_segments = 0 if key.episode in finished or sent - 1 in results else 1
            missing += 2 * sent - open_segments - len(subgoals) - len(results)
        return missing


def count_bag(bag: Path, run: int) -> BagCount:
    """Count the messages of run ``run`` in a recording: a bag, or a folder of bags.

    Raises:
        HrlError: the bag is missing, unfinished or damaged.
    """
    count = BagCount()
    try:
        with AnyReader(find_bags([bag])) as reader:
            kinds = {c.id: c.topic.rsplit("/", 1)[-1] for c in reader.connections}
            connections = [c for c in reader.connections if kinds[c.id] in _TOPICS]
            # No connection at all would mean all of them.
            for connection, _, raw in reader.messages(connections) if connections else ():
                message: Any = reader.deserialize(raw, connection.msgtype)
                if message.run == run:
                    count.add(kinds[connection.id], message)
    except (AnyReaderError, ReaderError, OSError, ValueError) as error:
        raise HrlError(f"bag {bag} cannot be read: {error}") from None
    return count
