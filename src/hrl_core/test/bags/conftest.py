"""Builds recordings by hand; messages are serialised by rosbags, one by one, as an independent witness."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from hrl_core.bags.catalogue import Catalogue
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.randomisation import parse_randomisation, told_with

MESSAGES = Path(__file__).parents[3] / "hrl_msgs" / "msg"
START = 1_790_000_000_000_000_000
"""Receive time of the first message [ns]."""
TOPICS = {
    "Observation": "/observation",
    "Action": "/action",
    "Subgoal": "/subgoal",
    "SubgoalResult": "/subgoal_result",
    "EpisodeResult": "/episode_result",
    "RunInfo": "/run_info",
}


class Message(NamedTuple):
    """One message of a bag."""

    kind: str
    stamp: int
    data: bytes
    fields: dict


@pytest.fixture(scope="session")
def typestore():
    return typestore_with((f"hrl_msgs/msg/{p.stem}", p.read_text()) for p in sorted(MESSAGES.glob("*.msg")))


class Script:
    """Says what simulator, manager and worker say, field by field."""

    def __init__(self, store, task):
        self.store, self.task = store, task
        self.messages = []
        self.clock = START
        self.period = 3
        """Steps per subgoal."""

    def say(self, kind, /, **fields):
        """Append a message; fields not given are zero or empty."""
        stamp = fields.pop("stamp", self.clock)
        self.clock += 1_000_000
        content = dict(fields)
        header = fields.pop("header_stamp", 0)
        make = self.store.types[f"hrl_msgs/msg/{kind}"]
        values = {}
        for name, _ in self.store.fielddefs[f"hrl_msgs/msg/{kind}"][1]:
            values[name] = fields.pop(name, None)
        assert not fields, fields
        message = make(**{n: self._default(kind, n, header) if v is None else v for n, v in values.items()})
        data = bytes(self.store.serialize_cdr(message, f"hrl_msgs/msg/{kind}"))
        self.messages.append(Message(kind, stamp, data, content))

    def run_info(self, run=1, clock_mode=0, task=None, randomise="", **change):
        """Announce a run."""
        task = task or self.task
        text = told_with(task.to_yaml(), parse_randomisation(randomise))
        said = {"task": text, "task_hash": task.sha256, "git_commit": "abc", "seed": 5} | change
        self.say("RunInfo", run=run, robot="robot", clock_mode=clock_mode, **said)

    def episode(self, number, states, actions, rewards, run=1, robot="robot", terminated=False, task=None, end=True):
        """An episode in lock-step; states (T + 1, 4), actions (T, 2), subgoals every period."""
        task = task or self.task
        period, length, goal = self.period, len(actions), len(task.goal)
        key = {"run": run, "robot": robot, "episode": number}
        for step in range(length + 1):
            last = step == length and end
            self.say(
                "Observation",
                **key,
                header_stamp=step * 100_000_000,
                step=step,
                state=states[step],
                achieved_goal=states[step][:goal],
                desired_goal=np.array([float(number), 2.0])[:goal],
                reward=float(rewards[step - 1]) if step else 0.0,
                first=step == 0,
                terminated=last and terminated,
                truncated=last and not terminated,
                applied_action=actions[step - 1] if step else np.empty(0),
                task_hash=task.hash64,
            )
            if step and (step % period == 0 or last):
                seq = (step - 1) // period
                reason = (5 if terminated else 6) if last else 1
                self.say("SubgoalResult", **key, seq=seq, step=step, end_reason=reason, achieved=states[step][:3])
            if last or step == length:
                break
            if step % period == 0:
                said = {"value": states[step][1:4] * 0.5, "anchor": states[step][:3], "task_goal": np.array([0.0, 2.0])}
                self.say("Subgoal", **key, step=step, seq=step // period, kind=1, horizon=period, **said)
            self.say("Action", **key, step=step, value=actions[step], subgoal_seq=step // period, policy_version=9)
        if end:
            self.say("EpisodeResult", **key, seed=3, steps=length, episode_return=1.5, success=True)

    def _default(self, kind, name, header):
        node, content = dict(self.store.fielddefs[f"hrl_msgs/msg/{kind}"][1])[name]
        if name in ("header", "observation_stamp"):
            time = self.store.types["builtin_interfaces/msg/Time"](header // 10**9, header % 10**9)
            return time if name != "header" else self.store.types["std_msgs/msg/Header"](time, "odom")
        if node.name == "SEQUENCE":
            return np.empty(0) if content[0][1][0] == "float64" else []
        return {"string": "", "bool": False, "float64": 0.0}.get(content[0], 0)


@pytest.fixture(scope="session")
def script(typestore, tiny_task):
    """Make an empty script of the tiny task."""

    def make(task=None):
        return Script(typestore, task or tiny_task())

    return make


@pytest.fixture(scope="session")
def simple(script):
    """A script of some episodes with identifiable numbers, all in run 1."""

    def make(episodes=3, length=8, announce=True, run=1, first=0):
        said = script()
        if announce:
            said.run_info(run)
        for number in range(first, first + episodes):
            states = np.arange(4 * (length + 1)).reshape(length + 1, 4) / 7 + number
            said.episode(number, states, np.arange(2 * length).reshape(length, 2) / 3, np.arange(length) + 0.1, run)
        return said

    return make


@pytest.fixture(scope="session")
def write_bag(typestore):
    """Write messages with a storage: ours, or what ros2 bag record offers."""

    def write(path, messages, storage="ours", topics=TOPICS):
        if storage == "ours":
            writer = BagWriter(path, typestore)
            for kind in topics:
                writer.add_topic(topics[kind], f"hrl_msgs/msg/{kind}", latched=False)
            for message in messages:
                writer.write(topics[message.kind], message.stamp, message.data)
            writer.close({})
            return path
        plugin = StoragePlugin.SQLITE3 if storage.startswith("sqlite3") else StoragePlugin.MCAP
        writer = Writer(path, version=9, storage_plugin=plugin)
        if storage.endswith(("message", "file")):
            mode = CompressionMode.MESSAGE if storage.endswith("message") else CompressionMode.FILE
            writer.set_compression(mode, CompressionFormat.ZSTD)
        with writer:
            connections = {
                kind: writer.add_connection(topics[kind], f"hrl_msgs/msg/{kind}", typestore=typestore)
                for kind in TOPICS
            }
            for message in messages:
                writer.write(connections[message.kind], message.stamp, message.data)
        return path

    return write


@pytest.fixture(scope="session")
def write_traces(script, typestore):
    """Write traces as a bag; ``change`` may alter what an observation says, ``custom`` is what the recorder says."""

    def write(path, task, traces, change=lambda observation: {}, custom=None, **run_info):
        said = script(task)
        said.run_info(traces[0].result.run, **run_info)
        for trace in traces:
            for kind, records in (
                ("Observation", trace.observations),
                ("Action", trace.actions),
                ("Subgoal", trace.subgoals),
                ("SubgoalResult", trace.subgoal_results),
            ):
                known = {name for name, _ in typestore.fielddefs[f"hrl_msgs/msg/{kind}"][1]} - {"observation_stamp"}
                for one in records:
                    fields = {name: value for name, value in one._asdict().items() if name in known}
                    extra = change(one) if kind == "Observation" else {}
                    said.say(kind, header_stamp=one.stamp, **{**fields, **extra})
            fields = {n: v for n, v in trace.result._asdict().items() if n not in ("stamp", "frame")}
            said.say("EpisodeResult", **fields)
        writer = BagWriter(path, typestore)
        for kind in ("RunInfo", "Observation", "Action", "Subgoal", "SubgoalResult", "EpisodeResult"):
            writer.add_topic(f"/{kind}", f"hrl_msgs/msg/{kind}", latched=False)
        for message in said.messages:
            writer.write(f"/{message.kind}", message.stamp, message.data)
        writer.close(custom or {})
        return path

    return write


_NUMBER = "test_msgs/msg/Number"
_NUMBERS = typestore_with([(_NUMBER, "uint32 value\n")])


def _close_bag(folder: Path, number: int, told: bool = True) -> Path:
    """Write a segment as a recorder does, and have the catalogue tell of it."""
    bag = folder / f"segment_{number:06d}"
    writer = BagWriter(bag, _NUMBERS)
    writer.add_topic("/number", _NUMBER, latched=False)
    writer.write("/number", 1 + number, b"\0" * 8)
    custom = {
        "hrl.run": str(2**64 - 1),
        "hrl.robot": "robot",
        "hrl.segment": str(number),
        "hrl.task_hash": "ab" * 32,
        "hrl.policy_versions": json.dumps([number, number + 1]),
        "hrl.episodes": json.dumps([{"episode": number, "steps": 10}, {"episode": number + 1, "steps": 5}]),
    }
    writer.close(custom)
    if told:
        Catalogue(folder).add(bag, custom)
    return bag


@pytest.fixture(scope="session")
def close_bag():
    """Writes segment ``number`` of a folder as a recorder does, and has the catalogue tell of it."""
    return _close_bag
