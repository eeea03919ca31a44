"""Laws of Lane Drive: kinematics against the plain world, what is seen, where obstacles stand."""

import numpy as np
import pytest

from hrl_core.lane_drive import (
    GRIP,
    LANE,
    LENGTH,
    NAMES,
    PERIOD,
    SCALES,
    STRAIGHT,
    LaneCars,
    Road,
    draw_road,
    draw_start,
    reward,
)

NOTHING, LEFT, RIGHT, ACCELERATE, BRAKE = range(5)


def road(curvature=0.0, crossing=None, obstacles=()):
    """A road of one curvature; ``crossing`` is (begin, end, command)."""
    plain = draw_road(np.random.default_rng(0), "none", ())
    begins, ends, commands = (np.full(8, 1e6) for _ in range(3))
    if crossing:
        begins[0], ends[0], commands[0] = crossing
    places, sides = np.full(16, 1e6), np.zeros(16)
    for k, (s, left) in enumerate(obstacles):
        places[k], sides[k] = s, left
    return Road(np.full_like(plain.curvature, curvature), begins, ends, commands, places, sides)


def car(on, s=0.0, d=0.0, heading=0.0, steering=0.0, v=0.0):
    cars = LaneCars(1)
    cars.place(0, on, (s, d, heading, steering, v))
    return cars


def seen(cars):
    return dict(zip(NAMES, (cars.observe()[0] / SCALES).tolist(), strict=True))


def test_actions_are_steering_towards_a_side_and_pedals():
    cars = car(road(), v=5.0)
    cars.advance(np.array([ACCELERATE]))
    assert cars.state[0, [0, 4]].tolist() == pytest.approx([0.53, 5.3])
    cars.advance(np.array([LEFT]))
    assert cars.state[0, 3:].tolist() == pytest.approx([0.15, 5.27])
    for _ in range(4):
        cars.advance(np.array([LEFT]))
    assert cars.state[0, 3] == pytest.approx(0.45)
    cars.advance(np.array([BRAKE]))
    assert cars.state[0, 3:].tolist() == pytest.approx([0.30, 5.15 - 0.6])


@pytest.mark.parametrize("curvature", [-1 / 18, 0.0, 1 / 25])
def test_coordinates_along_a_road_are_those_of_the_car_in_the_plain_world(curvature):
    """The same bicycle, integrated in x and y, is as far from the arc's centre as d says."""
    rng, cars = np.random.default_rng(1), car(road(curvature), d=1.0, v=4.0)
    x, y, yaw = 0.0, 1.0, 0.0
    for _ in range(40):
        action = int(rng.choice([NOTHING, LEFT, RIGHT, ACCELERATE], p=[0.4, 0.2, 0.2, 0.2]))
        before = cars.state[0].copy()
        cars.advance(np.array([action]))
        _, _, _, steering, v = cars.state[0]
        rate = np.clip(v * np.tan(steering) / 2.5, -GRIP / v, GRIP / v)
        x, y = x + v * np.cos(yaw) * PERIOD, y + v * np.sin(yaw) * PERIOD
        yaw += rate * PERIOD
        turned = cars.state[0, 2] + curvature * (cars.state[0, 0] - before[0]) - before[2]
        assert turned == pytest.approx(rate * PERIOD)
    d = (
        y
        if curvature == 0
        else (1 - np.sign(curvature) * np.hypot(curvature * x, curvature * y - 1) * np.sign(curvature)) / curvature
    )
    assert cars.state[0, 1] == pytest.approx(d, abs=0.35)
    assert abs(cars.state[0, 1] - 1.0) > 0.02


def test_a_corner_is_not_to_be_had_at_full_speed():
    cars = car(road(), v=12.0, steering=0.45)
    before = cars.state[0, 2]
    cars.advance(np.array([LEFT]))
    assert (cars.state[0, 2] - before) / PERIOD * cars.state[0, 4] == pytest.approx(GRIP)


@pytest.mark.parametrize(("where", "before", "after"), [("clear", 20, 32), ("anywhere", 14, 14)])
def test_obstacles_stand_as_far_from_intersections_as_is_said(where, before, after):
    rng, count = np.random.default_rng(0), 0
    for _ in range(200):
        drawn = draw_road(rng, where)
        for s in drawn.obstacles[drawn.obstacles < LENGTH + 64]:
            near = (drawn.begins - before < s) & (s < drawn.ends + after)
            assert not near.any()
            count += 1
        assert np.diff(np.sort(drawn.obstacles[drawn.obstacles < 1e5])).min(initial=30) >= 30
        gaps = drawn.begins[1:] - drawn.ends[:-1]
        assert all(70 <= gap <= 120 for gap in gaps[drawn.begins[1:] < 1e5])
    assert count > 200


def test_a_car_sees_the_command_from_40_m_and_not_the_way_through_an_intersection():
    on = road(0.05, crossing=(60.0, 73.0, STRAIGHT))
    far, near, within = (seen(car(on, s=s)) for s in (19.0, 21.0, 61.0))
    assert [far[n] for n in ("intersection", "inside", "straight")] == [40.0, 0.0, 0.0]
    assert [near[n] for n in ("intersection", "inside", "straight", "turn_left")] == [39.0, 0.0, 1.0, 0.0]
    assert [within[n] for n in ("intersection", "inside", "straight")] == [0.0, 1.0, 1.0]
    assert within["curvature_0"] == within["curvature_8"] == 0.0
    assert within["curvature_22"] == pytest.approx(0.05)
    assert seen(car(on, s=75.0))["inside"] == 0.0


def test_an_obstacle_is_seen_in_its_lane_until_it_lies_5_m_behind_and_hit_when_near():
    on = road(obstacles=[(50.0, 1.0)])
    for s, gap in ((9.0, 40.0), (20.0, 30.0), (54.0, -4.0), (56.0, 40.0)):
        told = seen(car(on, s=s))
        assert (told["gap_left"], told["seen_left"]) == (gap, float(11 < s + 1 and gap < 40))
        assert (told["gap_right"], told["seen_right"]) == (40.0, 0.0)
    for d, s, hit in ((LANE, 47.0, True), (-LANE, 47.0, False), (0.0, 47.0, True), (LANE, 45.0, False)):
        assert car(on, s=s, d=d).advance(np.array([NOTHING])).hit.tolist() == [hit]


def test_rewards_are_worked_out_by_hand():
    cars = car(road(), d=4.0, v=5.03)
    moved = cars.advance(np.array([NOTHING]))
    no, yes = np.array([False]), np.array([True])
    assert reward(moved, no, no)[0] == pytest.approx(0.2 * 0.5 - 0.1 - 0.15)
    assert reward(moved, yes, no)[0] == pytest.approx(5 - 0.15)
    assert reward(moved, no, yes)[0] == pytest.approx(-5 - 0.15)
    assert reward(moved, yes, yes)[0] == pytest.approx(-5 - 0.15), "who hits something has not arrived"


def test_cars_side_by_side_are_the_same_as_each_alone():
    rng, together = np.random.default_rng(2), LaneCars(5)
    alone = [LaneCars(1) for _ in range(5)]
    for k in range(5):
        drawn = draw_road(rng)
        start = draw_start(rng, drawn, anywhere=True)
        together.place(k, drawn, start)
        alone[k].place(0, drawn, start)
    for _ in range(100):
        actions = rng.integers(5, size=5)
        together.advance(actions)
        for k, one in enumerate(alone):
            one.advance(actions[k : k + 1])
            np.testing.assert_array_equal(together.state[k], one.state[0])
            np.testing.assert_array_equal(together.observe()[k], one.observe()[0])
