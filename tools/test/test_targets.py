"""Whom a campaign injures, and what it expects, follows from the hierarchy of its policy."""

import pytest
from aftermath import POLICY, hierarchy_of_policy
from targets import Targets, groups

from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec

LEVEL = LevelSpec("here", elements={"x": (0.0, 1.0)}, horizon=10)
HIGHER = LevelSpec("there", elements={"x": (0.0, 1.0)}, horizon=3, unit="attempts")


@pytest.mark.parametrize(
    ("hierarchy", "killed"),
    [
        (FLAT, [("worker",)]),
        (HierarchySpec((LEVEL,)), [("worker",), ("manager",), ("worker", "manager")]),
        (
            HierarchySpec((LEVEL, HIGHER)),
            [("worker",), ("manager",), ("manager_2",), ("worker", "manager", "manager_2")],
        ),
    ],
)
def test_all_who_act_are_killed_each_alone_and_at_once(hierarchy, killed):
    assert groups(hierarchy) == killed
    assert set(Targets(hierarchy, 0.02).recoverable) == {*hierarchy.parties, "fake_robot"}


def test_the_higher_a_manager_the_longer_its_subgoal_outlives_it():
    bounds = Targets(HierarchySpec((LEVEL, HIGHER)), 0.02).bounds
    assert bounds["manager"] == pytest.approx(0.65)
    assert bounds["manager_2"] == pytest.approx(0.65 + 20 * 0.02)


def test_a_campaign_that_is_told_no_policy_injures_those_of_a_shipped_one():
    assert hierarchy_of_policy(POLICY).parties == ("worker", "manager")
