"""A recording is split between episodes only; every bag stands alone, and a refusing disk is never called a success."""

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from hrl_core.bags import writer
from hrl_core.bags.catalogue import CATALOGUE, Catalogue
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.recovery import recover
from hrl_core.bags.remote import RemoteFolder, upload_missing, waiting_mark
from hrl_core.bags.writer import typestore_with
from hrl_core.messages import NAN, NO_VECTOR, Action, EpisodeResult, Observation, SegmentEnd, Subgoal, SubgoalResult
from hrl_training import closed_bags, segments
from hrl_training.recording import RecordingLedger
from hrl_training.segments import POLICIES, RecordedTopic, SegmentedRecording, SplitLimits

TYPE = "test_msgs/msg/Number"
TOPICS = {name: RecordedTopic(f"/{name}", TYPE, name == "info") for name in ("info", "clock", "keyed")}
STORE = typestore_with([(TYPE, "uint32 value\n")])


def observation(episode, step, last=False):
    flags = {"success": False, "first": step == 0, "terminated": False, "truncated": last}
    nothing = np.zeros(2)
    return Observation(
        0, "", 1, "r", episode, step, nothing, nothing, nothing, 0.0, **flags, mode=1, applied_action=NO_VECTOR,
        action_source=0, task_hash=0,
    )  # fmt: skip


def episode_messages(number, length=2):
    """Everything one episode says, the last observation before action, result, subgoal and outcome of its end."""
    said = []
    for step in range(length + 1):
        said.append(observation(number, step, last=step == length))
        if step:
            said.append(Action(0, "", 1, "r", number, step - 1, NO_VECTOR, 0, 0, NAN, number))
    subgoal = Subgoal(
        0, "", 1, "r", number, 0, 0, 0, 0, 0, NO_VECTOR, NO_VECTOR, 0, 0, "", NO_VECTOR, 2, 0, NO_VECTOR,
        end_when_achieved=False, worker_may_terminate=False, test=False, deterministic=True,
        log_probability=NAN, value_estimate=NAN, policy_version=4,
    )  # fmt: skip
    end = SubgoalResult(0, "", 1, "r", number, 0, 0, length, length, SegmentEnd.TRUNCATED, 0, NO_VECTOR, 0, 0, 0, ())
    return [*said, end, subgoal, EpisodeResult(0, "", 1, "r", number, 0, length, 0.0, True, 0.0, 1)]


class Recorder:
    """What the node does with messages, without ROS."""

    def __init__(self, path, limits, upload=""):
        self.ledger = RecordingLedger()
        self.recording = SegmentedRecording(path, STORE, TOPICS, limits, self.ledger.complete, upload)
        self.count = 0

    def take(self, *messages):
        for message in messages:
            assert self.ledger.admit(message)
            self.recording.write_keyed("keyed", self._stamp(), self._data(message.episode), message)

    def say(self, topic, value):
        self.recording.write(topic, self._stamp(), self._data(value))

    def _stamp(self):
        self.count += 1
        return self.count

    def _data(self, value):
        return b"\0\1\0\0" + int(value).to_bytes(4, "little")


def content(bag):
    """Topic -> values, and the custom metadata."""
    values = {}
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            values.setdefault(connection.topic, []).append(int.from_bytes(bytes(data)[4:], "little"))
        return values, reader.storage.metadata.custom or {}


def test_without_limit_the_recording_is_one_bag(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits())
    for number in range(3):
        recorder.take(*episode_messages(number))
    recorder.recording.close()
    values, custom = content(tmp_path / "bag")
    assert values["/keyed"] == [n for n in range(3) for _ in episode_messages(n)]
    assert custom["hrl.run"] == ""


def test_bags_hold_whole_episodes_and_repeat_what_is_latched(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=2))
    recorder.say("info", 77)
    for number in range(5):
        recorder.take(*episode_messages(number))
        recorder.say("clock", number)
    recorder.recording.close()
    bags = sorted(p.name for p in (tmp_path / "bag").glob("segment_*"))
    assert bags == ["segment_000000", "segment_000001", "segment_000002"]
    for number, episodes in enumerate(([0, 1], [2, 3], [4])):
        values, _ = content(tmp_path / "bag" / bags[number])
        assert values["/info"] == [77]
        assert values["/keyed"] == [n for n in episodes for _ in episode_messages(n)]
        assert values["/clock"] == episodes, "what belongs to no episode stays in the order of its coming"


