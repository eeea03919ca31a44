"""Evaluation of a task of several things: which were asked for, and which are in place in the end."""

import dataclasses

import numpy as np

from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import evaluate
from hrl_core.training.scores import evaluation_metrics, headline_score

MAZE = load_task("PointMaze")
TASK = dataclasses.replace(
    MAZE, max_episode_steps=20, success=SuccessRule(1.0, "m", groups={"along": ("x",), "across": ("y",)})
)


def resting(states, goals):
    del goals
    return np.zeros((len(states), len(TASK.action)), np.float32)


def test_what_is_in_place_already_is_not_asked_for():
    """A point that rests at the origin: a goal along x alone asks for x; y is in place all the time."""
    goals = [(8.0, 0.0), (8.0, 8.0), (0.0, 0.0)]
    envs = VectorEnv(TASK, 3, 0, goals=goals)
    along, both, none = evaluate(TASK, FLAT, envs, None, resting)
    assert along.groups == {"along": 0.0}
    assert both.groups == {"along": 0.0, "across": 0.0}
    assert none.groups == {}
    assert (along.success_rate, none.success_rate) == (0.0, 1.0)
    assert along.in_place == 0.0


def test_what_was_brought_into_place_is_counted_and_chooses_the_best_policy():
    def along(states, goals):
        actions = np.zeros((len(states), len(TASK.action)), np.float32)
        actions[:, 0] = np.sign(goals[:, 0] - states[:, 0])
        return actions

    task = dataclasses.replace(TASK, max_episode_steps=200)
    envs = VectorEnv(task, 2, 0, goals=[(4.0, 0.0), (4.0, 8.0)])
    results = evaluate(task, FLAT, envs, None, along)
    assert results[1].groups == {"along": 1.0, "across": 0.0}
    assert [result.in_place for result in results] == [1.0, 1.0]
    assert [result.success_rate for result in results] == [1.0, 0.0]
    assert headline_score(task, results) == 1.0
    assert evaluation_metrics(results[1])["evaluation/along+across/in_place"] == 1.0
