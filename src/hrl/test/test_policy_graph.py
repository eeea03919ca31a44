"""The graph of a policy, that of the main job above all, and its refusals before anything starts."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path

import pytest
import yaml

from hrl.graphs import cores, onlookers
from hrl.graphs.argument_table import LaunchArgumentError, parse_arguments
from hrl.graphs.arguments import LaunchArguments, PolicyArguments
from hrl.graphs.policy import policy_graph
from hrl.policies import shipped as shipped_policies
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.errors import CheckpointError, HrlError, InvalidDataError, TaskError
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.task.text import load_task


@pytest.fixture(autouse=True)
def two_idle_cores(monkeypatch):
    """Without chance: the core that simulator and worker share would tell any two graphs apart."""
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(cores.psutil, "cpu_percent", lambda **_: [30.0, 2.0])


@pytest.fixture(scope="module")
def ant_policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies") / "ant"
    # As the preset fast has them, with which one learns unless told otherwise.
    task = load_task("AntMaze")
    save_checkpoint(random_checkpoint(task, 0, hierarchy=hierarchy_of(task, "smallest")), folder)
    return folder


@pytest.fixture
def arguments(ant_policy, tmp_path):
    return LaunchArguments(policy=str(ant_policy), out=str(tmp_path / "out"))


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    root = tmp_path / "shipped"
    root.mkdir()
    monkeypatch.setattr(shipped_policies, "policy_roots", lambda: [root])
    return root


def by_role(graph):
    return {node.role: node for node in graph.nodes}


def test_nodes_start_in_order_and_only_the_simulator_is_required(arguments):
    graph = policy_graph(arguments)
    assert [node.role for node in graph.nodes] == ["recorder", "manager", "worker", "simulator"]
    assert [node.role for node in graph.nodes if node.required] == ["simulator"]
    assert not any(node.respawn for node in graph.nodes)
    assert all(("/clock", "clock") in node.remappings for node in graph.nodes)


def test_neither_launching_nor_acting_nor_summing_up_loads_torch(ant_policy):
    """It takes longer to load than all the rest; import-linter cannot see what libraries import."""
    program = f"""
import sys
from pathlib import Path
import hrl.graphs.policy, hrl.launching.supervisor, hrl.results.run_summaries
import hrl_manager.node, hrl_worker.node, hrl_sim.node, hrl_robot.bridge_node
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.threads import one_thread
with one_thread():
    checkpoint = load_checkpoint(Path({str(ant_policy)!r}))
    checkpoint.manager(), checkpoint.worker()
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_those_who_take_turns_share_the_idlest_core(arguments, monkeypatch):
    def cores_of(**changes):
        nodes = by_role(policy_graph(replace(arguments, **changes)))
        return {role: node.parameters["core"] for role, node in nodes.items() if "core" in node.parameters}

    assert cores_of() == {"simulator": 1, "worker": 1}
    assert cores_of(share_core=False) == cores_of(mode="realtime") == cores_of(robot="real") == {}
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _pid: {3})
    assert cores_of() == {}


def test_respawn_is_for_manager_and_worker(arguments):
    graph = policy_graph(replace(arguments, respawn=True))
    assert [node.role for node in graph.nodes if node.respawn] == ["manager", "worker"]


def test_without_recording_there_is_no_recorder(arguments):
    graph = policy_graph(replace(arguments, record=False))
    assert "recorder" not in by_role(graph)
    assert by_role(graph)["simulator"].parameters["recorder"] is False
    assert not graph.recorded


def test_the_namespace_names_the_robot(arguments):
    node = by_role(policy_graph(replace(arguments, namespace="/robot_1")))["simulator"]
    assert node.namespace == "robot_1"
    assert node.parameters["robot"] == "robot_1"
    assert by_role(policy_graph(arguments))["simulator"].parameters["robot"] == "robot"


@pytest.fixture
def own_robot(tmp_path):
    """The shipped file as a laboratory would change it: no fake robot."""
    path = tmp_path / "own.yaml"
    shipped = yaml.safe_load((resources.files("hrl_robot") / "robots" / "fake_ant.yaml").read_text())
    path.write_text(yaml.safe_dump(shipped | {"fake": None}))
    return path


