"""Messages of one type as columns: every field one array over all messages, decoded in bulk."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.blocks import Block
from hrl_core.bags.cdr_layout import Layout, Lengths
from hrl_core.bags.errors import BagError
from hrl_core.bags.topic import Topic

Columns = dict[str, npt.NDArray[Any]]
STAMP = "#stamp"
"""Column of receive times [ns]."""
TAG = "#tag"
"""Column that tells where the message comes from."""


MOST_PADDED = 64 * 2**20
MOST_PADDING = 4
"""A column may be this many bytes, and so many times its messages' own, when shorter vectors are filled up."""


class BadMessage(NamedTuple):
    """A message that could not be read."""

    tag: int
    stamp: int
    """Receive time [ns]."""
    cause: str


class ColumnReader:
    """Collects the messages of one topic, block by block."""

    def __init__(self, topic: Topic) -> None:
        """Derive the layout from the topic's definition.

        Raises:
            BagError: the bag has no sound definition of the type.
        """
        self.bad: list[BadMessage] = []
        self._layout = Layout(topic)
        self._pieces: defaultdict[str, list[npt.NDArray[Any]]] = defaultdict(list)

    def add(self, block: Block, rows: npt.NDArray[np.int64], tag: int) -> None:
        """Decode the messages at ``rows`` of a block; those that cannot be read are noted in ``bad``.

        Args:
            block: messages.
            rows: which of them.
            tag: what column ``#tag`` says of them.
        """
        while rows.size:
            first = rows[0]
            same = rows[block.lengths[rows] == block.lengths[first]]
            try:
                lengths = self._layout.lengths(block.message(int(first)))
            except ValueError as error:
                self.bad.append(BadMessage(tag, int(block.stamps[first]), str(error)))
                rows = rows[1:]
                continue
            records = _gather(block, same, self._layout.dtype(lengths))
            fits = self._layout.fits(records, lengths)
            self._take(records if fits.all() else records[fits], lengths, block.stamps[same[fits]], tag)
            # What differs in length, or only in the lengths of its fields, comes in a later round.
            rows = np.setdiff1d(rows, same[fits], assume_unique=True) if fits.sum() < rows.size else rows[:0]

    def columns(self) -> Columns:
        """Field -> array (n,), or (n, longest) with shorter sequences filled up and their lengths in ``<name>#``.

        Without messages there are no columns. The stamp of a header becomes ``stamp`` [ns].
        """
        # One after the other, so that pieces and whole are not in memory together.
        columns = {name: join(self._pieces.pop(name)) for name in list(self._pieces)}
        if "header.stamp.sec" in columns:
            seconds = columns.pop("header.stamp.sec").astype(np.int64)
            columns["stamp"] = seconds * 1_000_000_000 + columns.pop("header.stamp.nanosec")
        return columns

    def _take(self, records: npt.NDArray[Any], lengths: Lengths, stamps: npt.NDArray[np.int64], tag: int) -> None:
        variable = iter(lengths)
        self._pieces[STAMP].append(stamps)
        self._pieces[TAG].append(np.full(len(records), tag, np.int32))
        for field in self._layout.fields:
            column = records[field.name]
            if field.count is None:
                length = next(variable)
                if field.element != "string":
                    self._pieces[f"{field.name}#"].append(np.full(len(records), length))
            # A copy, so that the messages themselves need not be kept.
            self._pieces[field.name].append(np.ascontiguousarray(column))


def _gather(block: Block, rows: npt.NDArray[np.int64], kind: np.dtype) -> npt.NDArray[Any]:
    """Copy messages of equal length out of the block, as structured records."""
    # Every byte as the start of a record; only real starts are looked at.
    places = len(block.buffer) - kind.itemsize + 1
    window = np.ndarray((places,), f"V{kind.itemsize}", block.buffer, strides=(1,))
    return window[block.starts[rows]].view(kind)


def join(pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Put pieces of a column together, narrower ones filled up."""
    if pieces[0].ndim == 1:
        return np.concatenate(pieces)
    widest = max(piece.shape[1] for piece in pieces)
    size = sum(map(len, pieces)) * widest * pieces[0].itemsize
    if size > MOST_PADDED + MOST_PADDING * sum(piece.nbytes for piece in pieces):
        raise BagError(f"messages of one topic differ too much: {size} bytes with every vector as long as the longest")
    fill = np.nan if pieces[0].dtype.kind == "f" else 0
    joined = np.full((sum(map(len, pieces)), widest), fill, pieces[0].dtype)
    row = 0
    for piece in pieces:
        joined[row : row + len(piece), : piece.shape[1]] = piece
        row += len(piece)
    return joined
