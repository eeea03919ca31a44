"""Sound files for ``fuzz_files``: a policy, a task, a robot, and a run with its recording in three storages."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl.film.footage import rollouts
from hrl_core.bags.facts import BagFacts
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.checkpoints.checkpoint import Checkpoint, random_checkpoint, save_checkpoint
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_robot.robot_config import _ROBOTS
from hrl_ros import messages
from hrl_ros.message_texts import message_texts

EPISODES, STEPS, RUN = 2, 25, 7
Said = list[tuple[str, int, bytes]]
"""Type, receive time [ns] and content of each message."""
_TYPES = ("RunInfo", "Observation", "Action", "Subgoal", "SubgoalResult", "EpisodeResult")
_TOPICS = {"RunInfo": "/run_info", "SubgoalResult": "/subgoal_result", "EpisodeResult": "/episode_result"}
_START = 1_790_000_000_000_000_000


def make(folder: Path) -> None:
    """Write all of them below ``folder``."""
    spec = dataclasses.replace(load_task("point_maze"), max_episode_steps=STEPS)
    checkpoint = random_checkpoint(spec, seed=1)
    save_checkpoint(checkpoint, folder / "policy")
    (folder / "task.yaml").write_text(spec.to_yaml())
    (folder / "robot.yaml").write_text((_ROBOTS / "fake_ant.yaml").read_text())
    store, said = typestore_with(message_texts()), _said(checkpoint)
    writer = BagWriter(folder / "zstd", store)
    for kind in _TYPES:
        writer.add_topic(_topic(kind), f"hrl_msgs/msg/{kind}", latched=kind == "RunInfo")
    for kind, stamp, data in said:
        writer.write(_topic(kind), stamp, data)
    writer.close(_facts(spec))
    for name, plugin in (("plain", StoragePlugin.MCAP), ("sqlite", StoragePlugin.SQLITE3)):
        with Writer(folder / name, version=9, storage_plugin=plugin) as other:
            topics = {
                kind: other.add_connection(_topic(kind), f"hrl_msgs/msg/{kind}", typestore=store) for kind in _TYPES
            }
            for kind, stamp, data in said:
                other.write(topics[kind], stamp, data)
    shutil.copytree(folder / "zstd", folder / "run" / "bag")
    for name, content in _run_files(folder).items():
        (folder / "run" / name).write_text(json.dumps(content, indent=2))


def _topic(kind: str) -> str:
    return _TOPICS.get(kind, f"/{kind.lower()}")


def _said(checkpoint: Checkpoint) -> Said:
    store = typestore_with(message_texts())
    info = _run_info(store.types, checkpoint.task)
    said: Said = [("RunInfo", _START, bytes(store.serialize_cdr(info, "hrl_msgs/msg/RunInfo")))]
    for trace, _ in rollouts(checkpoint, EPISODES, RUN, None):
        told = (
            ("Observation", messages.OBSERVATION, trace.observations),
            ("Action", messages.ACTION, trace.actions),
            ("Subgoal", messages.SUBGOAL, trace.subgoals),
            ("SubgoalResult", messages.SUBGOAL_RESULT, trace.subgoal_results),
            ("EpisodeResult", messages.EPISODE_RESULT, [trace.result]),
        )
        for kind, codec, rows in told:
            said += [(kind, _START + row.stamp, codec.encode(row._replace(run=RUN))) for row in rows]
    return said


def _run_info(types: dict[str, Any], spec: TaskSpec) -> Any:  # noqa: ANN401 - classes are made from definitions
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), "odom")
    return types["hrl_msgs/msg/RunInfo"](
        header=header,
        run=RUN,
        robot="robot",
        task=spec.to_yaml(),
        task_hash=spec.sha256,
        clock_mode=0,
        real_time_factor=0.0,
        recorded=True,
        seed=RUN,
        git_commit="abc",
        hierarchy="",
        hierarchy_hash="",
    )


def _facts(spec: TaskSpec) -> dict[str, str]:
    """What a recorder writes into the metadata."""

    @dataclasses.dataclass(frozen=True)
    class Info:
        run: int = RUN
        robot: str = "robot"
        task_hash: str = spec.sha256
        task: str = spec.to_yaml()
        seed: int = RUN
        git_commit: str = "abc"
        hierarchy: str = ""
        hierarchy_hash: str = ""

    return BagFacts(info=Info(), policies={0: "ab" * 32}, acted={0}).custom_data()


def _run_files(folder: Path) -> dict[str, Any]:
    latency = {"p50": 0.2, "p99": 0.9, "max": 2.0}
    return {
        "summary.json": {
            "episodes": EPISODES, "env_steps": EPISODES * STEPS, "env_steps_per_s": 812.5, "clock": "lockstep",
            "seed": RUN, "lost_messages": 0, "git_commit": "abcdef0123456789", "action_latency_ms": latency,
        },
        "simulator.json": {
            "action_latency_ms": latency,
            "action_latency_histogram": {"edges_ms": [0.1, 0.2, 0.5, 1.0, 5.0], "counts": [3, 20, 25, 2]},
        },
        "launch.json": {"arguments": {"seed": RUN}, "policy": str(folder / "policy"), "git_commit": "abc"},
    }  # fmt: skip
