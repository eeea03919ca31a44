"""Choices that stand for a while: which acts where, and what was lived as the level that chooses sees it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.learners.on_policy import Rollout
from hrl_core.networks.heads import Categorical
from hrl_core.replay.rollouts import RolloutBuffer

Float32 = npt.NDArray[np.float32]


class Choices:
    """Which skill acts in each environment, and for how many steps still."""

    def __init__(self, num_envs: int, horizon: int, rng: np.random.Generator) -> None:
        """Begin with all to be chosen.

        Args:
            num_envs: number of environments.
            horizon: steps for which a choice stands; an episode's end cuts it.
            rng: what choices are drawn with.
        """
        self.skills = np.zeros(num_envs, np.int64)
        """Number of the skill in force, (num_envs,)."""
        self._left, self._horizon, self._rng = np.zeros(num_envs, np.int64), horizon, rng

    @property
    def begun(self) -> npt.NDArray[np.bool_]:
        """Where the skill in force has not acted yet, (num_envs,)."""
        return self._left == self._horizon

    @property
    def due(self) -> npt.NDArray[np.bool_]:
        """Where a skill has to be chosen before the next step, (num_envs,)."""
        return self._left == 0

    def choose(self, envs: npt.NDArray[np.int64], logits: Float32) -> None:
        """Draw a skill for each of ``envs`` (rows,) from logits (rows, skills)."""
        head = Categorical()
        for env, output in zip(envs, logits, strict=True):
            self.skills[env] = head.draw(output, self._rng)[0][0]
        self._left[envs] = self._horizon

    def observe(self, ended: npt.NDArray[np.bool_]) -> None:
        """Count a step, after which episodes may have ended, (num_envs,)."""
        self._left = np.where(ended, 0, self._left - 1)

    def drop(self) -> None:
        """Nothing that was chosen stands any more."""
        self._left[:] = 0

    def state_dict(self) -> dict[str, Any]:
        """Generator, skills in force and how long they stand."""
        return {"rng": self._rng.bit_generator.state, "skills": self.skills.copy(), "left": self._left.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._rng.bit_generator.state = state["rng"]
        self.skills, self._left = state["skills"].copy(), state["left"].copy()


class Lived(NamedTuple):
    """Steps of several environments, one after the other, each in order of time; the first one begins a segment."""

    rows: Rollout
    """States, actions and rewards, step by step."""
    skills: npt.NDArray[np.int64]
    """Number of the skill that acted, (rows,)."""
    begins: npt.NDArray[np.bool_]
    """Where it was chosen, (rows,)."""

    def part(self, rows: slice | npt.NDArray[np.bool_]) -> "Lived":
        """Some of the rows, of whole environments."""
        return Lived(Rollout._make(column[rows] for column in self.rows), self.skills[rows], self.begins[rows])


def with_choices(actions: npt.NDArray, choices: Choices) -> npt.NDArray:
    """Actions (num_envs, action_dim) as a buffer for ``take_lived`` keeps them.

    Behind each action comes the skill in force, and whether it has just been chosen.
    """
    return np.column_stack((actions, choices.skills, choices.begun))


def take_lived(buffer: RolloutBuffer) -> Lived:
    """What a buffer of ``with_choices`` holds; it is empty afterwards."""
    rows = buffer.take()
    acted, skills, begins = rows.actions[:, :-2], rows.actions[:, -2], rows.actions[:, -1]
    return Lived(rows._replace(actions=acted), skills.astype(np.int64), begins > 0)


def segments(lived: Lived) -> Rollout:
    """The steps as the level that chooses sees them: a choice is one transition, however many steps it stood.

    r = sum_{i<N} r_{t+i},   s' = s_{t+N}
    """
    rows, first = lived.rows, np.flatnonzero(lived.begins)
    last = np.append(first[1:], len(lived.begins)) - 1
    return Rollout(
        inputs=rows.inputs[first],
        actions=lived.skills[first, None].astype(np.float32),
        rewards=np.add.reduceat(rows.rewards, first),
        next_inputs=rows.next_inputs[last],
        terminal=rows.terminal[last],
        boundary=rows.boundary[last],
    )
