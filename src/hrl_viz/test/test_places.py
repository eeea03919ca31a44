"""A position is found by the names of the elements, wherever it stands among them."""

import numpy as np
import pytest

from hrl_core.task.spec import Element
from hrl_core.task.text import load_task
from hrl_viz.places import Place, TaskPlaces

VECTOR = np.arange(5.0)


def lengths(*names: str) -> list[Element]:
    return [Element(name, "m", "odom") for name in names]


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("a", "x", "y", "z", "b"), (1.0, 2.0, 3.0)),
        (("y", "a", "b", "c", "x"), (4.0, 0.0, 9.0)),
        (("a", "block_x", "b", "block_y", "c"), (1.0, 3.0, 9.0)),
        (("x", "vx", "a", "b", "c"), (0.0, 0.0, 9.0)),
        (("x", "z", "a", "b", "c"), (0.0, 0.0, 1.0)),
        # A pair goes before a lone x, the robot's own before that of a thing.
        (("x", "tip_x", "tip_y", "a", "b"), (1.0, 2.0, 9.0)),
        (("cup_x", "cup_y", "a", "ee_x", "ee_y"), (3.0, 4.0, 9.0)),
        # A map's rows are counted southwards.
        (("row", "column", "a", "b", "c"), (1.0, 0.0, 9.0)),
        (("a", "b", "c", "column", "row"), (3.0, -4.0, 9.0)),
        (("column", "row", "x", "b", "c"), (2.0, 0.0, 9.0)),
    ],
)
def test_it_is_found(names, place):
    assert Place(lengths(*names)).of(VECTOR, height=9.0) == place


@pytest.mark.parametrize(
    ("names", "prefix"),
    [(("pan", "lift", "vx"), None), (("qx", "qy"), None), (("x", "y"), "tip_"), (("x",), "tip_"), (("row",), None)],
)
def test_where_there_is_none_it_is_said(names, prefix):
    assert not Place(lengths(*names), prefix).exists


def test_what_is_no_length_is_no_place():
    assert not Place([Element(name, "rad", "odom") for name in ("hip_x", "hip_y")]).exists


@pytest.mark.parametrize(("task", "prefix"), [("kitchen", "ee_"), ("movement_bandits", ""), ("fetch_push", "grip_")])
def test_the_robot_is_where_it_is_itself(task, prefix):
    robot = TaskPlaces(load_task(task)).robot
    assert robot.exists
    assert robot.prefix == prefix


def test_a_robot_that_tells_no_position_has_none():
    assert not TaskPlaces(load_task("ant")).robot.exists
