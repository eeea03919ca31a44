"""Relabelled subgoals in the place of the recorded ones, taken in as the relabeler writes them."""

from collections.abc import Iterable
from pathlib import Path

from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.relabelled import RelabelledSubgoals, read_relabelled
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.training.recordings.store import RecordedStore, StoredPiece


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

    def apply(self, version: int) -> None:
        """Replace what new bags and new pieces have in common with all there is; ``version`` is the present worker's.

        Raises:
            BagError: a bag is damaged.
        """
        if not self._folders:
            return
        changed = self._read()
        oldest = version - self._max_lag if self._max_lag else 0
        for slot, piece in self._store.pieces.items():
            if piece.key in changed or self._done.get(slot, (None, 0))[0] is not piece:
                self._done[slot] = (piece, self._replace(slot, piece, oldest))

    def _read(self) -> set[EpisodeKey]:
        """Read new bags; returns the episodes they speak of."""
        changed: set[EpisodeKey] = set()
        for folder in self._folders:
            for metadata in sorted(folder.glob("*/metadata.yaml")):
                if metadata.parent not in self._bags:
                    self._bags.add(metadata.parent)
                    found = read_relabelled(metadata.parent)
                    self._chosen.update(found)
                    changed |= found.episodes
        return changed

    def _replace(self, slot: int, piece: StoredPiece, oldest: int) -> int:
        """Returns how many subgoals of a slot were replaced."""
        count, period = 0, self._store.period
        for i in range(-(-int(self._store.lengths[slot]) // period)):
            chosen = self._chosen.get(piece.key, piece.start + i * period, oldest)
            if chosen is not None:
                self._store.subgoals[slot, i] = to_float32(chosen)
                count += 1
        return count
