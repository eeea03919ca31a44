"""Relabelled subgoals in the place of the recorded ones, taken in as the relabeler writes them."""

from collections.abc import Iterable
from pathlib import Path

from hrl_core.bags.errors import BagError
from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.problems import Problem
from hrl_core.bags.relabelled import RelabelledSubgoals, read_relabelled
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.training.recordings.store import RecordedStore, Refusal, StoredPiece


class Overlay:
    """Writes chosen subgoals over the recorded ones."""

    def __init__(self, store: RecordedStore, folders: Iterable[str], max_lag: int) -> None:
        """Nothing is read yet.

        Args:
            store: whose subgoals are replaced.
            folders: of bags of relabelled subgoals.
            max_lag: most versions by which the relabelling worker may be behind; 0: any number.
        """
        self._store, self._folders, self._max_lag = store, tuple(map(Path, folders)), max_lag
        self._bags: set[Path] = set()
        self._chosen = RelabelledSubgoals()
        self._done: dict[int, tuple[StoredPiece, int]] = {}
        """Slot -> what it held when it was last looked at, and how many of its subgoals were replaced."""

    @property
    def count(self) -> int:
        """Subgoals of the store that have been replaced."""
        return sum(count for _, count in self._done.values())

    def apply(self, version: int) -> list[Refusal]:
        """Replace what new bags and new pieces have in common with all there is.

        Args:
            version: of the present worker.

        Returns:
            New bags that cannot be read: they cost their own subgoals alone, and are not looked at again.
        """
        if not self._folders:
            return []
        changed, refused = self._read()
        oldest = version - self._max_lag if self._max_lag else 0
        for slot, piece in self._store.pieces.items():
            if piece.key in changed or self._done.get(slot, (None, 0))[0] is not piece:
                self._done[slot] = (piece, self._replace(slot, piece, oldest))
        return refused

    def _read(self) -> tuple[set[EpisodeKey], list[Refusal]]:
        """Read new bags; returns the episodes they speak of, and what cannot be read."""
        changed: set[EpisodeKey] = set()
        refused: list[Refusal] = []
        for folder in self._folders:
            for metadata in sorted(folder.glob("*/metadata.yaml")):
                bag = metadata.parent
                if bag in self._bags:
                    continue
                self._bags.add(bag)
                try:
                    found = read_relabelled(bag)
                except (BagError, OSError) as error:
                    why = f"its relabelled subgoals take no place: {error}"
                    refused.append(Refusal(bag, 0, Problem(bag, "", None, None, why, False)))
                    continue
                self._chosen.update(found)
                changed |= found.episodes
        return changed, refused

    def _replace(self, slot: int, piece: StoredPiece, oldest: int) -> int:
        """Returns how many subgoals of a slot were replaced."""
        count, period = 0, self._store.period
        for i in range(-(-int(self._store.lengths[slot]) // period)):
            chosen = self._chosen.get(piece.key, piece.start + i * period, oldest)
            if chosen is not None:
                self._store.subgoals[slot, i] = to_float32(chosen)
                count += 1
        return count
