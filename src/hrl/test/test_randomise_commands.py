"""``--randomise``: what the commands take, refuse and tell of episodes that differ."""

import dataclasses
import json
from pathlib import Path

import pytest

from hrl import cli
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import SIMULATOR
from hrl.graphs.policy import policy_graph
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import RANDOMISED
from hrl_core.errors import HrlError
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.text import load_task
from hrl_core.training.config import SAME, config_difference
from hrl_core.training.presets import preset, stored_config

SMALL = (
    "--task PointMaze --num_envs 4 --steps 400 --evaluation_interval 400 --evaluation_episodes 2 "
    "--evaluation_episodes_elsewhere 1 --checkpoint_interval 200 --learning_starts 100 --worker_updates 0.2 "
    "--candidates 4 --worker.hidden 16 16 --manager.hidden 16 16"
).split()
TEXT = "delay=0:0.05,loss=0.1,noise=0.01"


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy") / "point"
    save_checkpoint(random_checkpoint(load_task("point_maze"), 0), folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("randomised") / "run"
    words = ["--randomise", "noise=1e-2, delay=0.0:0.05,loss=0.10", "--evaluation_randomise", SAME]
    assert cli.main(["train", *SMALL, *words, "--out", str(folder)]) == 0
    return folder


def test_run_and_policy_tell_how_training_episodes_differed(trained: Path, policy: Path, capsys) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert (config["randomise"], config["evaluation_randomise"]) == (TEXT, SAME)
    assert load_checkpoint(trained / "last").provenance == {RANDOMISED: TEXT}
    capsys.readouterr()
    assert cli.main(["policy", "show", str(trained)]) == 0
    assert f"│ randomised training                  │ {TEXT} " in capsys.readouterr().out
    exported = trained.parent / "exported"
    words = ["--out", str(exported), "--episodes", "1", "--randomise", "loss=0.3"]
    assert cli.main(["policy", "export", str(trained), *words]) == 0
    assert "held-out episodes (seed 3000017, randomised by loss=0.3)" in (exported / "README.md").read_text()
    assert cli.main(["policy", "show", str(exported)]) == 0
    shown = capsys.readouterr().out
    assert "│ randomised training" in shown
    assert "│ randomised held-out" in shown
    assert cli.main(["policy", "show", str(policy)]) == 0
    assert "randomised" not in capsys.readouterr().out


def test_a_run_goes_on_under_its_own_randomisation_only(trained: Path, capsys) -> None:
    assert cli.main(["train", "--resume", str(trained), "--randomise", f" {TEXT}"]) == 0
    capsys.readouterr()
    assert cli.main(["train", "--resume", str(trained), "--randomise", "loss=0.2"]) == 2
    assert f"randomise: 'loss=0.2' != '{TEXT}'" in capsys.readouterr().err.replace("\n", " ")


def test_a_run_is_not_randomised_unless_asked_for_nor_was_one_before_there_was_the_switch() -> None:
    config = preset()
    assert not config.randomisation
    assert not config.evaluation_randomisation
    before = {name: value for name, value in config.as_dict().items() if not name.endswith("randomise")}
    assert stored_config(before) == stored_config(config.as_dict()) == config
    assert config_difference(config.as_dict(), before) == []


def test_evaluation_differs_only_where_it_is_asked_for() -> None:
    config = dataclasses.replace(preset(), randomise=TEXT)
    assert not config.evaluation_randomisation
    assert dataclasses.replace(config, evaluation_randomise=SAME).evaluation_randomisation == parse_randomisation(TEXT)
    own = dataclasses.replace(config, evaluation_randomise="loss=0.3")
    assert (own.evaluation_randomisation.loss, own.randomisation.loss) == (0.3, 0.1)
    assert stored_config(own.as_dict()) == own


def test_evaluation_in_batches_ends_where_the_rollout_ends(capsys, policy: Path) -> None:
    words = ["--goal", "8", "0", "--seed", "5", "--episodes", "1"]
    outcomes = {}
    for text in ("", TEXT):
        randomised = ["--randomise", text]
        assert cli.main(["evaluate", "--checkpoint", str(policy), *words, *randomised, "--json"]) == 0
        outcome = json.loads(capsys.readouterr().out)
        assert outcome["randomised"] == text
        (batched,) = outcome["results"]
        assert cli.main(["rollout", "--policy", str(policy), *words, *randomised, "--json"]) == 0
        single = json.loads(capsys.readouterr().out)
        assert batched["mean_return"] == pytest.approx(single["mean_return"], rel=1e-4)
        outcomes[text] = batched["mean_return"]
    assert outcomes[""] != outcomes[TEXT]


@pytest.mark.parametrize("command", ["evaluate --checkpoint", "rollout --policy", "train --task PointMaze --out"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dealy=0.1", "randomise: unknown quantity 'dealy'; did you mean delay?"),
        ("mass=2", "randomise: mass: hrl/PointMaze-v0 moves without forces; it would change nothing"),
    ],
)
def test_what_cannot_be_is_one_message(command: str, text: str, message: str, policy: Path, tmp_path, capsys) -> None:
    where = tmp_path / "run" if command.startswith("train") else policy
    assert cli.main([*command.split(), str(where), "--randomise", text]) == 2
    screen = capsys.readouterr().err
    assert message in " ".join(screen.split())
    assert "Traceback" not in screen
    assert not (tmp_path / "run").exists()


def test_recordings_are_not_randomised(tmp_path: Path, capsys) -> None:
    words = ["--from-bags", str(tmp_path), "--task", "PointMaze", "--out", str(tmp_path / "run"), "--randomise", TEXT]
    assert cli.main(["train", *words]) == 2
    assert "recordings are what they are" in " ".join(capsys.readouterr().err.split())


def test_the_simulator_of_a_graph_is_told(policy: Path, tmp_path: Path) -> None:
    graph = policy_graph(LaunchArguments(policy=str(policy), out=str(tmp_path / "run"), randomise=TEXT))
    told = {node.role: node.parameters.get("randomise") for node in graph.nodes}
    assert told[SIMULATOR] == TEXT
    assert {value for role, value in told.items() if role != SIMULATOR} == {None}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"randomise": "noise.hip=1"}, "noise.hip: 'point_maze' observes no such element"),
        ({"randomise": "loss=2"}, "loss=2: must be a chance"),
        ({"task": "AntMaze", "policy": "auto", "randomise": TEXT, "robot": "real"}, "only simulated episodes"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_before_it_starts(changed, message: str, policy: Path, tmp_path) -> None:
    words = {"policy": str(policy), "out": str(tmp_path / "run"), **changed}
    with pytest.raises(HrlError, match=message):
        policy_graph(LaunchArguments(**words))
    assert not (tmp_path / "run").exists()
