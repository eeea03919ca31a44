"""The state that a resumed run goes on from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save_file as save_tensors

from hrl_core.algorithms.protocols import Stateful
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hrl_core.errors import CheckpointError
from hrl_core.prefixed import below

_TENSORS, _ARRAYS, _PLAIN = "tensors.safetensors", "arrays.safetensors", "plain.json"
_PENDING = "pending"


class TrainingState(NamedTuple):
    """Everything that an exact continuation needs, named ``<part>.<entry>``."""

    tensors: dict[str, torch.Tensor]
    arrays: dict[str, npt.NDArray]
    plain: dict[str, Any]
    """Data of JSON."""
    pending: Checkpoint | None = None
    """Policy whose evaluation was under way."""

    @classmethod
    def of(cls, parts: Mapping[str, Stateful]) -> "TrainingState":
        """The state of all parts; no copies."""
        state = cls({}, {}, {})
        for part, stateful in parts.items():
            for name, value in stateful.state_dict().items():
                if isinstance(value, torch.Tensor):
                    state.tensors[f"{part}.{name}"] = value
                elif isinstance(value, np.ndarray):
                    state.arrays[f"{part}.{name}"] = value
                else:
                    state.plain[f"{part}.{name}"] = value
        return state

    @classmethod
    def read(cls, folder: Path) -> "TrainingState":
        """Read what ``write`` wrote."""
        tensors, arrays = load_tensors(folder / _TENSORS), load_arrays(folder / _ARRAYS)
        pending = load_checkpoint(folder / _PENDING) if (folder / _PENDING).is_dir() else None
        return cls(tensors, arrays, json.loads((folder / _PLAIN).read_text()), pending)

    def write(self, folder: Path) -> None:
        """Write everything as files into ``folder``."""
        save_tensors({name: tensor.contiguous() for name, tensor in self.tensors.items()}, folder / _TENSORS)
        save_arrays({name: np.ascontiguousarray(array) for name, array in self.arrays.items()}, folder / _ARRAYS)
        (folder / _PLAIN).write_text(json.dumps(self.plain))
        if self.pending is not None:
            save_checkpoint(self.pending, folder / _PENDING)

    def restore(self, parts: Mapping[str, Stateful]) -> None:
        """Have every part go on from here, in the order given.

        Raises:
            CheckpointError: something is missing.
        """
        entries = {**self.tensors, **self.arrays, **self.plain}
        for part, stateful in parts.items():
            own = below(f"{part}.", entries)
            try:
                stateful.load_state_dict(own)
            except KeyError as error:
                lacking = f"the training state lacks {error} of '{part}'"
                raise CheckpointError(f"{lacking}: another version of hrl wrote it, begin a new run") from None
