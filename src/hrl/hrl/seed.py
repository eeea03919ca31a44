"""The switch ``--seed``: one range in every command, that of ROS parameters."""

from typing import Annotated

import tyro

from hrl_core.randomness import MOST_SEED


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