def test_real_robot_is_a_bridge_under_a_supervisor_that_brings_all_nodes_up_in_order(arguments, own_robot):
    nodes = by_role(policy_graph(replace(arguments, robot="real", robot_config=str(own_robot))))
    assert set(nodes) == {"recorder", "manager", "worker", "bridge", "supervisor"}
    assert nodes["supervisor"].parameters["nodes"] == "recorder,manager,worker,bridge"
    assert nodes["supervisor"].parameters["autostart"] is True
    assert not any(node.parameters["autostart"] for role, node in nodes.items() if role != "supervisor")
    assert {role for role, node in nodes.items() if node.moves_robot} == {"bridge", "supervisor"}
    assert {role for role, node in nodes.items() if node.respawn} == {"manager", "worker"}
    assert nodes["bridge"].required


def test_fake_robot_starts_where_the_file_asks_for_it_and_only_there(arguments, own_robot):
    assert "fake_robot" in by_role(policy_graph(replace(arguments, robot="real")))
    with pytest.raises(HrlError, match="time of robot 'fake_ant' cannot be changed"):
        policy_graph(replace(arguments, robot="real", robot_config=str(own_robot), rtf=2.0))


def test_every_argument_changes_the_graph_or_is_refused(arguments, tmp_path, own_robot):
    save_checkpoint(random_checkpoint(load_task("fetch_push"), 0), tmp_path / "push")
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 1), tmp_path / "other")
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 1, hierarchy=FLAT), tmp_path / "flat")
    (tmp_path / "paper.json").write_text(json.dumps({"preset": "paper", "goal_space": "smallest"}))
    paper = str(tmp_path / "paper.json")
    changes = {
        "task": {"task": "fetch_push", "policy": str(tmp_path / "push")},
        "policy": {"policy": str(tmp_path / "other")},
        "mode": {"mode": "realtime"},
        "rtf": {"rtf": 2.0, "mode": "realtime"},
        "max_action_age": {"max_action_age": 3.0, "mode": "realtime"},
        "episodes": {"episodes": 1},
        "seed": {"seed": 1},
        "goal": {"goal": "1,2"},
        "randomise": {"randomise": "loss=0.1"},
        "explore": {"explore": True},
        "record": {"record": False},
        "split_episodes": {"split_episodes": 2},
        "split_mb": {"split_mb": 1.5},
        "upload": {"upload": "s3://bags/today", "split_episodes": 2},
        "catalogue": {"catalogue": "postgresql+psycopg://hrl@db/bags", "split_episodes": 2},
        "out": {"out": str(tmp_path / "elsewhere")},
        "namespace": {"namespace": "robot_1"},
        "respawn": {"respawn": True},
        "autostart": {"autostart": False},
        "wait_limit": {"wait_limit": 1.0},
        "log_level": {"log_level": "debug"},
        "peers": {"peers": "10.0.0.2", "network": "subnet"},
        "discovery_server": {"discovery_server": "10.0.0.1:11811", "network": "subnet"},
        "nodes": {"nodes": "simulator", "network": "subnet"},
        "learn": {"learn": True},
        "algorithm": {"learn": True, "algorithm": "flat", "policy": str(tmp_path / "flat")},
        "training": {"learn": True, "training": paper},
        "relabel": {"learn": True, "relabel": "at-sampling", "training": paper},
        "policy_updates": {"learn": True, "policy_updates": 7},
        "viewer": {"viewer": True},
        "viewer_port": {"viewer_port": 9000, "viewer": True},
        "viewer_host": {"viewer_host": "0.0.0.0", "viewer": True},
        "markers": {"markers": True},
        "robot": {"robot": "real"},
        "robot_config": {"robot": "real", "robot_config": str(own_robot)},
        "supervise": {"supervise": "true"},
        "network": {"network": "subnet"},
        "share_core": {"share_core": False},
    }
    assert {field.name for field in fields(LaunchArguments)} - set(changes) == {"rviz"}

    def started(given):
        graph = policy_graph(replace(arguments, **given))
        return graph.nodes, graph.log_level, graph.environment

    for name, change in changes.items():
        with_it = started(change)
        with suppress(HrlError):
            assert with_it != started({other: value for other, value in change.items() if other != name}), name


