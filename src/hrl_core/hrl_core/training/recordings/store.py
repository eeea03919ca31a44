"""The memory of a learner that is filled from recordings."""

from collections.abc import Iterable
from typing import NamedTuple

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.problems import Problem
from hrl_core.bags.store_filling import add_episode
from hrl_core.hierarchy.spec import LevelSpec
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec


class Piece(NamedTuple):
    """A stretch of an episode on its way into the store."""

    episode: BagEpisode
    start: int
    """Step of the recorded episode at which it begins."""
    version: int
    """Of the oldest worker that acted in it."""
    weight: float
    """How often a step of it is drawn, compared with a step of weight 1."""


class StoredPiece(NamedTuple):
    """What a slot of the store holds."""

    key: EpisodeKey
    start: int
    """Step of the episode at which the piece begins."""
    version: int
    """Of the worker that acted."""


class Refusal(NamedTuple):
    """A stretch that the store has no place for."""

    steps: int
    problem: Problem | None
    """None: nothing is wrong with it, and nobody need read of it."""
    cause: str = "no place in the store"
    """What its steps are counted under."""

    @classmethod
    def of(cls, episode: BagEpisode, why: str) -> "Refusal":
        """Of a whole episode; ``why`` goes on from its name."""
        return cls(episode.steps, Problem(episode.bag, "", int(episode.received[0]), episode.key, why, True))


class WholeEpisodes:
    """What learners that turn episodes into rows tell of those they were given (``learner.Memory``)."""

    def __init__(self) -> None:
        """Begin without any."""
        self.pieces: dict[int, StoredPiece] = {}
        """What was taken in, by number."""
        self.lengths: list[int] = []
        """Environment steps of each."""
        self.segments = 0
        """Something to learn from; 0: there is not enough yet."""

    def note(self, piece: Piece) -> None:
        """One more was taken in."""
        self.pieces[len(self.lengths)] = StoredPiece(piece.episode.key, piece.start, piece.version)
        self.lengths.append(piece.episode.steps)

    def __len__(self) -> int:
        """Environment steps."""
        return sum(self.lengths)


class RecordedStore(EpisodeStore):
    """A store of episodes that knows which recorded stretch each slot holds."""

    def __init__(self, spec: TaskSpec, level: LevelSpec | None, capacity: int) -> None:
        """Reserve room for ``capacity`` environment steps, in whole episodes, with subgoals of ``level`` if any."""
        self.pieces: dict[int, StoredPiece] = {}
        """What each slot holds."""
        super().__init__(spec, level, capacity, num_envs=0, weighted=True)
        self._spec = spec

    def take(self, pieces: Iterable[Piece]) -> list[Refusal]:
        """Add stretches in the given order; returns those without a place, and why."""
        refused: list[Refusal] = []
        for piece in pieces:
            slot = add_episode(self, self._spec, piece.episode, piece.weight)
            if isinstance(slot, Problem):
                refused.append(Refusal(piece.episode.steps, slot))
            else:
                self.pieces[slot] = StoredPiece(piece.episode.key, piece.start, piece.version)
        return refused

    def _free(self, slot: int) -> None:
        """Forget the stretch of a slot."""
        super()._free(slot)
        self.pieces.pop(slot, None)
