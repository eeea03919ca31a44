"""Commands given before, at the end of an observation: the newest ones as they were sent, in every environment."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.algorithms.actor_shapes import input_scales
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.task_fit import require_elements
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import TaskError
from hrl_core.networks.symmetry import worker_quarter_turn
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.given_commands import GivenCommands, with_observed_commands
from hrl_core.task.spec import Actuator, Element
from hrl_core.task.text import load_task, parse_task, shipped_tasks
from hrl_core.typed_fields import FieldError

ANT = load_task("ant_maze")
LATE = with_observed_commands(ANT, 2)
VARIED = "delay=0:0.26,loss=0.3,noise=0.01"
DRIVEN = [name for name in shipped_tasks() if not load_task(name).choices]


@given(st.integers(1, 4), st.lists(st.floats(-30, 30), max_size=9))
def test_the_newest_commands_are_observed_as_they_were_sent(steps, told):
    task = with_observed_commands(dataclasses.replace(ANT, action=ANT.action[:1]), steps)
    memory = GivenCommands(task)
    for number in told:
        memory.give(np.array([number]))
    newest = [*reversed(told), *[0.0] * steps][:steps]
    assert memory.observed.tolist() == newest
    other = GivenCommands(task)
    other.restore(memory.state())
    memory.begin()
    assert memory.observed.tolist() == [0.0] * steps
    assert other.observed.tolist() == newest


def test_at_first_every_actuator_was_told_what_is_nearest_to_zero():
    task = dataclasses.replace(ANT, action=(Actuator("a", "N", 2.0, 3.0), Actuator("b", "N", -1.0, 1.0)))
    assert GivenCommands(with_observed_commands(task, 1)).observed.tolist() == [2.0, 0.0]


def test_a_task_may_observe_some_of_them_in_any_order():
    more = [Element(name, "N m", "-") for name in ("ankle_1_command_3", "hip_4_command_1")]
    memory = GivenCommands(dataclasses.replace(ANT, observation=(*ANT.observation, *more)))
    for number in (10.0, 20.0, 30.0):
        memory.give(np.array([number + place for place in range(8)]))
    assert memory.observed.tolist() == [13.0, 30.0]


@pytest.mark.parametrize("name", DRIVEN)
@pytest.mark.parametrize("randomise", ["", VARIED])
def test_every_environment_tells_the_same_and_then_the_commands(name, randomise):
    """Late and lost ones too, as they were sent; a state goes on to the same bits."""
    task = dataclasses.replace(load_task(name), max_episode_steps=6)
    text = randomise.replace(",noise=0.01", f",noise.{task.observation[0].name}=0.01")
    text = text.replace("0.26", str(2.6 * task.control_period))
    plain, envs, other = (
        VectorEnv(spec, 2, seed=3, randomisation=parse_randomisation(text))
        for spec in (task, *[with_observed_commands(task, 2)] * 2)
    )
    actions = np.random.default_rng(0).uniform(task.action_low, task.action_high, (9, 2, len(task.action)))
    size = len(task.observation)
    rest = before = np.zeros_like(actions[0]).clip(task.action_low, task.action_high)
    for step, action in enumerate(actions):
        expected, taken = plain.step(action), envs.step(action)
        seen = taken.states
        np.testing.assert_array_equal(seen[:, :size], expected.states)
        np.testing.assert_array_equal(seen[:, size:], np.concatenate((action, before), 1))
        before = np.where(taken.ended[:, None], rest, action)
        np.testing.assert_array_equal(envs.states[:, :size], plain.states)
        if step == 3:
            other.load_state_dict(envs.state_dict())
        if step > 3:
            np.testing.assert_array_equal(other.step(action).states, seen)
    np.testing.assert_array_equal(VectorEnv(envs.spec, 1, seed=3).states[0, size:], np.tile(rest[0], 2))


def test_noise_is_on_what_is_measured_and_commands_are_not() -> None:
    """Whose actions are in rad/s, which noise without a name is on."""
    task = with_observed_commands(load_task("point_maze"), 1)
    noisy = parse_randomisation("noise=0.05").deviations(task)
    assert noisy[: task.told_by_environment].any()
    assert not noisy[task.told_by_environment :].any()
    with pytest.raises(TaskError, match=r"noise\.turn_command_1: 'point_maze_commands_1' observes no such element"):
        parse_randomisation("noise.turn_command_1=1").deviations(task)


def test_commands_turn_as_the_actions_do():
    turn = worker_quarter_turn(LATE, ("x", "y"))
    for ago in range(2):
        begin = 30 + 8 * ago
        told = turn.inputs[begin : begin + 8]
        assert [(source - begin, sign) for source, sign in told] == list(turn.outputs)


def test_the_symmetry_needs_the_commands_of_every_leg():
    some = dataclasses.replace(LATE, observation=(*ANT.observation, LATE.observation[30]))
    missing = "hip_3_command_1, ankle_1_command_1, ankle_2_command_1, ankle_3_command_1, ankle_4_command_1"
    with pytest.raises(TaskError, match=rf"{missing}, which this task .* --no_four_fold_symmetry"):
        require_elements(some, HiroConfig(four_fold_symmetry=True))
    require_elements(LATE, HiroConfig(four_fold_symmetry=True))


def test_commands_are_scaled_by_their_range():
    assert input_scales(LATE)[:30] == input_scales(ANT)
    assert input_scales(LATE)[30:] == (1 / 30,) * 16


def test_the_file_says_it_all():
    assert (LATE.name, len(LATE.observation), LATE.told_by_environment) == ("ant_maze_commands_2", 46, 30)
    assert LATE.observation[30] == Element("hip_4_command_1", "N m", "-")
    assert parse_task(LATE.to_yaml()) == LATE
    assert LATE.sha256 != ANT.sha256


@pytest.mark.parametrize(
    ("task", "steps", "problem"),
    [
        ("ant_maze", 0, "commands of 0 steps: must be 1 to 100"),
        ("ant_maze", 101, "commands of 101 steps: must be 1 to 100"),
        ("cart_pole", 1, "task 'cart_pole': its actions are numbers of choices"),
    ],
)
def test_impossible_commands_are_refused(task, steps, problem):
    with pytest.raises(TaskError, match=problem):
        with_observed_commands(load_task(task), steps)


def test_commands_are_added_once():
    with pytest.raises(TaskError, match="'ant_maze_commands_2' observes 16 commands already"):
        with_observed_commands(LATE, 1)


def test_commands_stand_behind_what_the_environment_tells():
    observation = (LATE.observation[30], *ANT.observation)
    with pytest.raises(FieldError, match="hip_4_command_1 is a command given before"):
        dataclasses.replace(ANT, observation=observation)


def test_an_element_that_only_sounds_so_is_the_environments():
    named = (*ANT.observation[:-1], Element("arm_command_1", "1", "-"))
    assert dataclasses.replace(ANT, observation=named).told_by_environment == 30
