"""What was lived under masters and skills, and what each of them learns from it; pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.learners.advantages import gae
from hrl_core.learners.on_policy import Lessons, OnPolicy, Rollout

Float32 = npt.NDArray[np.float32]


class Lived(NamedTuple):
    """Steps of several environments, one after the other, each in order of time; the first one begins a segment."""

    rows: Rollout
    """States, actions and task rewards, step by step."""
    skills: npt.NDArray[np.int64]
    """Number of the skill that acted, (rows,)."""
    begins: npt.NDArray[np.bool_]
    """Where the master chose it, (rows,)."""

    def part(self, rows: slice | npt.NDArray[np.bool_]) -> "Lived":
        """Some of the rows, of whole environments."""
        return Lived(Rollout._make(column[rows] for column in self.rows), self.skills[rows], self.begins[rows])


def segments(lived: Lived) -> Rollout:
    """The steps as a master sees them: a choice is one transition, however many steps it stood.

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


def lessons(lived: Lived, skills: Sequence[OnPolicy]) -> list[Lessons]:
    """What each skill learns: the rows in which it acted, with advantages that reach over changes of the skill.

    delta_t = r_t + gamma V_{k(t+1)}(s_t+1) - V_{k(t)}(s_t),   k(t) the skill that acts at t
    """
    rows, config = lived.rows, skills[0].config
    after = np.where(rows.boundary, lived.skills, np.roll(lived.skills, -1))
    values, next_values = _worth(skills, lived.skills, rows.inputs), _worth(skills, after, rows.next_inputs)
    rewards, ends = config.reward_scale * rows.rewards, (rows.terminal, rows.boundary)
    advantages = gae(rewards, values, next_values, *ends, config.discount, config.gae_lambda)
    columns = rows.inputs, rows.actions, advantages, advantages + values
    own = [lived.skills == k for k in range(len(skills))]
    return [Lessons(*(column[mask] for column in columns)) for mask in own]


def _worth(skills: Sequence[OnPolicy], acting: npt.NDArray[np.int64], inputs: Float32) -> Float32:
    """Values (rows,) by the skill of each row."""
    values = np.zeros(len(inputs), np.float32)
    for k, skill in enumerate(skills):
        mask = acting == k
        values[mask] = skill.worth(inputs[mask])
    return values
