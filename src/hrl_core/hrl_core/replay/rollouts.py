"""What one policy lives through in several environments at once, until there is enough of it to learn from."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.learners.on_policy import Rollout

Float32 = npt.NDArray[np.float32]


class RolloutBuffer:
    """Rows of ``num_envs`` environments over ``steps`` steps."""

    def __init__(self, num_envs: int, steps: int, input_dim: int, action_dim: int) -> None:
        """Reserve room."""
        self._shape, self._input_dim, self._action_dim = (num_envs, steps), input_dim, action_dim
        self._rows, self._filled = self._empty(), 0

    @property
    def full(self) -> bool:
        """Whether there is no more room."""
        return self._filled == self._shape[1]

    def add(
        self,
        inputs: Float32,
        actions: npt.NDArray,
        rewards: npt.NDArray,
        next_inputs: Float32,
        terminated: npt.NDArray[np.bool_],
        ended: npt.NDArray[np.bool_],
    ) -> None:
        """Add one step of every environment, leading axis (num_envs,); next inputs are the real ones."""
        new = Rollout(inputs, actions, rewards, next_inputs, terminated, ended)
        for kept, column in zip(self._rows, new, strict=True):
            kept[:, self._filled] = column
        self._filled += 1

    def cut(self) -> None:
        """What has been lived so far goes on nowhere: environments begin new episodes."""
        if self._filled:
            self._rows.boundary[:, self._filled - 1] = True

    def take(self) -> Rollout:
        """All rows, environment by environment, each in order of time; the buffer is empty afterwards."""
        self.cut()
        rows = Rollout._make(column[:, : self._filled].reshape(-1, *column.shape[2:]) for column in self._rows)
        self._rows, self._filled = self._empty(), 0
        return rows

    def state_dict(self) -> dict[str, Any]:
        """What is in it."""
        return {name: column[:, : self._filled] for name, column in self._rows._asdict().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._filled = state["rewards"].shape[1]
        for name, column in self._rows._asdict().items():
            column[:, : self._filled] = state[name]

    def _empty(self) -> Rollout:
        shape = self._shape
        return Rollout(
            inputs=np.zeros((*shape, self._input_dim), np.float32),
            actions=np.zeros((*shape, self._action_dim), np.float32),
            rewards=np.zeros(shape, np.float32),
            next_inputs=np.zeros((*shape, self._input_dim), np.float32),
            terminal=np.zeros(shape, np.bool_),
            boundary=np.zeros(shape, np.bool_),
        )
