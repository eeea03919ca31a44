"""A bag recorded with the first message definitions is read as ever; what its messages lack has its default."""

import hashlib
import re
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from hrl_core.algorithms.hiro.relabel_bags import Relabeler
from hrl_core.bags.added_fields import ADDED, as_of_today, older_text
from hrl_core.bags.blocks import BagScan, recorded_topic
from hrl_core.bags.cdr_layout import decoded, definitions
from hrl_core.bags.opening import opened
from hrl_core.bags.reader import read_bags
from hrl_core.bags.recovery import recover
from hrl_core.bags.store_filling import fill_store
from hrl_core.bags.tables import POLICY_UPDATE, RUN_INFO, read_tables
from hrl_core.bags.topic import Topic
from hrl_core.bags.writer import typestore_with
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.checkpoints.loading import ALL, MANAGER, WORKER
from hrl_core.exports.formats import format_named
from hrl_core.exports.selection import choose_episodes
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.messages import ActionSource
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.text import load_task

FIRST = Path(__file__).parents[1] / "data" / "first_messages"
"""Point Maze in lock-step, an untrained policy that explores: three episodes that a reset ended, one that begins."""
ARRAYS = {
    "stamps": "0daa76ca9b2c", "received": "19e4d6b920ff", "states": "f4c6cd2be1af", "achieved_goals": "88833ff701b3",
    "desired_goals": "67a9bbf49a72", "success": "3f68500034d5", "rewards": "89a6c1fc6b05",
    "applied_actions": "0bb6bc79bc8e", "action_sources": "aae2bb96a3e8", "actions": "0bb6bc79bc8e",
    "policy_versions": "0d12bf11fa30", "log_probabilities": "0ee1bf2ca4af", "subgoals.seqs": "8b2aac8e7032",
    "subgoals.steps": "788d2276b7af", "subgoals.kinds": "e05811b5baf6", "subgoals.values": "e5a1b85d090f",
    "subgoals.anchors": "147d9bd40486", "subgoals.task_goals": "97b9be4ef764", "subgoals.parent_seqs": "aba55db3d252",
    "subgoals.skill_ids": "aba55db3d252", "subgoals.horizons": "0389c1117599",
    "subgoals.log_probabilities": "d3067ffd51a1", "subgoals.value_estimates": "d3067ffd51a1",
    "subgoals.policy_versions": "e05811b5baf6", "segments.seqs": "8844fcd355ae", "segments.steps": "f65ae5e67db2",
    "segments.steps_used": "e4aa6e2a8629", "segments.end_reasons": "e01379b1f9fe", "segments.achieved": "c0bfe1b7a263",
    "segments.reward_sums": "9d3495e8b6f1", "segments.intrinsic_sums": "32efd069a869",
}  # fmt: skip
"""SHA-256 of what was read before any field was added."""
STORE = {
    "states": "1e0ddce406de", "actions": "ae62cb121c0a", "rewards": "f739a3518d4d", "subgoals": "8e462c4382fc",
    "targets": "9ea5b105c126", "task_goals": "7996fe3938ff", "lengths": "0a8a302a1c6f", "finished": "709e80c88487",
    "terminated": "709e80c88487",
}  # fmt: skip
MESSAGES = Path(__file__).parents[3] / "hrl_msgs" / "msg"
TEXTS = [(f"hrl_msgs/msg/{p.stem}", p.read_text()) for p in sorted(MESSAGES.glob("*.msg"))]


def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def copied(folder, storage, last_episode=True):
    """A copy of the stack's own messages, perhaps without the episode that has only begun."""
    scan, ours = BagScan(FIRST), {}
    blocks = list(scan.blocks())
    begun = read_bags([FIRST]).episodes[-1]
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        for key, topic in scan.topics.items():
            if topic.type.startswith("hrl_msgs/"):
                text, rihs01 = topic.definition, definitions(topic).hash_rihs01(topic.type)
                ours[key] = writer.add_connection(topic.name, topic.type, msgdef=text, rihs01=rihs01)
        for block in blocks:
            for row, key in enumerate(block.topics.tolist()):
                if key in ours and (last_episode or block.stamps[row] < begun.received[0]):
                    writer.write(ours[key], int(block.stamps[row]), block.message(row))
    return folder


