"""Matrix products by the quicker of two libraries: NumPy's (OpenBLAS) or torch's (MKL).

Which one is quicker depends on processor and shape (docs/training_speed.md). They add in different orders, so that the
last bits depend on the choice: it belongs to a run and is measured when one begins.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from hrl_core.learners.product_names import WAY_BACK

_TURNS, _TURN_SECONDS = 5, 5e-4
_CLEARLY = 0.95
"""Torch takes a product over where it needs less than this share of NumPy's time: what is nearly equal stays put."""


class Product(NamedTuple):
    """One product of which the places of factors and result are known."""

    name: str
    """Kind and shape, as ``product_names`` says."""
    run: Callable[[], object]
    by_numpy: Callable[[], object]
    by_torch: Callable[[], object]


class Products:
    """Which library makes which product."""

    def __init__(self, by_torch: Iterable[str] = WAY_BACK) -> None:
        """Name kinds or single shapes for torch; NumPy makes all others."""
        self._by_torch = frozenset(by_torch)

    def make(self, kind: str, a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> Product:
        """Prepare ``out`` = a b; views made anew for each product would cost half as much as the smaller ones."""
        name = f"{kind} {a.shape[0]}x{a.shape[1]}x{b.shape[1]}"
        by_numpy = partial(np.dot, a.numpy(), b.numpy(), out=out.numpy())
        by_torch = partial(torch.mm, a, b, out=out)
        run = by_torch if {kind, name} & self._by_torch else by_numpy
        return Product(name, run, by_numpy, by_torch)


def quicker_by_torch(products: Sequence[Product]) -> list[str]:
    """Names of the products that torch is clearly quicker at, measured by processor time of this thread."""
    distinct = {product.name: product for product in products}
    return [name for name, product in distinct.items() if _seconds(product.by_torch, product.by_numpy) < _CLEARLY]


def _seconds(one: Callable[[], object], other: Callable[[], object]) -> float:
    """Time of ``one`` as a share of that of ``other``; least of a few turns each, taken alternately."""
    both = one, other
    calls = [max(1, round(_TURN_SECONDS / _time(function, 3))) for function in both]
    turns = [[_time(function, n) for function, n in zip(both, calls, strict=True)] for _ in range(_TURNS)]
    best, least = map(min, zip(*turns, strict=True))
    return best / least


def _time(function: Callable[[], object], calls: int) -> float:
    begun = time.thread_time()
    for _ in range(calls):
        function()
    return max((time.thread_time() - begun) / calls, 1e-9)