def test_many_episodes_may_wait_for_one(tmp_path):
    """Episodes of one step while an action of the first is still on its way; more of them than calls may be nested."""
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=300))
    late, *first = sorted(episode_messages(0), key=lambda message: not isinstance(message, Action))
    recorder.take(*first)
    for number in range(1, 900):
        recorder.take(*episode_messages(number, length=1))
    recorder.take(late)
    recorder.recording.close()
    bags = sorted((tmp_path / "bag").glob("segment_*"))
    held = [sorted(set(content(bag)[0]["/keyed"])) for bag in bags]
    assert held == [[*range(300)], [*range(300, 600)], [*range(600, 900)]]


def test_an_episode_that_is_still_heard_of_is_not_cut(tmp_path):
    """A recorder with a backlog reads the next one's first subgoal long before the last observations of this one."""
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    now, later = episode_messages(0, length=60), episode_messages(1, length=60)
    rare = [message for message in now if not isinstance(message, Observation | Action)]
    first = next(message for message in later if isinstance(message, Subgoal))
    recorder.take(*rare, first)
    for message in now:
        if isinstance(message, Observation | Action):
            recorder.take(message)
            recorder.recording.check()
    recorder.take(*(message for message in later if message is not first))
    recorder.recording.close()
    bags = sorted((tmp_path / "bag").glob("segment_*"))
    assert [set(content(bag)[0]["/keyed"]) for bag in bags] == [{0}, {1}]


def test_each_bag_tells_its_own_episodes_and_policies(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    recorder.recording.facts.info = Info()
    recorder.recording.facts.policies[0] = "abc"
    for number in range(2):
        recorder.take(*episode_messages(number))
    recorder.take(*episode_messages(2)[:3])
    recorder.recording.close()
    said = [content(path)[1] for path in sorted((tmp_path / "bag").glob("segment_*"))]
    assert [[e["episode"] for e in json.loads(s["hrl.episodes"])] for s in said] == [[0], [1], []]
    assert [json.loads(s["hrl.policy_versions"]) for s in said] == [[0], [1], [2]]
    assert [json.loads(s["hrl.policy_sha256"])["0"] for s in said] == ["abc"] * 3
    assert [json.loads(s["hrl.unfinished_episodes"]) for s in said] == [[], [], [2]]
    assert [s["hrl.segment"] for s in said] == ["0", "1", "2"]
    assert {s["hrl.task_hash"] for s in said} == {"hash"}
    assert {(s["hrl.hierarchy"], s["hrl.hierarchy_hash"]) for s in said} == {("levels: []", "other hash")}


def test_a_bag_names_the_policies_of_late_and_those_that_act(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    recorder.recording.facts.info = Info()
    policies = recorder.recording.facts.policies
    policies.update({version: str(version) for version in range(1000)})
    for number in range(2):
        recorder.take(*episode_messages(number))
    recorder.recording.close()
    said = [content(path)[1] for path in sorted((tmp_path / "bag").glob("segment_*"))]
    named = [json.loads(s["hrl.policy_sha256"]) for s in said]
    assert len(named[0]) == 1000
    newest = {str(version) for version in range(1000 - POLICIES, 1000)}
    assert named[1].keys() == newest | {"0", "1"}
    assert named[1]["0"] == "0"


def test_the_catalogue_tells_of_each_closed_bag_and_its_loss_costs_nothing(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    recorder.recording.facts.info = Info()
    recorder.take(*episode_messages(0))
    recorder.take(*episode_messages(1))
    catalogue = Catalogue(tmp_path / "bag")
    eventually(lambda: told_by(catalogue))
    assert [(row.path, row.episodes, row.steps) for row in catalogue.after(0)] == [("segment_000000", 1, 2)]
    assert catalogue.after(0)[0].modes == '["EVAL"]'
    # Somebody writes rubbish over it: the recording goes on, and says so.
    (tmp_path / "bag" / CATALOGUE).write_bytes(b"no data base " * 100)
    recorder.recording.close()
    assert len(recorder.recording.problems) == 1
    assert "hrl catalogue rebuild" in recorder.recording.problems[0]
    assert catalogue.rebuild() == 2
    assert [row.path for row in catalogue.after(0)] == ["segment_000000", "segment_000001"]
    assert catalogue.verify() == []


def test_closed_bags_are_copied_to_where_bags_are_gathered(tmp_path, monkeypatch):
    store = tmp_path / "store"
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), store.as_uri())
    recorder.recording.facts.info = Info()
    recorder.take(*episode_messages(0))
    recorder.take(*episode_messages(1))
    eventually(lambda: (store / "segment_000000" / "metadata.yaml").exists())
    recorder.recording.close()
    assert recorder.recording.problems == []
    for bag in find_bags([tmp_path / "bag"]):
        assert bag_sha256(bag) == bag_sha256(store / bag.name)
    assert len(find_bags([store])) == 2


@pytest.fixture
def without_store(tmp_path, monkeypatch):
    """A recorder whose store is away: a file lies where its folder will be."""
    monkeypatch.setattr(closed_bags, "RETRY_SECONDS", 0.05)
    (tmp_path / "store").write_text("no folder")
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), (tmp_path / "store").as_uri())
    recorder.recording.facts.info = Info()
    return recorder


