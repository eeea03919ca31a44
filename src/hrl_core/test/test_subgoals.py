"""What a subgoal means between two decisions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.segments import OpenSegment, segment_end, segment_ends
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.hierarchy.subgoals import (
    achieved,
    assignment,
    carried_subgoal,
    check_subgoal,
    intrinsic_reward,
    subgoal_target,
)
from hrl_core.messages import HorizonUnit, SegmentEnd, SubgoalKind
from hrl_core.task.text import load_task
from hrl_core.typed_fields import FieldError

vectors = arrays(np.float64, 3, elements=st.floats(-50, 50, width=32))


@given(anchor=vectors, value=vectors, position=vectors)
def test_carried_relative_subgoal_keeps_its_absolute_target(make_subgoal, anchor, value, position):
    subgoal = make_subgoal(anchor=anchor, value=value)
    carried = carried_subgoal(subgoal, position)
    assert carried.dtype == np.float32
    np.testing.assert_allclose(position + carried, anchor + value, atol=1e-4)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_a_range_of_subgoals_is_a_multiple_of_the_tasks(factor):
    task = load_task("ant_maze")
    (whole,), (level,) = (hierarchy_of(task, "smallest", subgoal_range=f).levels for f in (1.0, factor))
    assert whole.elements == task.goal_spaces[whole.space]
    assert level.elements == {name: (factor * low, factor * high) for name, (low, high) in whole.elements.items()}
    assert replace(level, elements=whole.elements) == whole


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
    horizon = SegmentEnd.HORIZON
    assert ends((0, 1, 0), 10) == {0: (horizon, 1), 1: (horizon, 1)}
    assert ends((0, 1, 2), 10) == dict.fromkeys(range(3), (horizon, 2))


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


@given(
    levels=st.lists(
        st.fixed_dictionaries(
            {
                "near": st.booleans(),
                "horizon": st.integers(1, 3),
                "unit": st.sampled_from(HorizonUnit),
                "used": st.integers(0, 2),
            }
        ),
        min_size=1,
        max_size=4,
    ),
    step=st.integers(1, 3),
    wish=st.booleans(),
)
def test_laws_of_the_ends_of_a_stack(make_subgoal, make_observation, levels, step, wish):
    """Of the specification's: who ends takes along all below, and says why in the order of strength."""
    stack = [
        OpenSegment(
            make_subgoal(
                level=k,
                horizon=level["horizon"],
                horizon_unit=level["unit"],
                tolerance=np.ones(3),
                end_when_achieved=True,
            ),
            np.zeros(3) if level["near"] else np.full(3, 5.0),
            level["used"],
            terminated=wish and k == 0,
        )
        for k, level in enumerate(levels)
    ]
    ends = segment_ends(stack, make_observation(step=step))
    assert list(ends) == list(range(len(ends))), "none below one that ends goes on"
    assert {end.level for end in ends.values()} <= {len(ends) - 1}
    met = [k for k, level in enumerate(levels) if level["near"]]
    assert len(ends) > max(met, default=-1), "what is achieved ends"
    by_itself = False
    for k, end in ends.items():
        own = levels[k]
        counts = own["unit"] == HorizonUnit.ATTEMPTS and k > 0
        up = own["horizon"] <= (own["used"] + by_itself if counts else step)
        by_itself = k in met or up or (wish and k == 0)
        if k in met:
            assert end.reason == SegmentEnd.ACHIEVED
        elif any(higher > k for higher in met) or not by_itself:
            assert end.reason == SegmentEnd.HIGHER_GOAL_REACHED
        else:
            assert end.reason == (SegmentEnd.HORIZON if up else SegmentEnd.WORKER_TERMINATED)
    assert by_itself or not ends, "the highest of them has a reason of its own"


def test_a_skill_is_handed_on_by_its_number_and_a_direction_as_it_is(make_subgoal):
    skill = make_subgoal(kind=SubgoalKind.SKILL, skill_id=2, num_skills=3, value=np.empty(0))
    asked = assignment(skill, np.ones(3))
    assert (asked.skill, asked.vector.size) == (2, 0)
    where = np.array([0.6, 0.0, 0.8])
    direction = make_subgoal(kind=SubgoalKind.DIRECTION, value=where, anchor=np.ones(3))
    assert assignment(direction, np.full(3, 7.0)).vector.tolist() == where.astype(np.float32).tolist()
    for neither in (skill, direction):
        assert intrinsic_reward(neither, np.ones(3)) == 0.0
        assert not achieved(neither._replace(tolerance=np.full(3, 9.0)), where)