def told(episodes):
    """Name of every array of the episodes -> digest."""
    found = {}
    for episode in episodes:
        arrays = {name: value for name, value in vars(episode).items() if isinstance(value, np.ndarray)}
        for kind in ("subgoals", "segments"):
            for table in getattr(episode, kind).values():
                arrays |= {f"{kind}.{name}": column for name, column in table._asdict().items()}
        for name, array in arrays.items():
            found.setdefault(name, []).append(digest(np.ascontiguousarray(array).tobytes()))
    return {name: digest("".join(parts).encode()) for name, parts in found.items()}


def require_as_ever(recording):
    assert not recording.problems
    assert [(e.key.episode, e.steps) for e in recording.episodes] == [(0, 60), (1, 44), (2, 44), (3, 0)]
    assert told(recording.episodes).items() >= ARRAYS.items()


def test_arrays_are_those_of_old_and_what_was_added_has_its_default():
    recording = read_bags([FIRST])
    require_as_ever(recording)
    for episode in recording.episodes:
        assert not episode.subgoals[0].attempts.any()
        assert (episode.sources == ActionSource.POLICY).all()
        assert np.array_equal(episode.intended, episode.actions)
    assert recording.task == load_task("PointMaze")


def test_single_messages_have_what_was_added():
    singles = {single.type: single.message for single in read_tables([FIRST]).singles}
    assert (singles[RUN_INFO].hierarchy, singles[RUN_INFO].hierarchy_hash) == ("", "")
    assert singles[POLICY_UPDATE].party == ALL


def test_the_store_is_filled_as_ever():
    recording = read_bags([FIRST])
    store = EpisodeStore(load_task("PointMaze"), hierarchy_of(load_task("PointMaze")).levels[0], 1000, 1)
    (problem,) = fill_store(store, load_task("PointMaze"), recording.episodes)
    assert "0 steps" in problem.text
    used = store.state_dict()["slots"]
    assert {name: digest(getattr(store, name)[used].tobytes()) for name in STORE} == STORE


def test_bags_of_both_definitions_are_read_together(tmp_path, script, write_bag):
    said = script(load_task("PointMaze"))
    said.say("Observation", run=1, robot="robot", episode=0, state=np.zeros(7), achieved_goal=np.zeros(2),
             desired_goal=np.zeros(2), task_hash=said.task.hash64)  # fmt: skip
    said.say("Action", run=1, robot="robot", episode=0, value=np.ones(2), source=3, intended=np.zeros(2))
    said.say("Observation", run=1, robot="robot", episode=0, step=1, state=np.ones(7), achieved_goal=np.zeros(2),
             desired_goal=np.zeros(2), applied_action=np.ones(2), task_hash=said.task.hash64,
             header_stamp=9)  # fmt: skip
    said.say("Subgoal", run=1, robot="robot", episode=0, kind=1, value=np.ones(2), anchor=np.ones(2), attempt=6)
    new = write_bag(tmp_path / "new", said.messages)
    recording = read_bags([new, FIRST])
    newest, *old = recording.episodes
    assert told(old).items() >= ARRAYS.items()
    assert newest.subgoals[0].attempts.tolist() == [6]
    assert newest.sources.tolist() == [ActionSource.TELEOP]
    assert newest.actions.tolist() == [[1.0, 1.0]]
    assert newest.intended.tolist() == [[0.0, 0.0]]


def test_it_is_relabelled_exported_and_recovered(tmp_path):
    policy = random_checkpoint(load_task("PointMaze"), seed=3)
    whole = copied(tmp_path / "whole", StoragePlugin.MCAP, last_episode=False)
    outcome = Relabeler(policy, TEXTS, candidates=4).relabel(whole, tmp_path / "relabelled")
    assert (outcome.transitions, outcome.problems) == (6 + 4 + 4, [])
    format_named("parquet").export(choose_episodes(read_bags([FIRST])), tmp_path / "parquet")
    assert (tmp_path / "parquet" / "steps.parquet").is_file()
    shutil.copy(FIRST / "bag.mcap", tmp_path / "bag.mcap")
    recovery = recover(tmp_path / "bag.mcap", tmp_path / "recovered")
    assert not recovery.problems
    require_as_ever(read_bags([tmp_path / "recovered"]))


