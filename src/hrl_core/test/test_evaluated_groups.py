"""Evaluation of a task of several things: which were asked for, and which are in place in the end."""

import dataclasses

import numpy as np

from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import Outcomes, evaluate
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


def test_in_place_is_the_mean_over_episodes_whatever_each_of_them_asks_for():
    """The environment's own goals: four episodes ask for one thing each, another one for two; what is asked is done."""
    names, none = ("a", "b", "c", "d"), np.zeros(5, np.bool_)
    asked = {name: np.arange(5) == number for number, name in enumerate(names)}
    for name in names[:2]:
        asked[name] = asked[name] | (np.arange(5) == 4)
    everything = {name: those.copy() for name, those in asked.items()}
    (done,) = Outcomes(None, none, none, np.zeros(5), np.zeros(5), asked, everything).results()
    assert done.groups == dict.fromkeys(names, 1.0)
    np.testing.assert_allclose((done.in_place, done.asked_for), 6 / 5)
    # What was there before, and stays, is not counted.
    untouched = {name: ~those for name, those in asked.items()}
    (idle,) = Outcomes(None, none, none, np.zeros(5), np.zeros(5), asked, untouched).results()
    assert (idle.in_place, idle.asked_for) == (0.0, done.asked_for)


def test_where_all_episodes_ask_for_the_same_it_is_the_sum_of_the_shares():
    all_of_them, some = np.ones(3, np.bool_), np.array([True, False, False])
    asked, placed = {"a": all_of_them, "b": all_of_them}, {"a": some, "b": ~some}
    none, still = np.zeros(3, np.bool_), np.zeros(3)
    (result,) = Outcomes(None, none, none, still, still, asked, placed).results()
    assert result.in_place == sum(result.groups.values())
    assert result.asked_for == 2.0
