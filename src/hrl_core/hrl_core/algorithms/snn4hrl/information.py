"""How well a place tells which skill led there (paper, section 5.2); from counts of a batch, pure.

p(z | c) = n(z, c) / n(c),     bonus = log p(z | c)
I(z; c)  = sum p(z, c) log (p(z, c) / (p(z) p(c)))     [nat], from 0 to log K
"""

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]


def cells(positions: npt.NDArray, edge: float) -> Int:
    """Number of the cell of each position (rows, dimensions), (rows,): those visited, from 0 on."""
    corners = np.floor(np.asarray(positions, np.float64) / edge).astype(np.int64)
    return np.unique(corners, axis=0, return_inverse=True)[1].reshape(-1)


def counts(latents: Int, places: Int, count: int) -> Int:
    """n(z, c) of rows with latents of ``count`` and places from 0 on, (count, places)."""
    table = np.zeros((count, int(places.max(initial=-1)) + 1), np.int64)
    np.add.at(table, (latents, places), 1)
    return table


def bonus(latents: Int, places: Int, count: int) -> npt.NDArray[np.float32]:
    """Log p(z | c) of each row, (rows,)."""
    table = counts(latents, places, count)
    shares = table / np.maximum(table.sum(axis=0), 1)
    return np.log(shares[latents, places]).astype(np.float32)


def information(latents: Int, places: Int, count: int) -> float:
    """I(z; c) of rows [nat]."""
    joint = counts(latents, places, count) / max(len(latents), 1)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())
