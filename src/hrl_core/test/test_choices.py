"""Actions to choose from: the task names them, the message holds the number, the environment gets its own kind."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms import ALGORITHMS, learner_module, presets
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import CheckpointError, InvalidDataError, TaskError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT, hierarchy_of
from hrl_core.messages import Mode
from hrl_core.task.text import SHIPPED, load_task, parse_task

TEXT = (SHIPPED / "grid_world.yaml").read_text()
TASK = load_task("grid_world")


def test_they_are_part_of_the_task_and_of_no_other_task_s_hash():
    assert TASK.choices == ("north", "east", "south", "west")
    assert parse_task(TASK.to_yaml()) == TASK
    other = dataclasses.replace(TASK.action[0], choices=("north", "west", "south", "east"))
    assert dataclasses.replace(TASK, action=(other,)).sha256 != TASK.sha256
    assert "choices" not in load_task("AntMaze").to_yaml()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("high: 3", "high: 4", r"action\[0\].choices: 4 choices are numbered 0 to 3, as low and high must be"),
        ("south", "east", r"action\[0\].choices\[2\]: 'east' is there twice"),
        (
            "goal:\n",
            "  - {name: more, unit: m, low: 0, high: 1}\ngoal:\n",
            "action: must be a single element where",
        ),
    ],
)
def test_a_mistake_is_refused_by_field(old, new, message):
    with pytest.raises(TaskError, match=message):
        parse_task(TEXT.replace(old, new, 1), "grid_world.yaml")


@pytest.mark.parametrize("number", [-1.0, 0.5, 4.0])
def test_a_number_that_is_no_choice_is_refused_with_those_that_are(number):
    with pytest.raises(InvalidDataError, match=r"0 \(north\), 1 \(east\), 2 \(south\), 3 \(west\), got"):
        TASK.check_action(np.array([number]))
    for allowed in range(4):
        TASK.check_action(np.array([float(allowed)]))


def test_the_environment_gets_the_number():
    env = GoalEnvironment(TASK)
    env.reset(seed=1)
    env.restore(np.array([0.0, 1.0, 6.0, 6.0]))
    for _ in range(8):
        state = env.step(np.array([1.0])).state
    assert state.tolist() == [6.0, 1.0]


@pytest.mark.parametrize("wrong", [[[0.5], [0.0]], [[0.1, 0.2, 0.9, 0.3]] * 2])
def test_copies_are_not_led_by_what_is_no_choice(wrong):
    with pytest.raises(InvalidDataError, match=r"has the choices 0 \(north\)|needs 1 numbers, got shape \(4,\)"):
        VectorEnv(TASK, 2, seed=0).step(np.array(wrong))


def test_task_and_environment_that_differ_are_refused():
    with pytest.raises(TaskError, match="action is a vector, hrl/GridWorld-v0 has 4 actions to choose from"):
        GoalEnvironment(dataclasses.replace(TASK, action=(dataclasses.replace(TASK.action[0], choices=()),)))


@pytest.mark.parametrize("hierarchy", [FLAT, hierarchy_of(TASK)], ids=["flat", "two levels"])
@pytest.mark.parametrize("evaluation", ["greedy", "sampled"])
@pytest.mark.parametrize("mode", [Mode.TRAIN, Mode.EVAL])
def test_a_policy_chooses_is_kept_and_chooses_the_same(tmp_path, hierarchy, evaluation, mode):
    policy = dataclasses.replace(random_checkpoint(TASK, 0, hierarchy=hierarchy), evaluation=evaluation)
    save_checkpoint(policy, tmp_path / "policy")
    traces = [
        rollout(EnvRunner(TASK, seed=0, mode=mode), each.stack(seed=5), episode=2)
        for each in (policy, load_checkpoint(tmp_path / "policy"))
    ]
    chosen = [[float(action.value[0]) for action in trace.actions] for trace in traces]
    assert chosen[0] == chosen[1]
    assert {*chosen[0]} <= {0.0, 1.0, 2.0, 3.0}
    drawn = mode == Mode.TRAIN or evaluation == "sampled"
    assert all(np.isfinite(action.log_probability) == drawn for action in traces[0].actions)


def test_a_network_that_says_vectors_is_refused():
    policy = random_checkpoint(TASK, 0, hierarchy=FLAT)
    vectors = dataclasses.replace(policy.actors["worker"], head="tanh")
    with pytest.raises(CheckpointError, match=r"worker actor has the head 'tanh', .* 'categorical'"):
        dataclasses.replace(policy, actors={"worker": vectors}).worker()


LEARN_CHOICES = ("fun", "mlsh", "option_critic", "snn4hrl", "tree")


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name not in LEARN_CHOICES])
def test_an_algorithm_that_learns_vectors_refuses_in_a_sentence(algorithm):
    config = next(iter(presets(algorithm).values()))
    with pytest.raises(
        TaskError, match=f"algorithm '{algorithm}' learns actions that are vectors; task 'grid_world' has"
    ):
        learner_module(algorithm).hierarchy(TASK, config.agent)
