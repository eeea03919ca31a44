"""A store of recorded episodes in files: a trainer that begins again takes it up instead of reading its recordings.

The files are ahead of the state that a killed trainer goes on from. Where they hold something else than that state had
there, which the number of the episode tells, that is read from its recording again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hrl_core.bags.keys import EpisodeKey
from hrl_core.replay.episode_slots import FREE
from hrl_core.replay.mapped_arrays import MappedArrays
from hrl_core.training.recordings.growing_log import GrowingLog
from hrl_core.training.recordings.store import Piece, RecordedStore, StoredPiece


class _Lost(NamedTuple):
    slot: int
    number: int
    """As ``EpisodeSlots`` counts episodes."""
    version: int


class KeptStore:
    """Has a store live in files; a ``Stateful`` whose state says what of them belongs to it."""

    def __init__(self, store: RecordedStore, folder: Path, anew: bool) -> None:
        """Move an empty store into files of ``folder``: those that are there, unless it is to begin ``anew``."""
        self._store, self._log = store, GrowingLog(folder / "pieces.jsonl")
        self._files = files = MappedArrays(folder, store.layout(), anew)
        self.taken_up = files.taken_up
        """Whether there are files to go on with: not those of another layout or, for a power cut, of another boot."""
        store.keep_in(files, self._log)
        self._lost: dict[str, dict[tuple[EpisodeKey, int], _Lost]] = defaultdict(dict)

    @property
    def lost(self) -> list[str]:
        """Bags of which something has to be read again, for the state that was loaded."""
        return sorted(self._lost)

    def write(self) -> None:
        """Write what has been taken in since the last time; raises ``OSError``."""
        self._log.write()
        # Not before: a saved state counts on as many pieces as it was given again.
        self._files.seal()

    def restore(self, bag: str, pieces: Iterable[Piece]) -> None:
        """Put what was lost of a bag where it was; ``pieces`` are those that it holds."""
        lost = self._lost.pop(bag)
        for piece in pieces:
            place = lost.get((piece.episode.key, piece.start))
            if place is not None:
                self._store.put(place.slot, place.number, piece._replace(version=place.version))

    def state_dict(self) -> dict[str, Any]:
        """Number of the episode in each slot, and of all so far."""
        return {"numbers": self._store.numbers.copy(), "pieces": self._log.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what the files hold of that state; the rest of it is ``lost``.

        Raises:
            CheckpointError: it is not told what the files hold.
        """
        if not self.taken_up:
            return
        entries = self._log.read(state["pieces"])
        wanted = np.full(len(self._store.numbers), FREE)
        wanted[: len(state["numbers"])] = state["numbers"]
        self._store.forget(np.flatnonzero(self._store.numbers != wanted), state["pieces"])
        for slot in np.flatnonzero(wanted != FREE).tolist():
            number = int(wanted[slot])
            bag, run, robot, episode, start, version = entries[number]
            key = EpisodeKey(run, robot, episode)
            if self._store.numbers[slot] == number:
                self._store.pieces[slot] = StoredPiece(key, start, version)
            else:
                self._lost[bag][key, start] = _Lost(slot, number, version)
