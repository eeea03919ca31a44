"""The summary: figures of the simulator, and what a real bag holds of them."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rosbags.interfaces import Nodetype
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.run_folder import RunFolder
from hrl.results.bag_count import BagCount, DecisionKey, count_bag
from hrl.results.summary import loss_in_words, write_summary
from hrl_core.errors import HrlError

MESSAGES = Path(__file__).parents[2] / "hrl_msgs" / "msg"
RUN = 2**64 - 5
KINDS = {
    "observation": "Observation",
    "action": "Action",
    "subgoal": "Subgoal",
    "subgoal_result": "SubgoalResult",
    "episode_result": "EpisodeResult",
}
KEYS = [
    *[("observation", 0, step) for step in range(3)],
    *[("observation", 1, step) for step in range(2)],
    *[("action", 0, step) for step in range(2)],
    ("action", 1, 0),
    *[("subgoal", 0, seq) for seq in range(2)],
    ("subgoal", 1, 0),
    *[("subgoal_result", 0, seq) for seq in range(2)],
    ("episode_result", 0, 0),
]
"""Episode 0 is whole, episode 1 was interrupted at step 1 with its first segment open."""


def report(**changes):
    episode = {"seed": 1, "steps": 2, "episode_return": -3.0, "success": True, "final_distance": 4.0}
    return {
        "run": RUN,
        "robot": "robot",
        "task": "ant_maze",
        "task_hash": "ab",
        "seed": 0,
        "clock": "lockstep",
        "observations": 5,
        "actions": 3,
        "env_steps": 3,
        "env_steps_per_s": 100.0,
        "action_latency_ms": {"p50": 1.0, "p99": 2.0, "max": 3.0},
        "missed_deadlines": 0,
        "refused_actions": 0,
        "episodes": [{"episode": 0, **episode, "end_reason": "TIME_LIMIT"}],
        **changes,
    }


def default_value(store, node, detail):
    """Return zero, an empty text or an empty array, as the field's definition asks for."""
    if node == Nodetype.BASE:
        return "" if detail[0] == "string" else 0
    if node == Nodetype.NAME:
        return filled(store, detail, {})
    return [] if detail[0][1][0] == "string" else np.empty(0)


def filled(store, kind, values):
    """Return a message with the given values and defaults elsewhere."""
    rest = {name: default_value(store, *definition) for name, definition in store.fielddefs[kind][1]}
    return store.types[kind](**rest | {name: value for name, value in values.items() if name in rest})