TASK = load_task("PointMaze")
SKILLS = LevelSpec("gait", "skill", skills=("left", "right"))
HERE = LevelSpec("here", "direction", {"x": (-1.0, 1.0), "y": (-1.0, 1.0)})
LATENT = LevelSpec("latent", "direction", size=2)


def test_subgoals_of_every_kind_are_followed_by_a_level_of_that_kind_alone(make_subgoal):
    skill = make_subgoal(kind=SubgoalKind.SKILL, skill_id=1, num_skills=2, value=np.empty(0), anchor=np.empty(0))
    unit = make_subgoal(kind=SubgoalKind.DIRECTION, value=np.array([0.6, -0.8]), anchor=np.zeros(2))
    latent = unit._replace(anchor=np.empty(0))
    for level, good in ((SKILLS, skill), (HERE, unit), (LATENT, latent)):
        check_subgoal(GoalSpace(TASK, level), good)
    for level, bad, problem in (
        (SKILLS, skill._replace(skill_id=2), r"skill_id: 2; the skills of this level are 0 \(left\), 1 \(right\)"),
        (SKILLS, skill._replace(skill_id=-1), "skill_id: -1"),
        (SKILLS, skill._replace(num_skills=3), "num_skills: 3; this level has 2"),
        (SKILLS, skill._replace(value=np.zeros(1)), "subgoal value"),
        (SKILLS, unit, r"kind 3; this level's is 4 \(skill\)"),
        (HERE, skill, r"kind 4; this level's is 3 \(direction\)"),
        (HERE, unit._replace(value=np.ones(2)), "a direction of length 1.41421, it must be 1"),
        (HERE, latent, "subgoal anchor"),
        (LATENT, latent._replace(value=np.ones(3)), "subgoal value"),
        (LATENT, latent._replace(value=np.array([np.nan, 1.0])), r"non-finite latent\[0\]=nan"),
    ):
        with pytest.raises(InvalidDataError, match=problem):
            check_subgoal(GoalSpace(TASK, level), bad)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "skill"}, r"skills.*must name at least one skill"),
        ({"kind": "skill", "skills": ("a", "a")}, r"skills.*each once"),
        ({"kind": "skill", "skills": ("a",), "elements": {"x": (0.0, 1.0)}}, r"elements.*must be empty"),
        ({"kind": "skill", "skills": ("a",), "size": 3}, r"size.*must be empty"),
        ({"kind": "relative", "skills": ("a",), "elements": {"x": (0.0, 1.0)}}, r"skills.*must be empty"),
        ({"kind": "absolute", "size": 3}, r"size.*is for directions and relative subgoals without elements"),
        ({"kind": "relative", "size": 3, "elements": {"x": (0.0, 1.0)}}, r"size.*without elements"),
        ({"kind": "relative", "size": 3, "tolerance": (1.0,)}, r"tolerance.*must be a list of 0"),
        ({"kind": "direction"}, r"elements.*at least one element"),
        ({"kind": "direction", "elements": {"x": (0.0, 1.0)}, "tolerance": (1.0,)}, r"tolerance.*no target"),
        ({"kind": "direction", "size": 2, "horizon": 0}, r"horizon.*must be 1 or more"),
    ],
)
def test_a_level_that_contradicts_its_kind_is_refused_by_field(change, problem):
    with pytest.raises(FieldError, match=problem):
        LevelSpec("there", **change)


@pytest.mark.parametrize(
    ("levels", "problem"),
    [
        ((HERE, replace(SKILLS, worker_may_terminate=True)), r"levels\[1\].worker_may_terminate"),
        ((replace(LATENT, cadence="every_step"), HERE), r"levels\[0\].cadence"),
    ],
)
def test_what_only_the_lowest_or_the_topmost_level_can_have_is_refused_elsewhere(levels, problem):
    with pytest.raises(FieldError, match=problem):
        HierarchySpec(levels)


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
