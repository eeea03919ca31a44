"""The memory of a learner that is filled from recordings."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.problems import Problem
from hrl_core.bags.store_filling import add_episode, stored_episode
from hrl_core.hierarchy.spec import LevelSpec
from hrl_core.replay.episode_slots import FREE, StoredEpisode
from hrl_core.replay.episode_store import DrawnFrom, EpisodeStore
from hrl_core.replay.mapped_arrays import MappedArrays
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.growing_log import GrowingLog
from hrl_core.training.recordings.sampling import SamplingConfig, of_age, of_rarity


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

    bag: Path
    """Of its episode."""
    steps: int
    problem: Problem | None
    """None: nothing is wrong with it, and nobody need read of it."""
    cause: str = "no place in the store"
    """What its steps are counted under."""

    @classmethod
    def of(cls, episode: BagEpisode, why: str) -> "Refusal":
        """Of a whole episode; ``why`` goes on from its name."""
        return cls(
            episode.bag, episode.steps, Problem(episode.bag, "", int(episode.received[0]), episode.key, why, True)
        )


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

    def forget(self) -> None:
        """All of them: nothing more is learned from them."""
        self.pieces.clear()
        self.lengths.clear()
        self.segments = 0

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
        self.sampling = SamplingConfig()
        """How often steps are drawn, beside the weights that they come with."""
        self._tables: dict[tuple[bool, int], DrawnFrom] = {}
        """What is drawn from, until something is taken in."""
        self._log: GrowingLog | None = None
        self.seen_as: Callable[[BagEpisode], BagEpisode] = lambda episode: episode
        """What is kept of a stretch."""

    def take(self, pieces: Iterable[Piece]) -> list[Refusal]:
        """Add stretches in the given order; returns those without a place, and why."""
        refused: list[Refusal] = []
        for piece in pieces:
            slot = add_episode(self, self._spec, self.seen_as(piece.episode), piece.weight)
            if isinstance(slot, Problem):
                refused.append(Refusal(piece.episode.bag, piece.episode.steps, slot))
                continue
            self.pieces[slot] = held = StoredPiece(piece.episode.key, piece.start, piece.version)
            if self._log is not None:
                self._log.add([[str(piece.episode.bag), *held.key, held.start, held.version]])
        self._tables.clear()
        return refused

    @property
    def segments(self) -> int:
        """Closed subgoal periods in the store."""
        return int(self._drawn_from(True, 0).upto[-1])

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Number of the episode that each slot holds, in the order in which they came, (slots,); -1: none."""
        return self._age

    def keep_in(self, files: MappedArrays, log: GrowingLog) -> None:
        """Live in files from now on, and have every stretch that is taken in noted in ``log``, by its number."""
        self.move_to(files)
        self._log = log

    def forget(self, slots: Iterable[int], begun: int) -> None:
        """Empty slots, and let the next episode be number ``begun``."""
        for slot in slots:
            if self._age[slot] != FREE:
                self._free(int(slot))
        self._begun = begun
        self._tables.clear()

    def put(self, slot: int, number: int, piece: Piece) -> None:
        """Have an empty slot hold a stretch that has been taken in before, as number ``number``."""
        episode = stored_episode(self, self._spec, self.seen_as(piece.episode))
        if isinstance(episode, Problem):
            return
        self._fill(slot, episode, piece.weight)
        self._age[slot] = number
        self.pieces[slot] = StoredPiece(piece.episode.key, piece.start, piece.version)
        self._tables.clear()

    def _fill(self, slot: int, episode: StoredEpisode, weight: float) -> None:
        """Write an episode to a slot; raises ``NoRoomError`` where it lives in files and the disk is full."""
        self._reserve(slot, len(episode.rewards))
        super()._fill(slot, episode, weight)

    def _reserve(self, slot: int, steps: int) -> None:
        """Have room for so many steps of a slot, and for the subgoal of a period that has just begun."""
        if self._files is None:
            return
        periods = min(steps // self.period + 1, self.subgoals.shape[1])
        self._files.reserve("task_goals", slot, self.task_goals.shape[1])
        for name, rows in (("states", steps + 1), ("actions", steps), ("rewards", steps)):
            self._files.reserve(name, slot, rows)
        for name in ("subgoals", "targets"):
            self._files.reserve(name, slot, periods)

    def _free(self, slot: int) -> None:
        """Forget the stretch of a slot."""
        # Of a slot that was claimed, and not filled before the process was killed, rows are emptied all the same.
        self._reserve(slot, int(self.lengths[slot]))
        super()._free(slot)
        self.pieces.pop(slot, None)

    def _drawn_from(self, of_segments: bool, newest: int) -> DrawnFrom:
        key = of_segments, newest
        if key not in self._tables:
            self._tables[key] = super()._drawn_from(of_segments, newest)
        return self._tables[key]

    def _drawing_weights(self) -> npt.NDArray[np.float64]:
        weights, config = super()._drawing_weights().copy(), self.sampling
        held = np.flatnonzero(self._age != FREE)
        held = held[np.argsort(self._age[held])]
        weights[held] *= of_age(config, self.lengths[held])
        if config.of_goals:
            ends = self.achieved_goals(held, self.lengths[held])
            weights[held] *= of_rarity(config.novelty, config.cell, ends)
            weights[held] *= of_rarity(config.rare_goals, config.cell, self.task_goals[held])
        return weights
