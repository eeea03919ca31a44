"""The ROS graph adds distribution, not behaviour: what it records is the in-process rollout, bit for bit."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pyarrow.parquet as pq
import pytest
from ament_index_python.packages import get_package_share_directory
from gymnasium import spaces
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.serialization import deserialize_message
from rosbags.highlevel import AnyReader

from hrl import cli
from hrl.policies.shipped import resolve_policy
from hrl_core.algorithms.mlsh.config import hierarchy as mlsh_hierarchy
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy as tree_hierarchy
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.hierarchy.text import parse_hierarchy
from hrl_core.messages import EPISODE_ENDS, Mode, SegmentEnd
from hrl_core.randomisation import parse_randomisation, told_in
from hrl_core.task.given_commands import with_observed_commands
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_msgs.msg import RunInfo

pytestmark = pytest.mark.ros


def short(name):
    """A task of few steps, where the law is not about many."""
    return dataclasses.replace(load_task(name), max_episode_steps=150)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A policy whose actions and subgoals vary."""
    folder = tmp_path_factory.mktemp("policy") / "untrained"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), seed=5), folder)
    return folder


def test_two_episodes_are_the_in_process_rollout_bit_for_bit(launch, read_bag, in_process, assert_same_run, untrained):
    graph = launch("task:=AntMaze", f"policy:={untrained}", "episodes:=2", "seed:=11")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    traces = in_process(untrained, episodes=2, seed=11)
    assert_same_run(bag, traces)
    values = np.array([a.value for t in traces for a in t.actions])
    assert len(np.unique(values, axis=0)) > 900, "a policy that does not vary proves nothing"
    assert values.std(axis=0).mean() > 0.3
    _check_counts(graph.summary(), bag)
    _check_both_readers(graph.out / "bag")
    _check_type_hashes(graph.out / "bag")


def _check_counts(summary, bag):
    counts = {topic: len(bag[topic]) for topic in ("observation", "action", "subgoal", "subgoal_result")}
    assert counts == {"observation": 1002, "action": 1000, "subgoal": 100, "subgoal_result": 100}
    assert len(bag["run_info"]) == 1
    assert len(bag["episode_result"]) == 2
    assert summary["lost_messages"] == 0
    assert (summary["episodes"], summary["env_steps"], summary["subgoals"]) == (2, 1000, 100)
    assert summary["policy_trained"] is False
    keys = {"p50", "p99", "max"}
    assert set(summary["action_latency_ms"]) == keys
    assert summary["mean_return"] == np.mean([r.episode_return for r in bag["episode_result"]])


