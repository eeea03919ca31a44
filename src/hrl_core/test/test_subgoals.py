"""What a subgoal means between two decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.hierarchy.subgoals import achieved, carried_subgoal, intrinsic_reward, segment_end, subgoal_target
from hrl_core.messages import HorizonUnit, SegmentEnd, SubgoalKind

vectors = arrays(np.float64, 3, elements=st.floats(-50, 50, width=32))


@given(anchor=vectors, value=vectors, position=vectors)
def test_carried_relative_subgoal_keeps_its_absolute_target(make_subgoal, anchor, value, position):
    subgoal = make_subgoal(anchor=anchor, value=value)
    carried = carried_subgoal(subgoal, position)
    assert carried.dtype == np.float32
    np.testing.assert_allclose(position + carried, anchor + value, atol=1e-4)


def test_relative_subgoal_by_hand(make_subgoal):
    subgoal = make_subgoal(anchor=np.array([1.0, 2.0, 0.0]), value=np.array([3.0, -1.0, 0.5]))
    assert subgoal_target(subgoal).tolist() == [4.0, 1.0, 0.5]
    assert carried_subgoal(subgoal, np.array([2.0, 2.0, 0.5])).tolist() == [2.0, -1.0, 0.0]


def test_intrinsic_reward_is_minus_the_distance_left(make_subgoal):
    subgoal = make_subgoal(anchor=np.zeros(3), value=np.array([3.0, 4.0, 0.0]))
    assert intrinsic_reward(subgoal, np.zeros(3)) == -5.0
    assert intrinsic_reward(subgoal, np.array([3.0, 4.0, 0.0])) == 0.0


def test_absolute_subgoal_does_not_move_with_its_anchor(make_subgoal):
    subgoal = make_subgoal(kind=SubgoalKind.ABSOLUTE, anchor=np.ones(3), value=np.array([5.0, 5.0, 5.0]))
    assert subgoal_target(subgoal).tolist() == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"step": 9}, None),
        ({"step": 10}, SegmentEnd.HORIZON),
        ({"truncated": True, "step": 10}, SegmentEnd.TRUNCATED),
        ({"terminated": True, "truncated": False}, SegmentEnd.TERMINATED),
        ({"desired_goal": np.array([1.0, 1.0])}, SegmentEnd.PREEMPTED),
        ({"desired_goal": np.array([1.0, 1.0]), "step": 10}, SegmentEnd.PREEMPTED),
    ],
)
def test_one_reason_ends_a_segment_and_the_strongest_wins(make_subgoal, make_observation, change, expected):
    subgoal = make_subgoal(step=0, horizon=10)
    observation = make_observation(**({"step": 5} | change))
    assert segment_end(subgoal, observation, np.zeros(3)) == expected


@pytest.mark.parametrize("unit", HorizonUnit)
def test_a_horizon_ends_a_segment_whatever_it_counts(make_subgoal, make_observation, unit):
    subgoal = make_subgoal(step=3, horizon=4, horizon_unit=unit)
    ends = [segment_end(subgoal, make_observation(step=step), np.zeros(3)) for step in (4, 6, 7, 8)]
    assert ends == [None, None, SegmentEnd.HORIZON, SegmentEnd.HORIZON]


def test_achievement_ends_a_segment_only_when_asked_and_within_every_tolerance(make_subgoal, make_observation):
    near = {"anchor": np.zeros(3), "value": np.array([1.0, 0.0, 0.0]), "tolerance": np.array([0.5, 0.1, 0.1])}
    position = np.array([0.6, 0.05, 0.0])
    observation = make_observation(step=3)
    assert segment_end(make_subgoal(**near), observation, position) is None
    ends = make_subgoal(**near, end_when_achieved=True)
    assert segment_end(ends, observation, position) == SegmentEnd.ACHIEVED
    assert not achieved(ends, np.array([0.6, 0.2, 0.0]))
    assert not achieved(make_subgoal(end_when_achieved=True), np.zeros(3))
