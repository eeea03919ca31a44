"""The graph of the learning loop, and its refusals before anything starts."""

import dataclasses
import json
from pathlib import Path

import pytest

from hrl.graphs import cores
from hrl.graphs.learning_arguments import TrainArguments
from hrl.graphs.train import train_graph
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.task.text import load_task


@pytest.fixture
def arguments(tmp_path):
    policy = dataclasses.replace(random_checkpoint(load_task("PointMaze"), 0), version=4_321)
    save_checkpoint(policy, tmp_path / "policy")
    switches = {"preset": "fast", "tilt_penalty": 0.0, "four_fold_symmetry": False}
    (tmp_path / "switches.json").write_text(json.dumps(switches))
    return TrainArguments(
        policy=str(tmp_path / "policy"), training=str(tmp_path / "switches.json"), out=str(tmp_path / "out")
    )


def test_versions_begin_at_that_of_the_start_policy(arguments):
    (trainer,) = [node for node in train_graph(arguments).nodes if node.role == "trainer"]
    assert trainer.parameters["first_version"] == 4_321


@pytest.mark.parametrize(("policy", "first"), [(True, 8), (False, 1)], ids=["trained", "untrained"])
def test_who_learns_from_its_own_episodes_alone_begins_one_version_after_that_of_the_robots(tmp_path, policy, first):
    words = TrainArguments(algorithm="flat", task="PointMaze", training="ppo", relabel="off", out=str(tmp_path / "out"))
    if policy:
        task = load_task("PointMaze")
        save_checkpoint(dataclasses.replace(random_checkpoint(task, 0, hierarchy=FLAT), version=7), tmp_path / "start")
        words = dataclasses.replace(words, policy=str(tmp_path / "start"))
    (trainer,) = [node for node in train_graph(words).nodes if node.role == "trainer"]
    assert trainer.parameters["first_version"] == first


def test_each_pair_that_takes_turns_has_a_core_as_far_as_they_go(arguments, monkeypatch):
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _pid: {0, 1})
    nodes = train_graph(dataclasses.replace(arguments, robots=3)).nodes
    given = [[n.parameters.get("core") for n in nodes if n.role == role] for role in ("simulator", "worker")]
    assert given[0] == given[1]
    assert set(given[0][:2]) == {0, 1}
    assert given[0][2] == given[0][0]


def test_whatever_is_restarted_on_a_robot_is_waited_for_by_its_supervisor(arguments):
    arguments = dataclasses.replace(arguments, policy="hiro_ant_maze", training="fast", robot="real", robots=1)
    nodes = train_graph(arguments).nodes
    (supervisor,) = [node for node in nodes if node.role == "supervisor"]
    waited_for = str(supervisor.parameters["restarting"]).split(",")
    managed = str(supervisor.parameters["nodes"]).split(",")
    assert set(waited_for) == {node.name for node in nodes if node.respawn and node.name in managed}
    assert "recorder" in waited_for


def test_a_comma_in_the_name_of_a_folder_of_bags_is_refused(arguments, tmp_path, monkeypatch):
    """To the trainer it would be two folders, in which it would wait for bags for ever."""
    out = tmp_path / "tau=0.01,lr=1e-3"
    with pytest.raises(HrlError, match=r"tau=0.01,lr=1e-3/robot_1/bag: commas separate .* another out:="):
        train_graph(dataclasses.replace(arguments, out=str(out)))
    assert not out.exists()
    out.mkdir()
    monkeypatch.chdir(out)
    with pytest.raises(HrlError, match=r"tau=0.01,lr=1e-3/here/robot_1/bag: commas"):
        train_graph(dataclasses.replace(arguments, out="here"))
    assert not list(out.iterdir())


def test_switches_that_do_not_fit_the_task_are_refused(arguments, tmp_path):
    with pytest.raises(TaskError, match=r"tilt_penalty needs the observation elements qx, qy"):
        train_graph(dataclasses.replace(arguments, training="fast"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("knobs", "problem"),
    [
        ({"modes": "FOO"}, "modes: choose from"),
        ({"store": "files", "relabel": "from-relabelled"}, "with store files"),
        ({"more_bags": "/no/such/folder"}, "/no/such/folder does not exist"),
    ],
)
def test_what_the_trainer_would_refuse_is_refused_before_anything_starts(arguments, tmp_path, knobs, problem):
    with pytest.raises(HrlError, match=problem):
        train_graph(dataclasses.replace(arguments, **knobs))
    assert not (tmp_path / "out").exists()


def test_further_bags_are_told_from_wherever_the_trainer_starts(arguments, tmp_path, monkeypatch):
    (tmp_path / "home" / "demos").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    told = []
    for name in ("~/demos:0.5", "home/demos:0.5", "s3://store:9000/demos"):
        graph = train_graph(dataclasses.replace(arguments, more_bags=name))
        (trainer,) = [node for node in graph.nodes if node.role == "trainer"]
        told.append(str(trainer.parameters["bags"]).split(",")[-1])
    assert told == [*[f"{tmp_path}/home/demos:0.5"] * 2, "s3://store:9000/demos:1"]


def test_correction_at_sampling_is_refused_with_the_returns_of_fast(arguments):
    with pytest.raises(HrlError, match=r"set it to 1, or relabel from-relabelled or off"):
        train_graph(dataclasses.replace(arguments, relabel="at-sampling"))


def test_without_a_policy_it_begins_with_an_untrained_one_of_the_algorithm(arguments):
    cases = (
        ("hiro", "point_maze", "paper", {"manager", "worker"}),
        ("flat", "point_maze", "paper", {"worker"}),
        ("hac", "mountain_car", "fast", {"manager", "worker"}),
    )
    for algorithm, task, training, parties in cases:
        out = Path(arguments.out) / algorithm
        own = dataclasses.replace(
            arguments, policy="", task=task, algorithm=algorithm, training=training, out=str(out), robots=1
        )
        graph = train_graph(own)
        assert not out.exists()
        graph.prepare()
        start = load_checkpoint(out / "start")
        assert (set(start.actors), start.trained, start.task.name) == (parties, False, task)
        # As in its training: HAC tests some of its subgoals.
        assert all(
            (config.test_probability > 0) == (algorithm == "hac" and party == "manager")
            for party, config in start.actors.items()
        )
        told = {n.parameters["policy"] for n in graph.nodes if n.role in ("manager", "worker", "simulator")}
        assert told == {str(out / "start")}
        (trainer,) = [node for node in graph.nodes if node.role == "trainer"]
        assert trainer.parameters["algorithm"] == algorithm


def test_neither_policy_nor_task_is_refused(arguments):
    with pytest.raises(HrlError, match="name what is to be learned, task:=AntMaze, or a policy to begin with"):
        dataclasses.replace(arguments, policy="", task="auto")


@pytest.mark.parametrize(
    ("algorithm", "switches", "difference"),
    [("flat", {}, "levels above the worker: 1 != 0"), ("hiro", {"horizon": 7}, r"levels\[0\].horizon: 10 != 7")],
)
def test_a_policy_that_chooses_otherwise_than_what_is_learned_is_refused(arguments, algorithm, switches, difference):
    Path(arguments.training).write_text(json.dumps({"preset": "paper", **switches}))
    with pytest.raises(HrlError, match=f"policy to begin with chooses otherwise than .* learned: {difference}"):
        train_graph(dataclasses.replace(arguments, algorithm=algorithm))
    assert not Path(arguments.out).exists()
