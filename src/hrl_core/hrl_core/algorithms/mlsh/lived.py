"""What each skill learns from what was lived under it and others; pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.choices import Lived
from hrl_core.learners.advantages import gae
from hrl_core.learners.on_policy import Lessons, OnPolicy

Float32 = npt.NDArray[np.float32]


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
