"""``hrl task new``: a specification that fits the environment; what only its author knows is left to him."""

import shlex
import shutil
from pathlib import Path

import pytest

from hrl import cli
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task

TWO_LINK = Path(__file__).parents[2] / "hrl_core" / "test" / "two_link.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with the module of an environment."""
    shutil.copy(TWO_LINK, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_written_task_fits_its_environment_and_says_what_was_seen(folder: Path, capsys) -> None:
    out = folder / "tasks" / "my_arm.yaml"
    assert cli.main(["task", "new", "two_link:TwoLink-v0", "--out", str(out), "--steps", "300"]) == 0
    assert f"hrl train --task {out}" in capsys.readouterr().out
    task = load_task(out)
    assert (task.name, task.max_episode_steps, task.control_period) == ("my_arm", 40, 0.05)
    assert [element.name for element in task.goal] == ["goal_0", "goal_1"]
    assert [element.name for element in task.observation[:3]] == ["goal_0", "goal_1", "observation_2"]
    assert task.own_success
    assert (task.action_low.tolist(), task.action_high.tolist()) == ([-1, -1], [1, 1])
    assert list(task.goal_spaces["goal"]) == ["goal_0", "goal_1"]
    # The tip is seen within 2 m of the shoulder.
    assert all(0.2 <= high <= 2.0 and low == -high for low, high in task.goal_spaces["goal"].values())
    VectorEnv(task, 2, seed=0).close()
    text = out.read_text()
    assert text.index("# Spaces for subgoals") > text.index("evaluation_goals")
    assert '"observation_2", unit: "1", frame: "-"}  # -' in text


def test_an_observation_without_the_goal_gets_it_behind(folder: Path) -> None:
    # The second time the id is registered already, which it will not be elsewhere.
    for name in ("first.yaml", "maze.yaml"):
        assert cli.main(["task", "new", "AntMaze_UMaze-v5", "--out", name, "--steps", "100"]) == 0
        task = load_task(name)
        assert task.env_id == "gymnasium_robotics:AntMaze_UMaze-v5"
    assert len(task.observation) == 107
    assert [element.name for element in task.observation[-2:]] == ["goal_0", "goal_1"]
    assert VectorEnv(task, 1, seed=0).states.shape == (1, 107)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Nothing-v0", "--out", "x.yaml"], "cannot make env_id 'gymnasium_robotics:Nothing-v0'"),
        (
            ["FrozenLake-v1", "--out", "x.yaml"],
            "FrozenLake-v1 observes Discrete(16); what can be used",
        ),
        (["nowhere:Nothing-v0", "--out", "x.yaml"], "module 'nowhere' is not installed and lies neither beside"),
        (["two_link:TwoLink-v0", "--out", "x.txt"], "--out x.txt: the ending must be .yaml"),
        (["two_link:TwoLink-v0", "--out", "x.yaml", "--kwargs", "[1]"], "--kwargs [1]: needs a YAML mapping"),
        (["two_link:TwoLink-v0", "--out", "x.yaml", "--kwargs", "{speed: 2}"], "unexpected keyword argument 'speed'"),
        (["two_link:TwoLink-v0", "--out", "x.yaml", "--steps", "5"], "--steps 5: must be 100 or more"),
        (["two_link:TwoLink-v0", "--out", "two_link.yaml"], "two_link.yaml exists already"),
    ],
)
def test_what_cannot_be_described_is_refused_in_a_sentence(folder: Path, capsys, words, message: str) -> None:
    (folder / "two_link.yaml").write_text("kept")
    assert cli.main(["task", "new", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "x.yaml").exists()
    assert (folder / "two_link.yaml").read_text() == "kept"


@pytest.mark.parametrize(
    ("env_id", "sizes", "choices", "period"),
    [
        ("CartPole-v1", (4, 1, 0), ("choice_0", "choice_1"), 0.02),
        ("Pendulum-v1", (3, 1, 0), (), 0.05),
        ("hrl/GridWorld-v0", (2, 1, 2), ("choice_0", "choice_1", "choice_2", "choice_3"), 0.1),
    ],
)
def test_without_a_goal_and_with_choices_too_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, env_id: str, sizes, choices, period
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["task", "new", env_id, "--out", "new.yaml", "--steps", "100"]) == 0
    task = load_task(tmp_path / "new.yaml")
    assert (len(task.observation), len(task.action), len(task.goal)) == sizes
    assert (task.choices, task.control_period) == (choices, period)
    # What it says to try next is words of these commands.
    words = capsys.readouterr().out.rpartition("then: hrl ")[2].split()
    assert words[0] == "train"
    assert ("dqn" in words) == bool(choices)
    assert cli.main([*words, "--steps", "50", "--replay", "1000", "--evaluation_episodes", "1"]) == 0
    assert bool(task.goal_spaces) == bool(task.goal)
    assert (task.success.radius == -1) == (not task.goal)
    VectorEnv(task, 2, seed=0).close()


@pytest.mark.parametrize("name", ["2024", "a: b", "null", "1e3", "[x]", "d\xf6lp # ice"])
def test_a_name_is_text_whatever_it_looks_like(folder: Path, capsys, name: str) -> None:
    out = f"{name}.yaml"
    words = ["--steps", "100", "--kwargs", "{g: 1e1}"]
    assert cli.main(["task", "new", "Pendulum-v1", "--out", out, *words]) == 0
    task = load_task(out)
    assert (task.name, task.env_id, dict(task.env_kwargs)) == (name, "Pendulum-v1", {"g": 10.0})
    told = shlex.split(capsys.readouterr().out.rpartition("then: ")[2])
    assert told[:4] == ["hrl", "train", "--task", out]


def test_an_argument_that_few_mean_is_refused_before_the_environment_is_made(folder: Path, capsys) -> None:
    assert cli.main(["task", "new", "Pendulum-v1", "--out", "x.yaml", "--kwargs", "{g: 010}"]) == 2
    assert "--kwargs, line 1: g: must be text, finite decimal numbers" in capsys.readouterr().err
