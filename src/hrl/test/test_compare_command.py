import json
import sys
from pathlib import Path

import pytest

from hrl import cli
from hrl.commands import compare
from hrl.comparison import runs
from hrl.comparison.matches import MATCHES, Match
from hrl.comparison.outcome import Course, Score, outcome_path, settings_of
from hrl_core.errors import HrlError

MATCH = MATCHES["pendulum_sac"]


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """Names of the runs that are made; each leaves its seed as its return."""
    names: list[str] = []

    def training(side: str):
        def train(match: Match, seed: int, course: Course) -> None:
            names.append(f"{match.name} {side} {seed}")
            course.ended(match.steps, 10.0, lambda episodes, first_seed: Score(float(seed), 0.0))

        return train

    monkeypatch.setattr(runs, "TRAINING", {side: training(side) for side in runs.SIDES})
    monkeypatch.setattr(compare, "require_what_they_need", lambda left: None)
    return names


def flat(folder: Path, *words: str) -> int:
    return cli.main(["compare", "flat", "--out", str(folder), *words])


def test_every_run_of_a_match_leaves_a_file_and_the_table_stands_at_the_end(made, tmp_path: Path, capsys) -> None:
    assert flat(tmp_path, "--only", MATCH.name, "--seeds", "2") == 0
    assert made == [f"{MATCH.name} {side} {seed}" for seed in (0, 1) for side in ("ours", "sb3")]
    told = capsys.readouterr()
    assert "0.50 ± 0.71" in told.out
    assert "yes" in told.out
    assert "pendulum_sac, sb3, seed 1, 20000 steps: episode return 1" in told.err
    document = json.loads((tmp_path / MATCH.name / "sb3_seed_1.json").read_text())
    assert (document["episode_return"], document["env_steps"], document["cpu_seconds"]) == (1.0, 20_000, 10.0)
    assert document["settings"] == settings_of(MATCH)
    assert document["curve"] == [{"env_steps": 20_000, "episode_return": 1.0, "success_rate": 0.0}]


def test_what_has_left_a_file_is_not_made_again(made, tmp_path: Path) -> None:
    words = ("--only", MATCH.name, "--seeds", "2")
    flat(tmp_path, *words)
    outcome_path(tmp_path, MATCH, "ours", 1).unlink()
    made.clear()
    assert flat(tmp_path, *words) == 0
    assert made == [f"{MATCH.name} ours 1"]
    assert flat(tmp_path, *words, "--seeds", "3", "--side", "sb3") == 0
    assert made[1:] == [f"{MATCH.name} sb3 2"]


def test_a_run_that_is_stopped_leaves_nothing_and_is_made_the_next_time(made, tmp_path: Path, monkeypatch) -> None:
    def stopped(match: Match, seed: int, course: Course) -> None:
        raise KeyboardInterrupt

    whole = dict(runs.TRAINING)
    monkeypatch.setattr(runs, "TRAINING", whole | {"sb3": stopped})
    assert flat(tmp_path, "--only", MATCH.name) == cli.INTERRUPTED
    assert [path.name for path in (tmp_path / MATCH.name).iterdir()] == ["ours_seed_0.json"]
    monkeypatch.setattr(runs, "TRAINING", whole)
    made.clear()
    assert flat(tmp_path, "--only", MATCH.name, "--seeds", "1") == 0
    assert made == [f"{MATCH.name} sb3 0"]


def test_a_run_that_fails_is_told_and_the_others_are_made(made, tmp_path: Path, monkeypatch, capsys) -> None:
    def failing(match: Match, seed: int, course: Course) -> None:
        raise HrlError("losses diverge")

    monkeypatch.setattr(runs, "TRAINING", {**runs.TRAINING, "ours": failing})
    assert flat(tmp_path, "--only", MATCH.name, "--seeds", "1") == 1
    assert made == [f"{MATCH.name} sb3 0"]
    assert "hrl: pendulum_sac, ours, seed 0: losses diverge" in capsys.readouterr().err


def test_only_the_table_trains_nothing(made, tmp_path: Path, capsys) -> None:
    assert flat(tmp_path, "--table") == 0
    assert made == []
    assert "ant_sac" in capsys.readouterr().out


def test_files_of_other_settings_are_refused_not_mixed(made, tmp_path: Path, capsys) -> None:
    flat(tmp_path, "--only", MATCH.name)
    path = outcome_path(tmp_path, MATCH, "sb3", 0)
    document = json.loads(path.read_text())
    document["settings"]["settings"]["lr"] = 1.0
    path.write_text(json.dumps(document))
    made.clear()
    assert flat(tmp_path, "--only", MATCH.name) == 2
    assert "was made with other settings" in capsys.readouterr().err
    path.write_text(path.read_text()[:100])
    assert flat(tmp_path, "--table") == 2
    assert "is no outcome of a run" in capsys.readouterr().err
    assert made == []


def test_a_wrong_match_names_the_closest(tmp_path: Path, capsys) -> None:
    assert flat(tmp_path, "--only", "pendulum_sca") == 2
    assert "did you mean pendulum_sac?" in capsys.readouterr().err


def test_without_their_library_nothing_is_trained(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    assert flat(tmp_path, "--only", MATCH.name) == 2
    told = capsys.readouterr().err
    assert "pip install stable-baselines3" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--seeds", "0"), "--seeds 0: must be 1 or more"),
        (("--table", "--out", "nowhere"), "there is no folder nowhere"),
        (("--out", "/dev/null/folder"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], problem: str, made, tmp_path: Path, capsys) -> None:
    assert flat(tmp_path, *words) == 2
    assert problem in capsys.readouterr().err
    assert made == []
