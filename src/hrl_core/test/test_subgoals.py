"""What a subgoal means between two decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.hierarchy.segments import OpenSegment, segment_end, segment_ends
from hrl_core.hierarchy.subgoals import achieved, carried_subgoal, intrinsic_reward, subgoal_target
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


def end_of(subgoal, observation, position):
    return segment_end(OpenSegment(subgoal, position), observation, attempts=0)


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
    assert end_of(subgoal, observation, np.zeros(3)) == expected


@pytest.mark.parametrize("unit", HorizonUnit)
def test_a_horizon_ends_a_segment_whatever_it_counts(make_subgoal, make_observation, unit):
    subgoal = make_subgoal(step=3, horizon=4, horizon_unit=unit)
    ends = [end_of(subgoal, make_observation(step=step), np.zeros(3)) for step in (4, 6, 7, 8)]
    assert ends == [None, None, SegmentEnd.HORIZON, SegmentEnd.HORIZON]


def test_achievement_ends_a_segment_only_when_asked_and_within_every_tolerance(make_subgoal, make_observation):
    near = {"anchor": np.zeros(3), "value": np.array([1.0, 0.0, 0.0]), "tolerance": np.array([0.5, 0.1, 0.1])}
    position = np.array([0.6, 0.05, 0.0])
    observation = make_observation(step=3)
    assert end_of(make_subgoal(**near), observation, position) is None
    ends = make_subgoal(**near, end_when_achieved=True)
    assert end_of(ends, observation, position) == SegmentEnd.ACHIEVED
    assert not achieved(ends, np.array([0.6, 0.2, 0.0]))
    assert not achieved(make_subgoal(end_when_achieved=True), np.zeros(3))


def open_segments(make_subgoal, attempts):
    """Three levels: 10 steps, then 2 and 3 attempts."""
    horizons = (10, 2, 3)
    return [
        OpenSegment(
            make_subgoal(
                level=level,
                horizon=horizons[level],
                horizon_unit=HorizonUnit.ATTEMPTS if level else HorizonUnit.STEPS,
                value=np.full(3, 9.0),
                tolerance=np.ones(3),
                end_when_achieved=level > 0,
            ),
            np.zeros(3),
            attempts[level],
        )
        for level in range(3)
    ]


def test_the_end_of_a_segment_is_an_attempt_less_for_the_one_above_at_the_same_step(make_subgoal, make_observation):
    def ends(attempts, step):
        return segment_ends(open_segments(make_subgoal, attempts), make_observation(step=step))

    assert ends((0, 0, 0), 9) == {}
    assert ends((0, 0, 0), 10) == {0: (SegmentEnd.HORIZON, 0)}
    higher, horizon = SegmentEnd.HIGHER_GOAL_REACHED, SegmentEnd.HORIZON
    assert ends((0, 1, 0), 10) == {0: (higher, 1), 1: (horizon, 1)}
    assert ends((0, 1, 2), 10) == {0: (higher, 2), 1: (higher, 2), 2: (horizon, 2)}


def test_what_a_higher_level_has_achieved_ends_all_below(make_subgoal, make_observation):
    stack = open_segments(make_subgoal, (0, 0, 0))
    stack[2] = stack[2]._replace(position=np.full(3, 8.5))
    higher = SegmentEnd.HIGHER_GOAL_REACHED
    assert segment_ends(stack, make_observation(step=4)) == {
        0: (higher, 2),
        1: (higher, 2),
        2: (SegmentEnd.ACHIEVED, 2),
    }
    assert segment_ends([None, *stack[1:]], make_observation(step=4)).keys() == {1, 2}, "it has ended before"


def test_every_level_sees_the_end_of_the_episode_and_a_new_task_goal_itself(make_subgoal, make_observation):
    stack = open_segments(make_subgoal, (0, 0, 0))
    for change, reason in (
        ({"terminated": True}, SegmentEnd.TERMINATED),
        ({"truncated": True}, SegmentEnd.TRUNCATED),
        ({"desired_goal": np.ones(2)}, SegmentEnd.PREEMPTED),
    ):
        ends = segment_ends(stack, make_observation(step=3, **change))
        assert ends == dict.fromkeys(range(3), (reason, 2))
    assert segment_ends(stack, make_observation(step=0, terminated=True)) == {}, "they begin with it"
