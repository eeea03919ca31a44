"""What random steps tell of the limits of an environment's actions."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from hrl_core.envs.survey import action_limits
from hrl_core.errors import TaskError

_INF, _MAX = np.inf, float(np.finfo(np.float32).max)


def limits_of(space: spaces.Space) -> tuple[list[float], list[float]]:
    env: Any = SimpleNamespace(action_space=space)
    low, high = action_limits(env)
    return low.tolist(), high.tolist()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.5, 3.0, (-0.5, 3.0)),
        (-_INF, _INF, (-1, 1)),
        (-_MAX, _MAX, (-1, 1)),
        (2.0, _INF, (2, 4)),
        (-_INF, -7.0, (-9, -7)),
    ],
)
def test_limits_that_are_none_become_some_that_can_be_learned_within(low, high, expected):
    assert limits_of(spaces.Box(low, high, (2,), np.float64)) == tuple([bound] * 2 for bound in expected)


def test_choices_are_their_numbers():
    assert limits_of(spaces.Discrete(3)) == ([0], [2])


@pytest.mark.parametrize(
    "space", [spaces.Discrete(1), spaces.Box(np.array([0.0, 2.0]), np.array([1.0, 2.0]), dtype=np.float64)]
)
def test_what_leaves_nothing_to_choose_is_refused_by_name(space):
    with pytest.raises(TaskError, match=r"actions are .*, of which element [01] is always [02]: there is nothing to l"):
        limits_of(space)
