"""Whole episodes that were lived side by side, from their first step to their last."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


class Lived(NamedTuple):
    """Episodes of T steps or fewer; what lies behind the end of one means nothing."""

    inputs: Float32
    """What networks saw, (T + 1, episodes, inputs); the last one of an episode is what its last action led to."""
    directions: Float32
    """What the worker was told, (T, episodes, d)."""
    actions: npt.NDArray[np.int64]
    """Numbers of choices, (T, episodes)."""
    rewards: Float32
    """Of those actions, (T, episodes)."""
    lengths: npt.NDArray[np.int64]
    """Steps of each, (episodes,)."""
    terminated: npt.NDArray[np.bool_]
    """Whether nothing follows on its last step, (episodes,); else it was cut off."""


class EpisodesInStep:
    """One episode of each environment, all of which begin at the same time."""

    def __init__(self, num_envs: int, most_steps: int, inputs: int, directions: int) -> None:
        """Reserve room for episodes of ``most_steps``."""
        self._shape = most_steps, num_envs, inputs, directions
        self.begin()

    def begin(self) -> None:
        """Forget what has been lived."""
        steps, episodes, inputs, directions = self._shape
        self._lived = Lived(
            np.zeros((steps + 1, episodes, inputs), np.float32),
            np.zeros((steps, episodes, directions), np.float32),
            np.zeros((steps, episodes), np.int64),
            np.zeros((steps, episodes), np.float32),
            np.zeros(episodes, np.int64),
            np.zeros(episodes, np.bool_),
        )
        self.running = np.ones(episodes, np.bool_)
        """Which episodes are not over; an environment that has begun another one is not asked any more."""
        self.step = 0

    def add(
        self,
        inputs: Float32,
        directions: Float32,
        actions: npt.NDArray[np.int64],
        rewards: npt.NDArray,
        next_inputs: Float32,
        terminated: npt.NDArray[np.bool_],
        ended: npt.NDArray[np.bool_],
    ) -> None:
        """Add a step of each; leading axis (episodes,)."""
        lived, t, running = self._lived, self.step, self.running
        lived.inputs[t, running], lived.inputs[t + 1, running] = inputs[running], next_inputs[running]
        lived.directions[t, running], lived.actions[t, running] = directions[running], actions[running]
        lived.rewards[t, running] = rewards[running]
        lived.lengths[running] = self.step = t + 1
        lived.terminated[running] = terminated[running]
        self.running = running & ~ended

    def take(self) -> Lived:
        """What has been lived, which is then forgotten."""
        lived, steps = self._lived, self.step
        self.begin()
        columns = (column[:steps] for column in (lived.directions, lived.actions, lived.rewards))
        return Lived._make((lived.inputs[: steps + 1], *columns, lived.lengths, lived.terminated))

    def state_dict(self) -> dict[str, Any]:
        """What has been lived so far."""
        return {**self._lived._asdict(), "running": self.running, "step": self.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._lived = Lived(*(state[name].copy() for name in Lived._fields))
        self.running, self.step = state["running"].copy(), state["step"]


def side_by_side(episodes: Sequence[Lived]) -> Lived:
    """Episodes of different lengths, padded at their ends."""
    most = max(len(lived.rewards) for lived in episodes)

    def padded(column: npt.NDArray, steps: int) -> npt.NDArray:
        return np.pad(column, ((0, steps - len(column)), *((0, 0) for _ in column.shape[1:])))

    steps = most + 1, most, most, most
    over_time = (
        np.concatenate([padded(lived[k], count) for lived in episodes], axis=1) for k, count in enumerate(steps)
    )
    ends = (np.concatenate([lived[k] for lived in episodes]) for k in range(len(steps), len(Lived._fields)))
    return Lived._make((*over_time, *ends))