def test_who_waits_for_a_store_at_the_end_is_seen_to_be_at_work(tmp_path, monkeypatch):
    """By what a launcher looks at (``hrl.launching.process_state``); it kills a recorder that seems to hang."""
    looks: list[list[str]] = []

    def put_slowly(self, bag, name=""):
        time.sleep(0.3)
        for _ in range(2):
            looks.append([line for line in Path("/proc/self/status").read_text().splitlines() if "ctxt" in line])
            time.sleep(1.0)

    monkeypatch.setattr(RemoteFolder, "put", put_slowly)
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), (tmp_path / "store").as_uri())
    recorder.take(*episode_messages(0))
    recorder.recording.close()
    assert recorder.recording.problems == []
    before, after = looks[:2]
    assert before != after


def test_a_store_that_is_away_holds_nothing_up_and_gets_the_bags_when_it_is_back(tmp_path, without_store):
    recorder = without_store
    for number in range(3):
        recorder.take(*episode_messages(number))
    eventually(lambda: recorder.recording.problems)
    assert "it is tried again" in recorder.recording.problems[0]
    assert len(recorder.recording.problems) == 1, "told once"
    (tmp_path / "store").unlink()
    recorder.recording.close()
    assert len(find_bags([tmp_path / "store"])) == 3


def test_what_a_store_did_not_take_is_told_with_what_to_do(tmp_path, without_store):
    recorder = without_store
    recorder.take(*episode_messages(0))
    recorder.recording.close()
    bag, uri = tmp_path / "bag", (tmp_path / "store").as_uri()
    assert f"hrl bag upload {bag} {uri}" in recorder.recording.problems[-1]
    (tmp_path / "store").unlink()
    assert [one.name for one in upload_missing(bag, uri)] == ["segment_000000"]


def test_a_bag_that_a_store_refuses_holds_up_no_other_and_no_row(tmp_path, monkeypatch):
    monkeypatch.setattr(closed_bags, "RETRY_SECONDS", 0.05)
    put, store = RemoteFolder.put, tmp_path / "store"

    def refuse_the_first(self, bag, name=""):
        if bag.name == "segment_000000":
            raise BagError(f"cannot put {bag}: too large")
        put(self, bag, name)

    monkeypatch.setattr(RemoteFolder, "put", refuse_the_first)
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), store.as_uri())
    recorder.recording.facts.info = Info()
    for number in range(4):
        recorder.take(*episode_messages(number))
    eventually(lambda: store.exists() and len(RemoteFolder(store.as_uri()).bags()) == 2)
    assert len(Catalogue(tmp_path / "bag").after(0)) == 3
    recorder.recording.close()
    assert RemoteFolder(store.as_uri()).bags() == [f"segment_{number:06d}" for number in (1, 2, 3)]
    first, last = recorder.recording.problems
    assert first == f"cannot put {tmp_path / 'bag' / 'segment_000000'}: too large; it is tried again"
    assert last.startswith("1 bag not copied, cannot put")
    assert f"hrl bag upload {tmp_path / 'bag'}" in last


def test_a_bag_that_is_gone_before_it_is_copied_is_told_and_dropped(tmp_path, without_store):
    recorder = without_store
    for number in range(2):
        recorder.take(*episode_messages(number))
    eventually(lambda: recorder.recording.problems)
    gone = tmp_path / "bag" / "segment_000000"
    shutil.rmtree(gone)
    eventually(lambda: len(recorder.recording.problems) == 2)
    (tmp_path / "store").unlink()
    recorder.recording.close()
    told = f"{gone} is gone: it was deleted before it was copied to {(tmp_path / 'store').as_uri()}"
    assert recorder.recording.problems[1:] == [told]
    assert [bag.name for bag in find_bags([tmp_path / "store"])] == ["segment_000001"]
    assert not list((tmp_path / "bag").glob(".*"))


