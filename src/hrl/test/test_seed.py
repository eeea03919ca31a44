"""A seed that one command takes, every command takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl.cli import main
from hrl.seed import read_seeds, tell_seeds
from hrl_core.errors import HrlError
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


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0:5", (0, 1, 2, 3, 4)),
        ("7", (7,)),
        ("3,1", (3, 1)),
        ("0:2,10", (0, 1, 10)),
        (f"{MOST_SEED}", (MOST_SEED,)),
    ],
)
def test_several_seeds_are_read(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "5:5", "5:2", "-1:2", "0:1.5", "one", "1,,2", "0:5,4", f"0:{MOST_SEED}", ":5"])
def test_what_are_no_several_seeds_is_refused(text):
    with pytest.raises(HrlError, match=r"^--seeds"):
        read_seeds(text)


@given(st.lists(st.integers(0, MOST_SEED), min_size=1, max_size=6, unique=True))
def test_seeds_are_told_as_they_are_read(seeds):
    assert read_seeds(tell_seeds(seeds)) == tuple(seeds)


@given(st.integers(0, MOST_SEED - 50), st.integers(1, 50))
def test_seeds_in_a_row_are_told_in_short(first, count):
    told = tell_seeds(range(first, first + count))
    assert read_seeds(told) == tuple(range(first, first + count))
    assert count == 1 or told == f"{first}:{first + count}"
