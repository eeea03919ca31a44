"""A stage shows what its environment is: walls where nobody gets through, bodies where the task says they are."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hrl_core.envs.four_rooms_point import crosses_wall
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.spec import Element
from hrl_core.task.text import load_task
from hrl_viz.overlay import GOAL, TRAIL
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel
from hrl_viz.shapes import Shape, ShapeKind
from hrl_viz.stages import find_stage

ON_A_BOARD = ("grid_world", "four_rooms", "four_rooms_multi", "four_rooms_point")


def walls(model: SceneModel) -> list[Shape]:
    return [shape for shape in model.static_shapes() if shape.kind == ShapeKind.CUBE and shape.position[2] > 0]


def covered(x: float, y: float, boxes: list[Shape]) -> bool:
    """Whether the place (x, y) lies in one of the boxes."""
    return any(np.all(np.abs((x, y) - np.array(box.position[:2])) < np.array(box.scale[:2]) / 2) for box in boxes)


@pytest.mark.parametrize("task", ["grid_world", "four_rooms", "four_rooms_multi"])
def test_nobody_stands_in_a_wall_or_goes_through_one(task):
    spec, rng = load_task(task), np.random.default_rng(0)
    model, runner = SceneModel(spec), EnvRunner(spec, 0, Mode.EVAL)
    scene, boxes = Scene(spec, model, FLAT), walls(model)
    assert boxes
    for episode in range(3):
        told, path = runner.reset(episode), list[np.ndarray]()
        while not (told.terminated or told.truncated):
            scene.on_observation(told)
            path.append(np.array(scene.robot[:2]))
            told = runner.step(np.array([float(rng.integers(4))]))
        for x, y in (*path, *((a + b) / 2 for a, b in pairwise(path) if np.abs(a - b).sum() == 1)):
            assert not covered(x, y, boxes)


def test_the_points_walls_are_where_it_cannot_cross():
    boxes = walls(SceneModel(load_task("four_rooms_point")))
    for at in np.linspace(-3.9, 3.9, 156):
        for turned in (False, True):
            place, before, after = (np.array((at, y)[:: -1 if turned else 1]) for y in (0.0, -0.3, 0.3))
            assert covered(place[0], place[1], boxes) == crosses_wall(before, after)


def test_every_cell_of_a_map_is_free_or_a_wall():
    model, free = SceneModel(load_task("grid_world")), 0
    boxes = walls(model)
    for x in range(-1, 8):
        for y in range(-1, 8):
            free += not covered(x, y, boxes)
    assert (free, len(boxes)) == (40, 9 * 9 - 40)


@pytest.mark.parametrize("task", ON_A_BOARD)
def test_the_piece_stands_on_its_goal_where_that_is_reached(task):
    spec = load_task(task)
    model = SceneModel(spec)
    scene = Scene(spec, model, FLAT)
    told = EnvRunner(spec, 0, Mode.EVAL).reset(0)
    scene.on_observation(told._replace(desired_goal=told.achieved_goal))
    shapes = scene.shapes()
    foot = model.robot_shapes()[0].position[:2]
    goal = next(shape for shape in shapes if shape.group == GOAL).position[:2]
    assert foot == pytest.approx(goal)
    assert foot == pytest.approx(scene.robot[:2])


@pytest.mark.parametrize(
    ("task", "state", "tip"),
    [
        ("cart_pole", (1.5, 0.0, 0.3, 0.0), (1.5 + math.sin(0.3), math.cos(0.3))),
        ("cart_pole_swing_up", (math.cos(2.0), math.sin(2.0), 0.0, -1.0, 0.0), (-1.0 + math.sin(2.0), math.cos(2.0))),
        ("pendulum", (math.cos(-2.0), math.sin(-2.0), 0.0), (math.sin(2.0), math.cos(2.0))),
    ],
)
def test_a_rod_points_where_its_angle_says(task, state, tip):
    """The side it leans to is that of the environment's equations: positive angles along x, the pendulum's against."""
    model = SceneModel(load_task(task))
    model.take(np.array(state), {}, {})
    balls = [shape.position for shape in model.robot_shapes() if shape.kind == ShapeKind.SPHERE]
    assert min(math.dist((x, z), tip) for x, _, z in balls) < 1e-6


def test_a_cart_is_where_it_is_told_to_be():
    model = SceneModel(load_task("cart_pole"))
    model.take(np.array((-2.0, 0.0, 1.0, 0.0)), {}, {})
    (cart,) = (shape for shape in model.robot_shapes() if shape.kind == ShapeKind.CUBE)
    assert cart.position == pytest.approx((-2.0, 0.0, 0.0))
    assert model.height == 0.0, "that of the cart, whichever way the pole leans"


def test_whose_names_do_not_tell_what_moves_has_no_stage():
    spec = load_task("cart_pole")
    unnamed = tuple(Element(f"observation_{k}", "1", "-") for k in range(4))
    assert not SceneModel(spec).empty
    assert SceneModel(replace(spec, observation=unnamed)).empty


def test_a_stage_is_the_environments_whatever_module_registers_it():
    assert find_stage("gymnasium:CartPole-v1") is not None
    assert find_stage("CartPole-v99") is None


def test_what_tells_no_place_leaves_no_path():
    spec = load_task("pendulum")
    scene, runner = Scene(spec, SceneModel(spec), FLAT), EnvRunner(spec, 0, Mode.EVAL)
    scene.on_observation(runner.reset(0))
    for _ in range(20):
        scene.on_observation(runner.step(np.zeros(1)))
    assert not len(next(shape for shape in scene.shapes() if shape.group == TRAIL).points)