def write_bag(path, keys, run=RUN, namespace=""):
    """Write messages given by (topic, episode, step or seq); every one twice, as a resending node does."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in KINDS.values():
        text = (MESSAGES / f"{name}.msg").read_text()
        store.register(get_types_from_msg(text, f"hrl_msgs/msg/{name}"))
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(f"{namespace}/{topic}", f"hrl_msgs/msg/{name}", typestore=store)
            for topic, name in KINDS.items()
        }
        for topic, episode, number in [*keys, *keys]:
            kind = f"hrl_msgs/msg/{KINDS[topic]}"
            message = filled(store, kind, {"run": run, "episode": episode, "step": number, "seq": number})
            writer.write(connections[topic], 0, store.serialize_cdr(message, kind))


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path, LaunchArguments(), Path("policy"), False)


def summary_of(folder, recorded=True, **changes):
    folder.simulator_report.write_text(json.dumps(report(**changes)))
    screen = io.StringIO()
    summary = write_summary(folder, recorded, Console(file=screen, width=120))
    assert json.loads(folder.summary.read_text()) == summary
    return summary, screen.getvalue()


def test_an_episode_that_was_cut_off_is_told_and_so_is_what_was_missed(folder):
    cut = {**report()["episodes"][0], "episode": 1, "end_reason": "ROBOT_SILENT"}
    changes = {"episodes": [*report()["episodes"], cut], "missed_deadlines": 18}
    summary, screen = summary_of(folder, recorded=False, **changes)
    assert summary["episode_ends"] == {"TIME_LIMIT": 1, "ROBOT_SILENT": 1}
    assert "2, 1 ended: robot silent" in screen
    assert "missed deadlines" in screen
    assert "refused actions" not in screen


def test_a_task_without_a_goal_is_not_called_missed(folder):
    summary, screen = summary_of(folder, recorded=False, has_goal=False)
    assert (summary["success_rate"], summary["mean_final_distance"]) == (None, None)
    assert summary["mean_return"] is not None
    assert "0.00" not in screen.partition("success rate")[2].splitlines()[0]


def test_a_run_of_very_many_episodes_is_summed_up(folder):
    episode = report()["episodes"][0]
    summary, _ = summary_of(folder, recorded=False, episodes=[{**episode, "episode": n} for n in range(60_000)])
    assert summary["episodes"] == 60_000


def test_a_complete_bag_has_lost_nothing(folder):
    write_bag(folder.bag, KEYS)
    summary, screen = summary_of(folder)
    expected = {
        "episodes": 1,
        "env_steps": 3,
        "env_steps_per_s": 100.0,
        "success_rate": 1.0,
        "mean_return": -3.0,
        "mean_final_distance": 4.0,
        "action_latency_ms": {"p50": 1.0, "p99": 2.0, "max": 3.0},
        "subgoals": 3,
        "lost_messages": 0,
        "policy_trained": False,
        "bag": str(folder.bag),
    }
    assert {name: summary[name] for name in expected} == expected
    assert "UNTRAINED" in screen


@pytest.mark.parametrize(
    ("lost", "count"),
    [
        ([("observation", 0, 1)], 1),
        ([("action", 1, 0)], 1),
        ([("subgoal", 0, 0)], 1),
        ([("subgoal", 0, 1)], 1),
        ([("subgoal_result", 0, 0)], 1),
        ([("subgoal_result", 0, 1)], 1),
        ([("episode_result", 0, 0)], 1),
        ([("subgoal", 0, 0), ("action", 0, 0), ("observation", 1, 1)], 3),
    ],
)
def test_every_missing_message_is_counted(folder, lost, count):
    write_bag(folder.bag, [key for key in KEYS if key not in lost], namespace="/robot_1")
    summary, _ = summary_of(folder)
    assert summary["lost_messages"] == count


def test_what_is_lost_is_said_by_kind(folder):
    write_bag(folder.bag, [key for key in KEYS if key not in [("subgoal", 0, 0), ("action", 0, 0)]])
    summary, _ = summary_of(folder)
    assert loss_in_words(summary).startswith("the recording lacks 1 action, 1 subgoal message; `hrl bag check /")
    write_bag(folder.path / "whole" / "bag", KEYS)
    whole, _ = summary_of(dataclasses.replace(folder, path=folder.path / "whole"))
    assert loss_in_words(whole) == ""


def test_by_the_wall_clock_the_worker_may_be_away_when_an_episode_ends(folder):
    write_bag(folder.bag, [key for key in KEYS if key != ("subgoal_result", 0, 1)])
    assert summary_of(folder)[0]["lost_messages"] == 1
    assert summary_of(folder, clock="realtime")[0]["lost_messages"] == 0


def test_an_action_that_came_too_late_makes_up_for_no_loss(folder):
    write_bag(folder.bag, [key for key in KEYS if key != ("observation", 0, 1)])
    summary, _ = summary_of(folder, actions=2)
    assert summary["lost_messages"] == 1


def test_messages_of_another_run_do_not_count(folder):
    write_bag(folder.bag, KEYS, run=7)
    summary, _ = summary_of(folder)
    assert summary["lost_messages"] == 9
    assert summary["subgoals"] == 0


def test_levels_are_counted_apart():
    count = BagCount()
    count.subgoals[DecisionKey(0, 0)] = {0, 1}
    count.subgoal_results[DecisionKey(0, 0)] = {0, 1}
    count.subgoals[DecisionKey(0, 1)] = {0, 2}
    count.subgoal_results[DecisionKey(0, 1)] = {0, 1, 2}
    assert count.subgoal_total == 4
    assert count.missing_decisions([0]) == 1


def test_of_directions_spoken_at_every_step_only_the_last_one_of_an_episode_has_a_result():
    count = BagCount(unreported=frozenset({0}))
    count.subgoals[DecisionKey(0, 0)] = {0, 1, 2}
    assert count.missing_decisions([]) == 0
    assert count.missing_decisions([0]) == 1
    count.subgoal_results[DecisionKey(0, 0)] = {2}
    assert count.missing_decisions([0]) == 0
    count.subgoals[DecisionKey(0, 0)] = {0, 2}
    assert count.missing_decisions([0]) == 1


def test_without_recording_there_are_no_figures_of_a_bag(folder):
    summary, screen = summary_of(folder, recorded=False)
    assert summary["bag"] is summary["lost_messages"] is None
    assert "not recorded" in screen


def test_a_run_without_a_finished_episode_has_no_means(folder):
    summary, _ = summary_of(folder, recorded=False, episodes=[], action_latency_ms=None)
    assert summary["episodes"] == 0
    assert summary["success_rate"] is summary["mean_return"] is None
    assert summary["action_latency_ms"] == {"p50": None, "p99": None, "max": None}


def test_numbers_that_json_does_not_know_become_null(folder):
    summary, _ = summary_of(folder, recorded=False, env_steps_per_s=float("nan"))
    assert summary["env_steps_per_s"] is None


def test_a_missing_bag_leaves_the_other_figures(folder):
    summary, screen = summary_of(folder)
    assert summary["env_steps"] == 3
    assert summary["bag"] is None
    assert "no figures from the recording" in screen


def test_a_missing_report_is_said(folder):
    with pytest.raises(HrlError, match="the simulator left no report"):
        write_summary(folder, False, Console(file=io.StringIO()))


def test_a_damaged_bag_is_named(folder):
    write_bag(folder.bag, KEYS)
    [data] = folder.bag.glob("*.mcap")
    data.write_bytes(data.read_bytes()[:-20])
    with pytest.raises(HrlError, match=r"damaged at byte .*hrl bag recover"):
        count_bag(folder.bag, RUN)