def test_messages_become_ones_of_today_by_what_is_put_behind_them(typestore):
    with opened(FIRST) as reader:
        for connection in reader.connections:
            topic = recorded_topic(reader, connection)
            complete, store = as_of_today(topic), definitions(topic)
            if topic.type not in ADDED or topic.type == POLICY_UPDATE:
                assert complete(b"as it is") == b"as it is"
                continue
            for _, _, view in reader.messages([connection]):
                old, new = bytes(view), complete(bytes(view) + bytes(-len(view) % 4))
                before, now = decoded(store, topic.type, old), decoded(typestore, topic.type, new)
                assert bytes(typestore.serialize_cdr(now, topic.type)) == new
                for name in (name for name, _ in store.fielddefs[topic.type][1] if name != "header"):
                    assert repr(getattr(before, name)) == repr(getattr(now, name))
                today = Topic(
                    topic.name, topic.type, typestore.generate_msgdef(topic.type, ros_version=2)[0], False, ()
                )
                assert as_of_today(today)(new) == new
            assert complete(b"\0\1\0\0nonsense") == b"\0\1\0\0nonsense"


def test_the_first_definitions_are_those_of_the_bag():
    older = typestore_with([(name, older_text(name, text)) for name, text in TEXTS])
    with Reader(FIRST) as reader:
        ours = {c.msgtype: c.digest for c in reader.connections if c.msgtype.startswith("hrl_msgs/")}
    assert ours.keys() >= ADDED.keys()
    assert {name: older.hash_rihs01(name) for name in ours} == ours
    today = typestore_with(TEXTS)
    assert {name for name in ours if today.hash_rihs01(name) != ours[name]} == ADDED.keys()


def as_humble(folder, hashes):
    """The kept bag as sqlite3 without definitions, as ROS 2 Humble writes it; ``hashes``: as Iron does."""
    forget_definitions(copied(folder, StoragePlugin.SQLITE3), hashes)
    return folder


def forget_definitions(bag, hashes):
    (file,) = bag.glob("*.db3")
    with sqlite3.connect(file) as data:
        data.execute("DELETE FROM message_definitions")
        if not hashes:
            data.execute("UPDATE topics SET type_description_hash = ''")
    if not hashes:
        text = (bag / "metadata.yaml").read_text()
        (bag / "metadata.yaml").write_text(re.sub(r"RIHS01_[0-9a-f]{64}", "''", text))


@pytest.mark.parametrize("hashes", [False, True])
def test_without_definitions_it_is_read_by_what_fits_or_by_its_hashes(tmp_path, hashes):
    bag = as_humble(tmp_path / "bag", hashes)
    require_as_ever(read_bags([bag]))
    singles = {single.type: single.message for single in read_tables([bag]).singles}
    assert singles[POLICY_UPDATE].party == ALL
    assert singles[RUN_INFO].hierarchy == ""


@pytest.mark.parametrize(("level", "party"), [(0, WORKER), (1, MANAGER), (255, ALL)])
@pytest.mark.parametrize("algorithm", ["", "td3", "hiro", "feudal", "relay p"])
def test_whom_a_policy_is_for_is_told_by_its_old_level(tmp_path, level, party, algorithm):
    older = typestore_with([(name, older_text(name, text)) for name, text in TEXTS])
    make, header = older.types[POLICY_UPDATE], older.types["std_msgs/msg/Header"]
    stamp = older.types["builtin_interfaces/msg/Time"](1, 2)
    message = make(header(stamp, ""), 7, algorithm, level, 2**40 + 3, 2, "/file", "sha", "task", "commit", "{}")
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        topic = writer.add_connection("/policy_update", POLICY_UPDATE, typestore=older)
        writer.write(topic, 1, bytes(older.serialize_cdr(message, POLICY_UPDATE)))
    for definitions_kept in (True, False):
        if not definitions_kept:
            forget_definitions(tmp_path / "bag", hashes=False)
        (single,) = read_tables([tmp_path / "bag"]).singles
        assert (single.message.party, single.message.version) == (party, 2**40 + 3)