def test_dds_keeps_to_this_machine_unless_told_otherwise_and_shares_no_memory_where_processes_die(arguments):
    kinds = ({}, {"robot": "real"}, {"respawn": True}, {"supervise": "true"})
    for kind in kinds:
        alone = policy_graph(replace(arguments, **kind)).environment
        opened = policy_graph(replace(arguments, network="subnet", **kind)).environment
        assert opened["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SUBNET"
        profile = Path(alone["FASTRTPS_DEFAULT_PROFILES_FILE"]).read_text()
        assert alone["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST" or "<address>127.0.0.1</address>" in profile
        assert "127.0.0.1" not in Path(opened["FASTRTPS_DEFAULT_PROFILES_FILE"]).read_text()
        for environment in (alone, opened) if kind else ():
            profile = Path(environment["FASTRTPS_DEFAULT_PROFILES_FILE"]).read_text()
            in_file = "<useBuiltinTransports>false</useBuiltinTransports>" in profile
            assert in_file or environment["FASTDDS_BUILTIN_TRANSPORTS"] == "UDPv4"


def test_nothing_is_written_before_prepare(arguments, tmp_path):
    graph = policy_graph(arguments)
    assert not graph.folder.path.exists()
    graph.folder.prepare()
    record = json.loads((graph.folder.path / "launch.json").read_text())
    assert record["arguments"]["episodes"] == 0
    assert record["policy"] == arguments.policy


def test_an_out_folder_that_holds_a_run_is_refused(arguments):
    graph = policy_graph(arguments)
    graph.folder.prepare()
    with pytest.raises(HrlError, match="already holds a run"):
        policy_graph(arguments)


def test_out_may_hold_the_time(arguments, tmp_path):
    graph = policy_graph(replace(arguments, out=str(tmp_path / "runs" / "{time}")))
    assert "{" not in graph.folder.path.name
    assert graph.folder.path.is_relative_to(tmp_path / "runs")


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("robot_config:=nobody robot:=real", "unknown robot .nobody."),
        ("task:=Chess", "unknown task 'Chess'"),
        ("policy:=nowhere", "neither a folder nor a shipped policy"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, word, cause):
    given = [f"policy:={arguments.policy}", f"out:={arguments.out}", *word.split()]
    with pytest.raises(HrlError, match=cause):
        policy_graph(parse_arguments(given, LaunchArguments))


def test_without_rviz_it_is_said_before_anything_starts(arguments, monkeypatch):
    monkeypatch.setattr(onlookers.shutil, "which", lambda name: None)
    with pytest.raises(HrlError, match=r"rviz2 is not installed .*viewer:=true shows the same"):
        policy_graph(replace(arguments, rviz=True))
    assert not Path(arguments.out).exists()


def test_rviz_starts_with_the_configuration_of_its_namespace(arguments, monkeypatch):
    monkeypatch.setattr(onlookers.shutil, "which", lambda name: "/usr/bin/rviz2")
    roles = by_role(policy_graph(replace(arguments, rviz=True, namespace="robot_1")))
    flag, path = roles["rviz"].arguments
    assert flag == "-d"
    assert "/robot_1/markers" in Path(path).read_text()
    assert roles["rviz"].expendable
    assert roles["markers"].expendable


def test_the_viewer_brings_the_markers_and_may_die(arguments):
    roles = by_role(policy_graph(replace(arguments, viewer=True, viewer_port=9000)))
    assert roles["viewer"].parameters["port"] == 9000
    assert roles["markers"].expendable
    assert roles["viewer"].expendable


def test_a_goal_of_the_wrong_size_is_refused(arguments):
    with pytest.raises(InvalidDataError, match="argument goal"):
        policy_graph(replace(arguments, goal="1,2,3"))


def test_a_policy_of_another_task_is_refused_by_naming_what_differs(arguments, tmp_path):
    save_checkpoint(random_checkpoint(load_task("fetch_push"), 0), tmp_path / "push")
    with pytest.raises(TaskError, match=r"push: the policy was made for another task .*name: "):
        policy_graph(replace(arguments, task="AntMaze", policy=str(tmp_path / "push")))


def test_a_policy_alone_brings_its_task(arguments, tmp_path):
    save_checkpoint(random_checkpoint(load_task("fetch_push"), 0), tmp_path / "push")
    graph = policy_graph(replace(arguments, policy=str(tmp_path / "push")))
    told = by_role(graph)["simulator"].parameters["task"]
    assert load_task(str(told)) == load_task("fetch_push")


def test_without_task_and_policy_the_main_job_runs(arguments, shipped):
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), shipped / shipped_policies.MAIN_POLICY)
    policy = policy_graph(replace(arguments, policy="auto")).folder.policy
    assert policy is not None
    assert policy.name == shipped_policies.MAIN_POLICY