def _check_both_readers(bag):
    with AnyReader([bag]) as reader:
        connections = [c for c in reader.connections if c.topic == "/observation"]
        rosbags: list[Any] = [reader.deserialize(data, c.msgtype) for c, _, data in reader.messages(connections)]
    with (bag / "bag.mcap").open("rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        mcap = [message for _, _, _, message in reader.iter_decoded_messages(topics=["/observation"])]
    assert len(rosbags) == len(mcap) == 1002
    for one, other in zip(rosbags, mcap, strict=True):
        assert (one.episode, one.step, one.run) == (other.episode, other.step, other.run)
        assert one.state.tolist() == list(other.state)


def _check_type_hashes(bag):
    with AnyReader([bag]) as reader:
        ours = {c.msgtype: c.digest for c in reader.connections if c.msgtype.startswith("hrl_msgs/")}
    assert len(ours) >= 7
    for name, digest in ours.items():
        built = json.loads((Path(get_package_share_directory("hrl_msgs")) / f"{name[9:]}.json").read_text())
        hashes = {entry["type_name"]: entry["hash_string"] for entry in built["type_hashes"]}
        assert digest == hashes[name], f"{name}: not the type hash of the built interface"


def test_exploration_is_the_same_in_the_graph_and_in_process(launch, read_bag, in_process, assert_same_run, untrained):
    graph = launch("task:=AntMaze", f"policy:={untrained}", "episodes:=1", "seed:=4", "explore:=true")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    traces = in_process(untrained, seed=4, mode=Mode.TRAIN)
    assert_same_run(bag, traces)
    noiseless = in_process(untrained, seed=4)
    assert traces[0].actions[0].value.tobytes() != noiseless[0].actions[0].value.tobytes()


RANDOMISE = "delay=0:0.16,loss=0.05,friction=0.7:1.3,mass=0.8:1.2,noise=0.01"


def test_randomised_episodes_are_the_same_in_the_graph_and_in_process_and_the_bag_says_so(
    launch, read_bag, in_process, assert_same_run, untrained, capsys
):
    graph = launch("task:=AntMaze", f"policy:={untrained}", "episodes:=2", "seed:=4", f"randomise:={RANDOMISE}")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    traces = in_process(untrained, episodes=2, seed=4, randomise=RANDOMISE)
    assert_same_run(bag, traces)
    plain = in_process(untrained, seed=4)
    assert traces[0].observations[0].state.tobytes() != plain[0].observations[0].state.tobytes()
    info: Any = deserialize_message(bag["run_info"][0], RunInfo)
    assert told_in(info.task) == RANDOMISE
    assert cli.main(["bag", "info", str(graph.out / "bag"), "--json"]) == 0
    assert RANDOMISE in capsys.readouterr().out
    # What each episode was like follows from what the bag holds.
    recording = read_bags([graph.out / "bag"])
    assert recording.task == load_task("AntMaze")
    assert not recording.problems
    seeds = [result.seed for result in bag["episode_result"]]
    assert len({parse_randomisation(told_in(info.task)).drawn(seed) for seed in seeds}) == 2


def test_commands_given_before_are_observed_in_the_graph_as_in_process(
    launch, read_bag, in_process, assert_same_run, tmp_path
):
    policy = tmp_path / "late"
    save_checkpoint(random_checkpoint(with_observed_commands(load_task("AntMaze"), 2), seed=5), policy)
    graph = launch(f"policy:={policy}", "episodes:=1", "seed:=4", f"randomise:={RANDOMISE}")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert_same_run(bag, in_process(policy, seed=4, randomise=RANDOMISE))
    seen = {o.step: o for o in bag["observation"]}
    assert not seen[0].state[30:].any()
    for step in range(2, 501):
        given = np.concatenate((seen[step].applied_action, seen[step - 1].applied_action))
        np.testing.assert_array_equal(seen[step].state[30:], given)


def test_a_flat_policy_is_the_worker_alone(launch, read_bag, in_process, assert_same_run, tmp_path):
    policy = tmp_path / "flat"
    save_checkpoint(random_checkpoint(short("AntMaze"), seed=6, hierarchy=FLAT), policy)
    graph = launch(f"policy:={policy}", "episodes:=1", "seed:=4", "explore:=true")
    code, output = graph.wait()
    assert code == 0, output
    assert "[manager]" not in output
    bag = read_bag(graph.out / "bag")
    assert not bag["subgoal"]
    assert len(bag["action"]) == 150
    assert_same_run(bag, in_process(policy, seed=4, mode=Mode.TRAIN))
    assert graph.summary()["lost_messages"] == 0
    info: Any = deserialize_message(bag["run_info"][0], RunInfo)
    assert parse_hierarchy(info.hierarchy, "RunInfo") == FLAT


def test_a_shipped_flat_policy_of_an_arm_is_the_same_in_the_graph_and_in_process(
    launch, read_bag, in_process, assert_same_run
):
    graph = launch("policy:=flat_fetch_reach", "episodes:=5", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert_same_run(bag, in_process(resolve_policy("flat_fetch_reach", None), episodes=5))
    assert all(result.success for result in bag["episode_result"])
    assert not bag["subgoal"]
    assert graph.summary()["lost_messages"] == 0


@pytest.mark.parametrize("levels", [pytest.param(2, marks=pytest.mark.learning), 3])
def test_managers_above_managers_are_the_same_in_the_graph_and_in_process(
    levels, launch, read_bag, in_process, assert_same_run, tall, tmp_path
):
    policy = tmp_path / "tall"
    save_checkpoint(random_checkpoint(short("AntMaze"), seed=6, hierarchy=tall(levels)), policy)
    graph = launch(f"policy:={policy}", "episodes:=2", "seed:=4", "explore:=true", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert {subgoal.level for subgoal in bag["subgoal"]} == set(range(levels))
    assert_same_run(bag, in_process(policy, episodes=2, seed=4, mode=Mode.TRAIN))
    assert graph.summary()["lost_messages"] == 0


def test_a_manager_that_draws_its_subgoals_is_the_same_in_the_graph_and_in_process(
    launch, read_bag, in_process, assert_same_run
):
    """HAC of SAC, whose subgoals have a density, and tests among them below which nobody draws."""
    graph = launch("policy:=hac_push_point", "episodes:=3", "seed:=4", "explore:=true", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    traces = in_process(resolve_policy("hac_push_point", None), episodes=3, seed=4, mode=Mode.TRAIN)
    assert_same_run(bag, traces)
    assert np.isfinite([subgoal.log_probability for subgoal in bag["subgoal"]]).all()
    assert {subgoal.test for subgoal in bag["subgoal"]} == {True, False}
    noiseless = in_process(resolve_policy("hac_push_point", None), episodes=1, seed=4)
    assert traces[0].subgoals[0].value.tobytes() != noiseless[0].subgoals[0].value.tobytes()


OPTIONS = LevelSpec("gait", "skill", skills=("trot", "bound"), horizon=6, worker_may_terminate=True)
NEAR = LevelSpec(
    "near",
    "absolute",
    {"x": (-4.0, 20.0), "y": (-4.0, 20.0)},
    horizon=3,
    unit="attempts",
    end_when_achieved=True,
    tolerance=(1.0, 1.0),
)
LATENT = LevelSpec("latent", "direction", size=4, horizon=1, cadence="every_step", sees_goal=False)


@pytest.mark.parametrize("levels", [(OPTIONS, NEAR), (LATENT,)], ids=["options under a manager", "latent directions"])
def test_skills_and_directions_are_the_same_in_the_graph_and_in_process_and_are_read_back(
    levels, launch, read_bag, in_process, assert_same_run, tmp_path
):
    policy, task = tmp_path / "others", short("PointMaze")
    save_checkpoint(random_checkpoint(task, seed=6, hierarchy=HierarchySpec(levels)), policy)
    graph = launch(f"policy:={policy}", "episodes:=2", "seed:=4", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    traces = in_process(policy, episodes=2, seed=4)
    assert_same_run(read_bag(graph.out / "bag"), traces)
    assert graph.summary()["lost_messages"] == 0
    recording = read_bags([graph.out / "bag"])
    assert not any(problem.left_out for problem in recording.problems)
    for episode, trace in zip(recording.episodes, traces, strict=True):
        for level in range(len(levels)):
            chosen = [subgoal for subgoal in trace.subgoals if subgoal.level == level]
            assert episode.subgoals[level].skill_ids.tolist() == [subgoal.skill_id for subgoal in chosen]
            assert episode.subgoals[level].values.tobytes() == b"".join(subgoal.value.tobytes() for subgoal in chosen)
    reasons = {result.end_reason for trace in traces for result in trace.subgoal_results}
    if levels[0] is OPTIONS:
        assert reasons >= {SegmentEnd.WORKER_TERMINATED, SegmentEnd.HORIZON}
        assert {subgoal.skill_id for trace in traces for subgoal in trace.subgoals if subgoal.level == 0} == {0, 1}
    else:
        assert reasons <= set(EPISODE_ENDS), "one at the end of an episode, none at every step"


@pytest.mark.parametrize("name", [pytest.param("movement_bandits", marks=pytest.mark.learning), "ant_two_walks"])
def test_skills_with_networks_of_their_own_are_the_same_in_the_graph_and_in_process(
    name, launch, read_bag, in_process, assert_same_run, tmp_path
):
    task, config = load_task(name), preset(algorithm="mlsh", task=name).agent
    levels = MlshLearner(task, config, VectorEnv(task, config.groups, 0), 0).levels()
    policy = untrained_checkpoint("mlsh", task, mlsh_hierarchy(task, config), levels, 0)
    save_checkpoint(dataclasses.replace(policy, evaluation="sampled"), tmp_path / "policy")
    graph = launch(f"policy:={tmp_path / 'policy'}", "episodes:=2", "seed:=4", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert_same_run(bag, in_process(tmp_path / "policy", episodes=2, seed=4))
    assert graph.summary()["lost_messages"] == 0
    assert {subgoal.skill_id for subgoal in bag["subgoal"]} == {0, 1}
    assert np.isfinite([said.log_probability for said in (*bag["subgoal"], *bag["action"])]).all()


@pytest.mark.learning
@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("option_critic_four_rooms_point", SegmentEnd.WORKER_TERMINATED),
        ("tree_lane_drive", SegmentEnd.WORKER_TERMINATED),
        ("snn4hrl_point_maze_sparse", SegmentEnd.HORIZON),
    ],
)
def test_skills_that_have_learned_are_the_same_in_the_graph_and_in_process(
    name, end, launch, read_bag, in_process, assert_same_run
):
    policy = resolve_policy(name, None)
    graph = launch(f"policy:={policy}", "episodes:=6", "seed:=4", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    traces = in_process(policy, episodes=6, seed=4)
    assert_same_run(read_bag(graph.out / "bag"), traces)
    assert graph.summary()["lost_messages"] == 0
    assert not read_bags([graph.out / "bag"]).problems
    reasons = [result.end_reason for trace in traces for result in trace.subgoal_results]
    assert end in reasons
    assert len({subgoal.skill_id for trace in traces for subgoal in trace.subgoals if subgoal.level == 0}) > 1


def test_a_tree_is_the_same_in_the_graph_and_in_process_and_its_paths_are_read_back(
    launch, read_bag, in_process, assert_same_run, tmp_path
):
    policy, task = tmp_path / "tree", load_task("lane_drive")
    save_checkpoint(random_checkpoint(task, seed=6, hierarchy=tree_hierarchy(task, TreeConfig())), policy)
    graph = launch(f"policy:={policy}", "episodes:=4", "seed:=4", "explore:=true", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    traces = in_process(policy, episodes=4, seed=4, mode=Mode.TRAIN)
    assert_same_run(read_bag(graph.out / "bag"), traces)
    assert graph.summary()["lost_messages"] == 0
    recording = read_bags([graph.out / "bag"])
    assert not recording.problems
    for episode, trace in zip(recording.episodes, traces, strict=True):
        for level in {subgoal.level for subgoal in trace.subgoals}:
            chosen = [subgoal for subgoal in trace.subgoals if subgoal.level == level]
            assert episode.subgoals[level].skill_ids.tolist() == [subgoal.skill_id for subgoal in chosen]
    paths = {result.active_path for trace in traces for result in trace.subgoal_results if result.level == 0}
    assert {len(path) for path in paths} == {2, 3, 4}


def test_two_stacks_in_two_namespaces_do_not_hear_each_other(launch, read_bag, in_process, assert_same_run, untrained):
    common = ("task:=AntMaze", f"policy:={untrained}", "episodes:=1")
    graphs = {
        name: launch(*common, f"namespace:={name}", f"seed:={seed}", out=name)
        for name, seed in (("alpha", 1), ("beta", 2))
    }
    for seed, (name, graph) in enumerate(graphs.items(), start=1):
        code, output = graph.wait()
        assert code == 0, output
        bag = read_bag(graph.out / "bag")
        assert {o.robot for o in bag["observation"]} == {name}
        assert {o.frame for o in bag["observation"]} == {f"{name}/odom"}
        assert_same_run(bag, in_process(untrained, seed=seed))
        assert graph.summary()["lost_messages"] == 0


def test_actions_to_choose_from_are_the_same_in_the_graph_and_in_process(
    launch, read_bag, in_process, assert_same_run, tmp_path
):
    policy = dataclasses.replace(random_checkpoint(load_task("grid_world"), seed=0), evaluation="sampled")
    save_checkpoint(policy, tmp_path / "policy")
    graph = launch("task:=grid_world", f"policy:={tmp_path / 'policy'}", "episodes:=2", "markers:=true")
    code, output = graph.wait()
    assert code == 0, output
    assert "Traceback" not in output
    bag = read_bag(graph.out / "bag")
    assert len({action.value[0] for action in bag["action"]}) > 1
    assert all(action.log_probability < 0 for action in bag["action"])
    assert_same_run(bag, in_process(tmp_path / "policy", episodes=2))


def test_a_plain_gymnasium_environment_with_choices_runs_is_recorded_and_exported(
    launch, read_bag, in_process, assert_same_run, tmp_path, monkeypatch, capsys
):
    policy = tmp_path / "policy"
    assert cli.main(["policy", "init", "--flat", "--task", "cart_pole", "--seed", "1", "--out", str(policy)]) == 0
    graph = launch(f"policy:={policy}", "episodes:=2", "explore:=true", "markers:=true", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    assert "Traceback" not in output
    assert graph.summary()["lost_messages"] == 0
    traces = in_process(policy, episodes=2, mode=Mode.TRAIN)
    assert_same_run(read_bag(graph.out / "bag"), traces)
    assert all(trace.observations[-1].terminated for trace in traces)
    chosen = [action.value[0] for trace in traces for action in trace.actions]
    assert {*chosen} == {0.0, 1.0}
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for words in (["info"], ["export", "--to", "parquet", "--out", "p"], ["export", "--to", "minari", "--out", "m-v0"]):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["bag", words[0], str(graph.out / "bag"), *words[1:]]) == 0
    rows = pq.read_table(tmp_path / "p/steps.parquet", columns=["action"])["action"].to_pylist()
    assert [row[0] for row in rows if row is not None] == chosen
    dataset = minari.load_dataset("m-v0")
    assert dataset.action_space == spaces.Discrete(2)
    assert [int(action) for episode in dataset.iterate_episodes() for action in episode.actions] == chosen


def test_fetch_push_runs_through_the_same_nodes(launch, read_bag, in_process, assert_same_run, tmp_path):
    policy = tmp_path / "fetch"
    save_checkpoint(random_checkpoint(load_task("FetchPush-v4"), seed=0), policy)
    graph = launch("task:=FetchPush-v4", f"policy:={policy}", "episodes:=1")
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert len(bag["observation"]) == 51
    assert len(bag["subgoal"]) == len(bag["subgoal_result"]) == 5
    assert_same_run(bag, in_process(policy))
