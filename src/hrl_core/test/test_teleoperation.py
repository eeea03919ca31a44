"""Axes and buttons as actions: where a control stands is where its element is, within its limits."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.demonstrations.teleoperation import PATIENCE, Control, Teleoperator, parse_controls
from hrl_core.errors import HrlError
from hrl_core.randomness import outside_a_run
from hrl_core.task.spec import Actuator, TaskSpec
from hrl_core.task.text import load_task

PUSH = load_task("push_point")
ARM = dataclasses.replace(
    PUSH, action=(Actuator("wrist", "rad", -2.0, 6.0), Actuator("fingers", "1", -1.0, 1.0), Actuator("lift", "m", 0, 1))
)


def acted(person: Teleoperator, task: TaskSpec) -> list[float]:
    choice = person.act(np.zeros(len(task.observation)), None, outside_a_run())  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(choice.intended, choice.value)
    task.check_action(choice.value)
    return choice.value.tolist()


def test_each_element_follows_its_control() -> None:
    person = Teleoperator(ARM, parse_controls("-1 b0 .", ARM), clock=lambda: 0.0)
    assert acted(person, ARM) == [2.0, 0.0, 0.5], "in the middle before the first word"
    person.take([0.3, -0.5], [1])
    assert acted(person, ARM) == [4.0, 1.0, 0.5]
    person.take([0.3, 1.0], [0])
    assert acted(person, ARM) == [-2.0, -1.0, 0.5]
    person.take([0.3], [])
    assert acted(person, ARM) == [2.0, 0.0, 0.5], "what the joystick does not have stands in the middle"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=4))
def test_whatever_a_joystick_says_the_action_is_within_its_limits(axes: list[float]) -> None:
    person = Teleoperator(ARM, parse_controls("0 1 2", ARM), clock=lambda: 0.0)
    person.take(axes, [])
    acted(person, ARM)


def test_a_joystick_that_says_nothing_is_let_go() -> None:
    now = [0.0]
    person = Teleoperator(PUSH, parse_controls("", PUSH), clock=lambda: now[0])
    person.take([1.0, -1.0], [])
    now[0] = PATIENCE
    assert acted(person, PUSH) == [1.0, -1.0]
    now[0] = PATIENCE + 0.01
    assert acted(person, PUSH) == [0.0, 0.0]


def test_controls_are_read_word_by_word() -> None:
    assert parse_controls("", PUSH) == (Control(0, False, 1.0), Control(1, False, 1.0))
    assert parse_controls("-0 b12", PUSH) == (Control(0, False, -1.0), Control(12, True, 1.0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0", "1 words; task 'push_point' wants 2, for ahead_x, ahead_y"),
        ("0 1 2", "3 words"),
        ("0 x1", "'x1' is none; say 0 (axis), -0 (reversed), b4 (button) or ."),
        ("0 1.5", "'1.5' is none"),
        ("0 --1", "'--1' is none"),
    ],
)
def test_controls_that_do_not_fit_are_refused(text: str, told: str) -> None:
    with pytest.raises(HrlError) as error:
        parse_controls(text, PUSH)
    assert told in str(error.value)


def test_choices_are_no_matter_of_a_joystick() -> None:
    with pytest.raises(HrlError, match="actions to choose from"):
        parse_controls("", load_task("grid_world"))
