"""``hrl train --algorithm hac``: from the command to a policy that is evaluated and rolled out."""

import json

import pytest

from hrl import cli
from hrl_core.checkpoints.checkpoint import load_checkpoint

SMALL = ["--steps", "700", "--ddpg.hidden", "8", "8", "--updates_per_episode", "2", "--evaluation_interval", "350"]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_one_number_says_how_many_levels_there_are(tmp_path, capsys, levels) -> None:
    run = str(tmp_path / "run")
    words = ["--algorithm", "hac", "--task", "mountain_car", "--levels", str(levels), "--seed", "3", *SMALL]
    assert cli.main(["train", *words, "--evaluation_episodes", "2", "--out", run]) == 0
    assert list(load_checkpoint(tmp_path / "run" / "best").actors) == ["worker", "manager", "manager_2"][:levels]
    capsys.readouterr()
    assert cli.main(["evaluate", "--checkpoint", run, "--episodes", "2", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["goal"] == [0.48, 0.04]
    assert cli.main(["rollout", "--policy", run, "--episodes", "1", "--json"]) == 0
    assert cli.main(["train", "--resume", run, *words, "--evaluation_episodes", "2"]) == 0
    assert "nothing is left to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--algorithm", "hac", "--task", "mountain_car", "--levels", "0"], "levels: at least 1"),
        (["--algorithm", "hac", "--task", "ant_maze"], "hac does not know what a subgoal is on task 'ant_maze'"),
        (["--task", "mountain_car", "--levels", "2"], "unknown switch '--levels'"),
        (["--algorithm", "hac", "--learner", "td3"], "unknown learner 'td3'"),
        (["--algorithm", "hac", "--learner", "sac", "--preset", "paper"], "unknown preset 'paper'"),
        (["--algorithm", "hac", "--task", "mountain_car", "--levels", "1", "--shadow"], "shadow: needs a hierarchy"),
        (["--algorithm", "hac", "--ddpg.critic", "cubic"], "critic must be one of linear, sigmoid, got 'cubic'"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_written(tmp_path, capsys, words, message) -> None:
    assert cli.main(["train", *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_the_switches_of_runs_on_recordings_do_not_get_in_the_way(tmp_path, capsys) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert cli.main(["train", "--algorithm", "hac", "--from-bags", nowhere, "--out", str(tmp_path / "run")]) == 2
    assert "nowhere" in capsys.readouterr().err