def test_a_damaged_policy_is_refused(arguments, tmp_path):
    folder = tmp_path / "damaged"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), folder)
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is damaged: SHA-256"):
        policy_graph(replace(arguments, policy=str(folder)))


def test_of_a_training_run_the_best_policy_runs_or_the_newest_before_there_is_one(arguments, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="has no policy yet"):
        policy_graph(replace(arguments, policy=str(run)))
    for name in ("last", "best"):
        save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), run / name)
        assert policy_graph(replace(arguments, policy=str(run))).folder.policy == run / name


def test_auto_finds_the_policy_of_the_task_and_prefers_trained_ones(arguments, shipped):
    task = load_task("AntMaze")
    save_checkpoint(random_checkpoint(load_task("fetch_push"), 0), shipped / "push")
    save_checkpoint(replace(random_checkpoint(task, 0), trained=True, env_steps=10), shipped / "trained")
    save_checkpoint(replace(random_checkpoint(task, 0), env_steps=20), shipped / "untrained")
    graph = policy_graph(replace(arguments, task="AntMaze", policy="auto"))
    assert graph.folder.policy == shipped / "trained"
    assert graph.folder.policy_trained
    graph = policy_graph(replace(arguments, policy="untrained"))
    assert graph.folder.policy == shipped / "untrained"


def test_without_a_fitting_policy_the_command_that_makes_one_is_named(arguments, shipped):
    with pytest.raises(CheckpointError, match="hrl policy init --task ant_maze --out DIR"):
        policy_graph(replace(arguments, task="AntMaze", policy="auto"))


def test_any_policy_brings_its_own_nodes_and_none_is_chosen_for_who_names_nothing(ant_policy, tmp_path):
    folder, out = tmp_path / "flat", f"out:={tmp_path / 'out'}"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0, hierarchy=FLAT), folder)
    for policy, acting in ((ant_policy, {"manager", "worker"}), (folder, {"worker"})):
        graph = policy_graph(parse_arguments([f"policy:={policy}", out], PolicyArguments))
        assert set(by_role(graph)) == {"recorder", "simulator"} | acting
        # The main job's launch file is the same description.
        assert graph.nodes == policy_graph(parse_arguments([f"policy:={policy}", out], LaunchArguments)).nodes
    for nothing in ([], ["policy:=auto"], ["policy:="], ["task:=AntMaze"]):
        with pytest.raises(LaunchArgumentError, match="name the policy to run, policy:=FOLDER or a shipped name"):
            parse_arguments(nothing, PolicyArguments)
    assert parse_arguments(["task:=AntMaze", "policy:=auto"], PolicyArguments).task == "AntMaze"


def test_each_level_has_a_manager_of_its_own_and_the_highest_starts_first(tmp_path):
    task, folder = load_task("AntMaze"), tmp_path / "tall"
    level = LevelSpec("there", "absolute", {"x": (-4.0, 20.0), "y": (-4.0, 20.0)}, horizon=4, unit="attempts")
    hierarchy = HierarchySpec((*hierarchy_of(task).levels, level, level))
    save_checkpoint(random_checkpoint(task, 0, hierarchy=hierarchy), folder)
    given = [f"policy:={folder}", f"out:={tmp_path / 'out'}", "respawn:=true"]
    graph = policy_graph(parse_arguments(given, PolicyArguments))
    acting = [node for node in graph.nodes if node.role in ("manager", "worker")]
    assert [node.name for node in acting] == ["manager_3", "manager_2", "manager", "worker"]
    assert [node.parameters.get("level") for node in acting] == [2, 1, 0, None]
    assert len({node.parameters["memory"] for node in acting}) == 4
    assert all(node.respawn and node.executable == node.role for node in acting)
    robot = policy_graph(parse_arguments([*given, "robot:=real"], PolicyArguments))
    supervisor = by_role(robot)["supervisor"].parameters
    assert supervisor["restarting"] == "manager_3,manager_2,manager,worker"
    assert str(supervisor["nodes"]).startswith("recorder,manager_3,manager_2,manager,worker,")
