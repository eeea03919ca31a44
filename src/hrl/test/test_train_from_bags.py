"""``hrl train --from-bags``: which of its policies it calls the best."""

import dataclasses

from hrl.train_from_bags_command import _score
from hrl_core.task import load_task


def test_the_best_policy_is_chosen_by_success_at_the_first_goal() -> None:
    row = {
        "env_steps": 9,
        "live/success_rate": 0.9,
        "evaluation/0_8/success_rate": 0.25,
        "evaluation/0_8/return": -1.0,
        "evaluation/8_0/success_rate": 1.0,
    }
    assert _score(load_task("point_maze"), row) == 0.25


def test_where_the_task_draws_its_own_goals_it_is_chosen_by_the_return() -> None:
    spec = dataclasses.replace(load_task("point_maze"), evaluation_goals=())
    row = {"evaluation/own_goals/success_rate": 0.5, "evaluation/own_goals/return": -7.0}
    assert _score(spec, row) == -7.0
