"""Policies that come with it do what their pages say."""

import json
from pathlib import Path

import pytest

from hrl import cli
from hrl_core.checkpoints.checkpoint import load_checkpoint


@pytest.mark.parametrize(
    "name",
    [
        "hac_mountain_car_k3",
        "hac_hill_car",
        "hac_reacher_arm",
        "hac_push_point",
        "flat_fetch_reach",
        "fun_tmaze",
        "mlsh_ant_two_walks",
        "option_critic_four_rooms_point",
        "relay_fetch_pick_and_place",
        "snn4hrl_ant_field",
        "snn4hrl_point_maze_sparse",
    ],
)
def test_a_shipped_policy_does_what_its_page_says(capsys, name) -> None:
    require_page(capsys, name, episodes=10, success=0.9)


def test_a_policy_whose_page_says_nine_of_ten_does_so_over_many(capsys) -> None:
    require_page(capsys, "relay_push_point", episodes=200, success=0.85)


def test_the_policy_of_the_kitchen_brings_things_into_place(capsys) -> None:
    """Acceptance A7: 1.4 of 4 on average, over all five goals."""
    results = require_page(capsys, "relay_kitchen", episodes=2, success=0.0)
    assert sum(result["in_place"] for result in results) / len(results) >= 1.4


def require_page(capsys, name, episodes, success):
    """A policy succeeds at least so often, and its page tells where it comes from; what it does for each goal."""
    assert cli.main(["evaluate", "--checkpoint", name, "--episodes", str(episodes), "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["trained"]
    assert outcome["results"][0]["success_rate"] >= success
    folder = Path(outcome["policy"])
    page = (folder / "README.md").read_text()
    assert load_checkpoint(folder).git_commit in page
    assert f"docs/results/{name}_seed_0" in page
    return outcome["results"]
