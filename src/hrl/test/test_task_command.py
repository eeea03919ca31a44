"""``hrl task new``: a specification that fits the environment; what only its author knows is left to him."""

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
        (["CartPole-v1", "--out", "x.yaml"], "CartPole-v1 is not goal-conditioned: it observes Box"),
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


def test_actions_to_choose_from_are_written_with_names_to_fill_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(TWO_LINK.with_name("grid.py"), tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["task", "new", "grid:Grid-v0", "--out", "grid.yaml", "--steps", "100"]) == 0
    task = load_task(tmp_path / "grid.yaml")
    assert task.choices == ("choice_0", "choice_1", "choice_2", "choice_3")
    VectorEnv(task, 2, seed=0).close()