def test_what_waits_to_be_copied_is_marked_and_copied_by_the_next_recorder(tmp_path, monkeypatch):
    monkeypatch.setattr(closed_bags, "RETRY_SECONDS", 0.05)
    uri, bag = (tmp_path / "store").as_uri(), tmp_path / "bag" / "segment_000000"
    (tmp_path / "store").write_text("no folder")
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), uri)
    recorder.take(*episode_messages(0))
    recorder.recording.close()
    assert waiting_mark(bag).exists()
    (tmp_path / "store").unlink()
    Recorder(tmp_path / "bag", SplitLimits(episodes=1), uri).recording.close()
    assert len(find_bags([tmp_path / "store"])) == 2
    assert not list((tmp_path / "bag").glob(".*"))


def test_a_bag_is_marked_as_to_be_copied_before_anybody_sees_it(tmp_path, monkeypatch):
    close, seen = writer.BagWriter.close, []

    def close_and_look(self, custom):
        seen.append((waiting_mark(self.path).exists(), self.path.exists()))
        return close(self, custom)

    monkeypatch.setattr(writer.BagWriter, "close", close_and_look)
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), (tmp_path / "store").as_uri())
    recorder.take(*episode_messages(0), *episode_messages(1))
    recorder.recording.close()
    assert seen == [(True, False)] * 2


def test_of_a_bag_that_was_never_closed_the_next_recorder_has_nothing_to_copy(tmp_path):
    """Its recorder was killed between the mark and the bag."""
    (tmp_path / "bag").mkdir()
    waiting_mark(tmp_path / "bag" / "segment_000000").touch()
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1), (tmp_path / "store").as_uri())
    recorder.recording.close()
    assert not recorder.recording.problems


def told_by(catalogue):
    """Rows; none while it is being made."""
    with contextlib.suppress(BagError):
        return catalogue.after(0)


