"""A seed that one command takes, every command takes."""

import pytest

from hrl.cli import main
from hrl_core.randomness import MOST_SEED

COMMANDS = [
    ("policy", "init", "--task", "point_maze", "--out", "x"),
    ("policy", "export", "x", "--out", "y"),
    ("rollout",),
    ("evaluate", "--checkpoint", "x"),
    ("video", "--checkpoint", "x", "--out", "x.gif"),
    ("relabel", "x", "--checkpoint", "x", "--out", "y"),
    ("train", "--task", "point_maze", "--out", "x"),
    ("train", "--from-bags", "x", "--out", "y"),
    ("launch", "hiro_ant.launch.py"),
    ("launch", "hiro_train.launch.py"),
    ("launch", "fake_robot.launch.py"),
]


@pytest.mark.parametrize("seed", ["-1", str(MOST_SEED + 1), "1.5", "one"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_seed_has_the_same_range(words, seed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [f"seed:={seed}"] if words[0] == "launch" else ["--seed", seed]
    try:
        code = main([*words, *given])
    except SystemExit as left:
        code = left.code
    told = "".join(capsys.readouterr())
    assert code == 2
    assert "seed" in told
    assert any(word in told for word in (str(MOST_SEED), "whole number", "integer"))
    assert not list(tmp_path.iterdir())


def test_the_greatest_seed_makes_a_policy_that_rolls_out(tmp_path, capsys):
    folder = str(tmp_path / "policy")
    assert main(["policy", "init", "--task", "point_maze", "--out", folder, "--seed", str(MOST_SEED)]) == 0
    assert main(["rollout", "--policy", folder, "--seed", str(MOST_SEED), "--json"]) == 0
    assert '"episodes": 1' in capsys.readouterr().out
