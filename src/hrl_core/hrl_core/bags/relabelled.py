"""Bags of relabelled manager transitions (``RelabelledSubgoal``): written by the relabeler, read by trainers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.blocks import BagScan
from hrl_core.bags.cdr_layout import decoded, definitions
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.opening import damage
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.messages import WORKER_LEVEL

TYPE = "hrl_msgs/msg/RelabelledSubgoal"
TOPIC = "relabelled_subgoal"
_NANOSECONDS = 1_000_000_000


class Transition(NamedTuple):
    """One relabelled transition, beside the episode it belongs to."""

    step: int
    length: int
    original: npt.NDArray
    chosen: npt.NDArray
    candidate: int
    candidates: npt.NDArray
    """Shape (candidates, subgoal_dim)."""
    scores: npt.NDArray


def write_relabelled(
    bag: Path,
    message_texts: Iterable[tuple[str, str]],
    transitions: Sequence[tuple[BagEpisode, Transition]],
    policy_version: int,
    custom_data: dict[str, str],
) -> None:
    """Write one bag.

    Args:
        bag: directory to make.
        message_texts: name and text of the stack's message definitions.
        transitions: with the episode each belongs to, in canonical order.
        policy_version: of the worker that scored the candidates.
        custom_data: what ``metadata.yaml`` is to say.

    Raises:
        BagError: the directory exists or the disk refuses.
    """
    store = typestore_with(message_texts)
    writer = BagWriter(bag, store)
    writer.add_topic(f"/{TOPIC}", TYPE, latched=False)
    for episode, transition in transitions:
        message = _message(store.types, episode, transition, policy_version)
        writer.write(f"/{TOPIC}", int(episode.received[transition.step]), bytes(store.serialize_cdr(message, TYPE)))
    writer.close(custom_data)


class RelabelledSubgoals:
    """Chosen subgoals by (run, robot, episode, step); of several the one of the newest worker."""

    def __init__(self) -> None:
        """Start empty."""
        self._chosen: dict[tuple[EpisodeKey, int], tuple[int, npt.NDArray[np.float64]]] = {}

    def __len__(self) -> int:
        """Transitions."""
        return len(self._chosen)

    @property
    def episodes(self) -> set[EpisodeKey]:
        """Episodes that they belong to."""
        return {key for key, _ in self._chosen}

    def put(self, key: EpisodeKey, step: int, version: int, chosen: npt.NDArray[np.float64]) -> None:
        """Take in one choice."""
        known = self._chosen.get((key, step))
        if known is None or known[0] <= version:
            self._chosen[key, step] = (version, chosen)

    def update(self, other: "RelabelledSubgoals") -> None:
        """Take in all of another."""
        for (key, step), (version, chosen) in other._chosen.items():
            self.put(key, step, version, chosen)

    def get(self, key: EpisodeKey, step: int, oldest: int = 0) -> npt.NDArray[np.float64] | None:
        """The choice for a transition by a worker of version ``oldest`` or newer."""
        version, chosen = self._chosen.get((key, step), (-1, None))
        return chosen if version >= oldest else None


def read_relabelled(bag: Path) -> RelabelledSubgoals:
    """Read the choices of one bag.

    Raises:
        BagError: the bag is damaged.
    """
    found = RelabelledSubgoals()
    with damage(bag):
        for message in relabelled_messages(bag):
            key = EpisodeKey(int(message.run), str(message.robot), int(message.episode))
            found.put(key, int(message.step), int(message.policy_version), np.array(message.chosen, np.float64))
    return found


def relabelled_messages(bag: Path) -> Iterable[Any]:
    """The messages of one bag, decoded.

    Raises:
        BagError: the bag is damaged.
    """
    scan = BagScan(bag)
    for block in scan.blocks():
        for row, number in enumerate(block.topics.tolist()):
            topic = scan.topics.get(number)
            if topic is not None and topic.type == TYPE:
                yield decoded(definitions(topic), TYPE, block.message(row))


def _message(types: dict[str, Any], episode: BagEpisode, transition: Transition, policy_version: int) -> Any:  # noqa: ANN401 - classes are made from the definitions
    step, end = transition.step, transition.step + transition.length
    stamp = divmod(int(episode.stamps[step]), _NANOSECONDS)
    table = episode.subgoals[WORKER_LEVEL]
    seq = int(table.seqs[np.flatnonzero(table.steps == step)[0]])
    return types[TYPE](
        header=types["std_msgs/msg/Header"](stamp=types["builtin_interfaces/msg/Time"](*stamp), frame_id=""),
        run=episode.key.run,
        robot=episode.key.robot,
        episode=episode.key.episode,
        step=step,
        steps=transition.length,
        seq=seq,
        level=WORKER_LEVEL,
        state=episode.states[step],
        next_state=episode.states[end],
        task_goal=episode.desired_goals[step],
        reward=float(episode.rewards[step:end].sum()),
        terminated=bool(episode.terminated and end == episode.steps),
        original=_doubles(transition.original),
        chosen=_doubles(transition.chosen),
        candidate=transition.candidate,
        candidates=_doubles(transition.candidates),
        scores=_doubles(transition.scores),
        policy_version=policy_version,
        source_bag=episode.bag.name,
    )


def _doubles(values: npt.NDArray) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(values, np.float64).ravel()