def eventually(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


class Info:
    """A RunInfo."""

    run, robot, task, task_hash, seed, git_commit = 1, "r", "task", "hash", 3, "commit"
    hierarchy, hierarchy_hash = "levels: []", "other hash"


@pytest.mark.parametrize("late", [1, 2, 3, 4, 5, 6])
def test_messages_of_the_next_episode_wait_for_the_rest_of_the_last(tmp_path, late):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    first, second = episode_messages(0), episode_messages(1)
    recorder.take(*first[:-late])
    recorder.take(*second[:3])
    recorder.take(*first[-late:])
    recorder.take(*second[3:])
    recorder.recording.close()
    bags = [content(path)[0]["/keyed"] for path in sorted((tmp_path / "bag").glob("segment_*"))]
    assert bags == [[0] * len(first), [1] * len(second)]


def test_messages_of_many_episodes_in_any_order_are_sorted_into_their_bags(tmp_path):
    said = [m for number in range(1, 3) for m in episode_messages(number)]
    order = np.random.default_rng(3).permutation(len(said))
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    first = episode_messages(0)
    recorder.take(*first[:3], *(said[i] for i in order), *first[3:])
    recorder.recording.close()
    bags = [content(path)[0]["/keyed"] for path in sorted((tmp_path / "bag").glob("segment_*"))]
    assert bags == [[number] * len(first) for number in range(3)]


def test_the_wait_is_bounded_by_how_often_it_looked(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    recorder.take(*episode_messages(0)[:-1])
    recorder.take(*episode_messages(1)[:2])
    for _ in range(segments.HOLD_LOOKS):
        recorder.recording.check()
        assert not (tmp_path / "bag" / "segment_000000").is_dir()
    recorder.recording.check()
    assert (tmp_path / "bag" / "segment_000000").is_dir()
    recorder.recording.close()
    assert content(tmp_path / "bag" / "segment_000001")[0]["/keyed"] == [1, 1]


def test_short_episodes_that_come_at_once_get_a_bag_each(tmp_path):
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    first = episode_messages(0)
    recorder.take(*first[:-1], *episode_messages(1), *episode_messages(2), first[-1])
    recorder.recording.close()
    bags = [set(content(path)[0]["/keyed"]) for path in sorted((tmp_path / "bag").glob("segment_*"))]
    assert bags == [{0}, {1}, {2}]


def test_size_limit_ends_the_bag_with_the_episode(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK_BYTES", 100)
    recorder = Recorder(tmp_path / "bag", SplitLimits(size=6000))
    for number in range(6):
        recorder.take(*episode_messages(number, length=20))
    recorder.recording.close()
    bags = [content(path)[0]["/keyed"] for path in sorted((tmp_path / "bag").glob("segment_*"))]
    assert len(bags) > 1
    assert [n for bag in bags for n in bag] == [n for n in range(6) for _ in episode_messages(n, length=20)]
    for one, other in itertools.pairwise(bags):
        assert not set(one) & set(other)


def test_interrupted_folder_is_continued_behind_what_is_there(tmp_path):
    (tmp_path / "bag" / "segment_000000").mkdir(parents=True)
    (tmp_path / "bag" / "segment_000001.partial").mkdir()
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    assert recorder.recording.bag.name == "segment_000002"


def test_numbers_only_rise_also_where_what_was_learned_from_is_deleted(tmp_path):
    """A trainer knows by their names what it has learned from."""
    for number in (3, 4):
        (tmp_path / "bag" / f"segment_{number:06d}").mkdir(parents=True)
    (tmp_path / "bag" / "segment_000006.partial").mkdir()
    recorder = Recorder(tmp_path / "bag", SplitLimits(episodes=1))
    recorder.take(*episode_messages(0))
    recorder.recording.close()
    assert (tmp_path / "bag" / "segment_000007" / "metadata.yaml").is_file()
    assert not (tmp_path / "bag" / "segment_000000").exists()


def test_a_store_in_which_another_recording_lies_takes_nothing_and_says_so(tmp_path):
    """Two recordings, one URI: the second one's bags have the names of the first one's."""
    uri = (tmp_path / "elsewhere").as_uri()
    for name in ("one", "other"):
        recorder = Recorder(tmp_path / name, SplitLimits(episodes=1), uri)
        recorder.take(*episode_messages(0, length=len(name)))
        recorder.recording.close()
    first = "segment_000000/metadata.yaml"
    assert (tmp_path / "elsewhere" / first).read_bytes() == (tmp_path / "one" / first).read_bytes()
    assert any("is another recording than" in problem for problem in recorder.recording.problems)


def test_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "bag").touch()
    with pytest.raises(BagError, match="is not a folder"):
        Recorder(tmp_path / "bag", SplitLimits(episodes=1))


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[2]).parent))
from hrl_core.bags.catalogue import CATALOGUE, Catalogue
from hrl_core.bags.errors import BagError
from hrl_core.bags import writer
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writer.CHUNK_BYTES = 4000
import random
random.seed(0)
bag = writer.BagWriter(Path(sys.argv[1]), writer.typestore_with([("t/msg/N", "uint64 value\\n")]))
bag.add_topic("/n", "t/msg/N", latched=False)
try:
    for i in range(20000):
        bag.write("/n", i, b"\\0\\1\\0\\0" + random.randbytes(8))
    bag.close({"long": "x" * 3000})
except BagError as error:
    print(i, error)
    sys.exit(7)
"""


@pytest.fixture(scope="module")
def whole_size(tmp_path_factory):
    """Size of the file that the program writes when nothing hinders it."""
    bag = tmp_path_factory.mktemp("whole") / "bag"
    subprocess.run([sys.executable, "-c", FULL_DISK, str(bag), __file__, str(10**9)], check=True)
    return (bag / "bag.mcap").stat().st_size


@pytest.mark.parametrize("share", ["nothing", "half", "all but the end"])
def test_full_disk_is_an_error_and_what_was_written_comes_back(tmp_path, whole_size, share):
    """The file size limit stands for the disk; it is hit at once, midway, and while the bag is being closed."""
    limit = {"nothing": 500, "half": whole_size // 2, "all but the end": whole_size - 500}[share]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "bag"), __file__, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "File too large" in done.stdout
    assert "hrl bag recover" in done.stdout
    assert not (tmp_path / "bag").exists()
    written = int(done.stdout.split()[0])
    if share == "nothing":
        with pytest.raises(BagError, match="nothing to save"):
            recover(tmp_path / "bag.partial", tmp_path / "out")
        return
    # At most the chunk that did not fit is missing.
    assert written - 4000 // 43 - 1 <= recover(tmp_path / "bag.partial", tmp_path / "out").messages <= written + 1
