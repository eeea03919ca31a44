"""The switch ``--seed``, and ``--seeds`` for several: one range in every command, that of ROS parameters."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import tyro

from hrl_core.errors import HrlError
from hrl_core.randomness import MOST_SEED

MOST_SEEDS = 10_000
"""In one command: a slip of the keyboard should not fill the memory."""


def _read(words: list[str]) -> int:
    try:
        seed = int(words[0])
    except ValueError:
        seed = -1
    if not 0 <= seed <= MOST_SEED:
        raise ValueError(f"must be a whole number from 0 to {MOST_SEED}, got {words[0]}")
    return seed


Seed = Annotated[
    int,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=_read,
        is_instance=lambda seed: isinstance(seed, int),
        str_from_instance=lambda seed: [str(seed)],
    ),
]
"""Seed of a command."""


def read_seeds(text: str) -> tuple[int, ...]:
    """Several seeds: ``0:5`` for 0 to 4, ``1,7,9`` one by one, or both as in ``0:3,10``.

    Raises:
        HrlError: it is none of that, or a seed is there twice or out of range.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, colon, end = part.partition(":")
        try:
            begin = _read([first])
            stop = _read([end]) if colon else begin + 1
        except ValueError as error:
            raise HrlError(f"--seeds {text}: a seed {error}; as in 0:5 (0 to 4) or 1,7,9") from None
        if stop <= begin:
            raise HrlError(f"--seeds {text}: {part} holds no seed; 0:5 are 0 to 4")
        if stop - begin + len(seeds) > MOST_SEEDS:
            raise HrlError(f"--seeds {text}: more than {MOST_SEEDS:,} seeds")
        seeds += range(begin, stop)
    if len(set(seeds)) < len(seeds):
        raise HrlError(f"--seeds {text}: {Counter(seeds).most_common(1)[0][0]} is there twice")
    return tuple(seeds)


def tell_seeds(seeds: Sequence[int]) -> str:
    """Seeds as ``read_seeds`` reads them."""
    in_a_row = len(seeds) > 1 and tuple(seeds) == tuple(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]}:{seeds[-1] + 1}" if in_a_row else ",".join(map(str, seeds))
