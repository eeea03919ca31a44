"""robomimic: one HDF5 file, ``data/demo_k`` with actions, named observations, and the same of the next step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hrl_core.errors import HrlError
from hrl_core.imports.episodes import ForeignEpisode, as_rows

_DATA, _DEMO = "data", "demo_"


def read(path: Path, keys: tuple[str, ...]) -> Iterator[ForeignEpisode]:
    """Episodes of a file, by the numbers of their demonstrations.

    Args:
        path: the file.
        keys: names below ``obs`` that the observation is made of, in order.
    """
    with h5py.File(path, "r") as file:
        demos: Any = file[_DATA] if _DATA in file else {}
        names = sorted((name for name in demos if name.startswith(_DEMO)), key=_number)
        if not names:
            raise HrlError(f"{path}: holds no {_DATA}/{_DEMO}0, ...; it holds {', '.join(file) or 'nothing'}")
        for name in names:
            yield _episode(demos[name], keys, f"{path}, {name}")


def _number(name: str) -> int:
    digits = name.removeprefix(_DEMO)
    return int(digits) if digits.isdecimal() else -1


def _episode(demo: Any, keys: tuple[str, ...], where: str) -> ForeignEpisode:  # noqa: ANN401 - h5py.Group
    seen = list(demo.get("obs", {}))
    lacking = [key for key in keys if key not in seen]
    if lacking or not keys:
        named = f"it has no {', '.join(lacking)}" if keys else "name those of the task's observation, in its order"
        raise HrlError(f"{where}: {named}: --keys of {', '.join(seen) or 'obs, which it lacks'}")
    for needed in ("actions", "next_obs"):
        if needed not in demo:
            raise HrlError(f"{where}: has no {needed}: nobody knows what was done, or where its last step led")
    states = [np.concatenate((as_rows(demo["obs"][key]), as_rows(demo["next_obs"][key])[-1:])) for key in keys]
    actions = as_rows(demo["actions"])
    # Where a time limit ended a demonstration it may tell no end at all.
    ended = bool(np.any(np.asarray(demo["dones"])[-1:])) if "dones" in demo else False
    return ForeignEpisode(
        states=np.concatenate(states, axis=1),
        actions=actions,
        rewards=np.asarray(demo["rewards"], np.float64) if "rewards" in demo else np.zeros(len(actions)),
        terminated=ended,
    )
