"""Laws of a store in files: it learns what memory learns; who was killed, or had no room, goes on with it."""

import dataclasses
import errno
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.bags.catalogue import Catalogue
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.learners.td3_config import TD3Config
from hrl_core.messages import Mode
from hrl_core.replay import mapped_arrays
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.mapped_arrays import MappedArrays, NoRoomError
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset
from hrl_core.training.recordings import intake, segments, trainer
from hrl_core.training.recordings.config import FILES, BagTrainConfig
from hrl_core.training.recordings.sampling import SamplingConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.store import RecordedStore
from hrl_core.training.recordings.trainer import STORE, BagTrainer

SPEC = dataclasses.replace(load_task("point_maze"), max_episode_steps=47)
SMALL = TD3Config(hidden=(16, 16), batch_size=8)
AGENTS = {
    "flat": FlatConfig(worker=SMALL, replay=2_000, her=True),
    "hiro": HiroConfig(worker=SMALL, manager=SMALL, candidates=4, replay=2_000, manager_updates=2.0),
}
SHORT = 150
"""Steps that are kept, of which each recording has 94."""


@pytest.fixture(scope="module")
def traces():
    """Ten episodes with exploration."""
    runner, hierarchy = EnvRunner(SPEC, 1, Mode.TRAIN, run=77), random_checkpoint(SPEC, 3).stack(1)
    return [rollout(runner, hierarchy, episode) for episode in range(10)]


@pytest.fixture
def add(tmp_path, traces, write_traces):
    """Adds recordings of two episodes each, by number."""

    def add(*numbers):
        for n in numbers:
            write_traces(tmp_path / "bags" / f"segment_{n}", SPEC, traces[2 * n : 2 * n + 2], lambda _: {})

    return add


def made(bags, folder, resume=False, algorithm="hiro", replay=2_000, **change):
    """A run on all recordings that are there."""
    agent = dataclasses.replace(AGENTS[algorithm], replay=replay)
    training = TrainConfig(algorithm=algorithm, agent=agent)
    config = BagTrainConfig((Source(bags),), training, "at-sampling", store=FILES)
    changed = {"relabel": config.relabel if algorithm == "hiro" else "off"} | change
    run = BagTrainer(SPEC, dataclasses.replace(config, **changed), folder, 4)
    run.begin(resume)
    return run


@pytest.fixture
def run_of(tmp_path):
    return lambda name, *args, **change: made(tmp_path / "bags", tmp_path / name, *args, **change)


def go_on(run, groups=3):
    run.consume()
    for _ in range(groups):
        run.iterate()


def learned(run):
    return torch.cat([value.double().ravel() for _, value in sorted(run.learner.agent.state_dict().items())])


def contents(run):
    store = run.learner.store
    return {name: np.array(getattr(store, name)) for name in ("states", "actions", "targets", "lengths", "numbers")}


def require_the_same(one, other):
    assert torch.equal(learned(one), learned(other))
    slots = min(len(one.learner.store.lengths), len(other.learner.store.lengths))
    for name, array in contents(one).items():
        np.testing.assert_array_equal(array[:slots], contents(other)[name][:slots])
    assert one.learner.store.pieces == other.learner.store.pieces
    assert list(one.intake.consumed) == list(other.intake.consumed)
    assert one.intake.left_out == other.intake.left_out
    assert one.intake.outcomes.row() == other.intake.outcomes.row()


@pytest.fixture
def read_again(monkeypatch):
    """Names of the recordings that are read."""
    names = []
    monkeypatch.setattr(intake, "read_bags", lambda bags, spec: names.append(bags[0].name) or read_bags(bags, spec))
    return names


@pytest.mark.parametrize("algorithm", AGENTS)
@pytest.mark.parametrize("replay", [2_000, SHORT])
def test_files_learn_what_memory_learns_bit_for_bit(add, run_of, algorithm, replay):
    runs = [run_of(store, algorithm=algorithm, replay=replay, store=store) for store in ("memory", "files")]
    for n in range(5):
        add(n)
        for run in runs:
            go_on(run)
    require_the_same(*runs)


@pytest.mark.parametrize("algorithm", AGENTS)
def test_a_trainer_that_begins_again_reads_nothing_and_goes_on_exactly(add, run_of, read_again, algorithm):
    add(0, 1)
    whole, cut = (run_of(name, algorithm=algorithm) for name in ("whole", "cut"))
    for run in (whole, cut):
        go_on(run)
        run.keep()
    read_again.clear()
    again = run_of("cut", resume=True, algorithm=algorithm)
    assert read_again == []
    require_the_same(whole, again)
    add(2)
    for run in (whole, again):
        go_on(run)
    assert read_again == ["segment_2"] * 2
    require_the_same(whole, again)


@pytest.mark.parametrize(("replay", "expected"), [(2_000, []), (SHORT, ["segment_1", "segment_2"])])
def test_what_a_killed_trainer_wrote_over_is_read_again_and_nothing_else(add, run_of, read_again, replay, expected):
    add(0, 1, 2)
    whole, cut = (run_of(name, replay=replay) for name in ("whole", "cut"))
    for run in (whole, cut):
        go_on(run)
        run.keep()
    add(3, 4)
    child = os.fork()
    if not child:
        go_on(cut)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    read_again.clear()
    again = run_of("cut", resume=True, replay=replay)
    assert read_again == expected
    require_the_same(whole, again)
    for run in (whole, again):
        go_on(run)
    require_the_same(whole, again)


@pytest.fixture
def another_day(add, run_of, tmp_path, monkeypatch):
    """A run beside one that the machine was started anew under after both had saved their state."""
    add(0, 1)
    whole, cut = run_of("whole"), run_of("cut")
    for run in (whole, cut):
        go_on(run)
        run.keep()
    (tmp_path / "boot").write_text("of another day")
    monkeypatch.setattr(mapped_arrays, "_BOOT", tmp_path / "boot")
    return whole


def test_a_resume_that_is_refused_leaves_the_files_as_they_are(add, run_of, read_again):
    add(0, 1)
    run = run_of("run")
    go_on(run)
    run.keep()
    before, learned_before = contents(run), learned(run)
    read_again.clear()
    for change in ({"replay": SHORT}, {"relabel": "off"}):
        with pytest.raises(HrlError, match=r"cannot resume .* with another configuration"):
            run_of("run", resume=True, **change)
    again = run_of("run", resume=True)
    assert torch.equal(learned(again), learned_before)
    for name, array in contents(again).items():
        np.testing.assert_array_equal(array, before[name])
    assert not read_again


def test_files_of_another_boot_are_not_trusted(run_of, read_again, another_day):
    whole = another_day
    read_again.clear()
    again = run_of("cut", resume=True)
    assert read_again == ["segment_0", "segment_1"]
    require_the_same(whole, again)
    again.iterate()
    again.keep()
    whole.iterate()
    read_again.clear()
    require_the_same(whole, run_of("cut", resume=True))
    assert read_again == []


def test_who_is_killed_while_it_reads_again_reads_again(run_of, read_again, another_day):
    """After another boot, and before the first state of this one."""
    whole = another_day
    run_of("cut", resume=True)
    read_again.clear()
    require_the_same(whole, run_of("cut", resume=True))
    assert read_again == ["segment_0", "segment_1"]


def test_a_trainer_killed_before_its_first_state_begins_with_nothing(add, run_of):
    add(0, 1)
    go_on(run_of("cut"))
    again, whole = run_of("cut", resume=True), run_of("whole")
    assert len(again.learner.store) == 0
    for run in (whole, again):
        go_on(run)
    require_the_same(whole, again)


def test_of_long_recordings_a_policy_names_the_newest_segments_and_where_all_are(add, run_of, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "NAMED", 2)
    add(*range(5))
    run = run_of("run")
    go_on(run)
    run.keep()
    policy = run.checkpoint({})
    assert [segment["path"][-9:] for segment in policy.provenance["segments"]] == ["segment_3", "segment_4"]
    log = tmp_path / "run" / "segments.jsonl"
    told = {"file": log.name, "entries": 5, "sha256": hashlib.sha256(log.read_bytes()).hexdigest()}
    assert policy.provenance["segment_log"] == told
    state = json.loads(next((tmp_path / "run").glob("state-*/plain.json")).read_text())
    assert state["recordings.segments"] == 5


def test_a_log_that_was_cut_short_is_refused_by_name(add, run_of, tmp_path):
    add(0, 1)
    run = run_of("cut")
    go_on(run)
    run.keep()
    path = tmp_path / "cut" / STORE / "pieces.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    with pytest.raises(CheckpointError, match=r"pieces.jsonl has 3 entries, 4 were saved: restore it or begin"):
        run_of("cut", resume=True)


def test_what_does_not_go_together_is_refused(run_of):
    with pytest.raises(HrlError, match="store: choose one of memory, files, got 'disk'"):
        run_of("a", store="disk")
    with pytest.raises(HrlError, match="relabelled subgoals are written over those in memory"):
        run_of("a", relabel="from-relabelled", relabelled=("relabelled",))


def test_beginning_again_costs_what_is_new(add, run_of, read_again, tmp_path, monkeypatch):
    """No walk through the recording, no row of its catalogue that was read before."""
    add(0, 1)
    catalogue = Catalogue(tmp_path / "bags")
    catalogue.rebuild()
    go_on(run := run_of("cut"))
    run.keep()
    add(2, 3)
    catalogue.add(tmp_path / "bags" / "segment_2", {})
    again = run_of("cut", resume=True)
    monkeypatch.setattr(segments, "find_bags", None)
    asked = []
    monkeypatch.setattr(
        Catalogue, "after", lambda self, seq, after=Catalogue.after: asked.append(seq) or after(self, seq)
    )
    read_again.clear()
    assert (again.consume(), read_again, asked) == (1, ["segment_2"], [2])
    monkeypatch.undo()
    monkeypatch.setattr(segments, "WALK_SECONDS", 0.0)
    monkeypatch.setattr(segments, "WALK_SHARE", 1e9)
    assert again.consume() == 1, "nobody told of the last one: a walk finds it"


def test_many_segments_are_taken_in_a_part_at_a_time(add, run_of, monkeypatch):
    monkeypatch.setattr(intake, "TOGETHER", 2)
    add(*range(5))
    run = run_of("whole")
    assert run.consume() == 5
    assert [segment.batch for segment in run.intake.consumed.values()] == [0, 0, 1, 1, 2]
    run.iterate()
    run.keep()
    require_the_same(run, run_of("whole", resume=True))


def test_steps_beyond_the_budget_pay_for_nothing(add, run_of):
    free, run = run_of("free", algorithm="flat"), run_of("cut", algorithm="flat", update_budget=24)
    add(0)
    for one in (free, run):
        one.consume()
    paid = free.learner.paid(94)
    assert (free.left, run.left) == (-(-paid // 8) * 8, 24)
    run.iterate()
    assert run.left == 16
    add(1)
    run.consume()
    assert run.left == 24
    run.keep()
    again = run_of("cut", resume=True, algorithm="flat", update_budget=24)
    assert again.left == 24
    for one in (run, again):
        while one.left:
            one.iterate()
    require_the_same(run, again)
    assert again.reached == 32


def test_who_keeps_no_episodes_says_so(tmp_path):
    config = BagTrainConfig((Source(tmp_path),), preset("", "flat", "ppo"), "off")
    others = dataclasses.replace(config, store=FILES), dataclasses.replace(config, sampling=SamplingConfig(half_life=9))
    for other in others:
        with pytest.raises(HrlError, match="algorithm 'flat' keeps no episodes to draw steps from"):
            BagTrainer(SPEC, other, tmp_path / "run", 0)
    training = TrainConfig(algorithm="flat", agent=dataclasses.replace(AGENTS["flat"], her=False))
    config = BagTrainConfig((Source(tmp_path),), training, "off", sampling=SamplingConfig(novelty=1.0))
    with pytest.raises(HrlError, match=r"task '.*' observes no goals"):
        BagTrainer(load_task("ant"), config, tmp_path / "run", 0)


class Disk:
    """Has room for some bytes beyond what files have already."""

    def __init__(self, left):
        self.left, self.asked = left, 0

    def allocate(self, file, start, length):
        self.asked += 1
        if length > self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= length


def test_what_the_disk_has_no_room_for_is_not_written_and_the_run_goes_on_exactly(add, run_of, monkeypatch):
    add(0)
    whole, cut = run_of("whole"), run_of("cut")
    for run in (whole, cut):
        go_on(run)
        run.keep()
    add(1)
    with monkeypatch.context() as patch:
        # Enough for the first episode of the two.
        patch.setattr(os, "posix_fallocate", Disk(1_500).allocate)
        told = r"cannot keep what is learned from: cannot write .*store: No space left .*; the state of 24 steps in"
        with pytest.raises(HrlError, match=told):
            cut.consume()
        assert (cut.env_steps, cut.intake.log.count) == (94, 1), "what was not taken in does not count"
        patch.setattr(os, "posix_fallocate", Disk(0).allocate)
        with pytest.raises(HrlError, match=told):
            run_of("cut", resume=True)
    again = run_of("cut", resume=True)
    for run in (whole, again):
        go_on(run)
    require_the_same(whole, again)


def short_episode(number, steps=5):
    """One that tells which it is, and is a ninth of the longest."""
    rows = np.full((steps + 1, 1), float(number))
    return StoredEpisode(
        states=np.repeat(rows, len(SPEC.observation), 1), actions=np.repeat(rows[1:], len(SPEC.action), 1),
        rewards=rows[1:, 0], subgoals=np.empty((0, 0)), targets=np.empty((0, 0)), task_goal=rows[0].repeat(2),
        finished=True, terminated=False,
    )  # fmt: skip


def opened_store(folder, anew=False):
    """Room for two full episodes, and so at first for two."""
    store = RecordedStore(SPEC, None, 2 * SPEC.max_episode_steps)
    files = MappedArrays(folder, store.layout(), anew)
    assert files.taken_up is not anew
    store.move_to(files)
    files.seal()
    return store


@pytest.mark.parametrize("after", [False, True], ids=["before its file is larger", "after that"])
@pytest.mark.parametrize("failing", range(11))
def test_a_store_whose_growth_was_cut_short_is_opened_with_what_it_holds_and_grows_on(
    tmp_path, monkeypatch, failing, after
):
    store, opened, calls = opened_store(tmp_path, anew=True), MappedArrays.opened, itertools.count()
    for number in range(2):
        store.add(short_episode(number))

    def cut_short(*given):
        cut = next(calls) == failing
        array = opened(*given) if after or not cut else None
        if cut:
            raise NoRoomError("the disk is full")
        return array

    with monkeypatch.context() as patch, pytest.raises(NoRoomError):
        patch.setattr(MappedArrays, "opened", cut_short)
        store.add(short_episode(2))
    again = opened_store(tmp_path)
    assert len({len(getattr(again, name)) for name in again._names()}) == 1
    # As loading a state does.
    again.forget([slot for slot, number in enumerate(again.numbers) if number not in (0, 1)], 2)
    for number in range(2, 9):
        again.add(short_episode(number))
    held = {int(number): again.states[slot, :6] for slot, number in enumerate(again.numbers) if number >= 0}
    assert {number: set(rows.ravel()) for number, rows in held.items()} == {number: {number} for number in range(9)}
    assert len(again) == 45


def test_room_is_asked_for_once_for_each_stretch_of_the_files(add, run_of, monkeypatch):
    """Episodes that take the place of others cost nothing."""
    run = run_of("run", replay=SHORT)
    add(0, 1)
    run.consume()
    add(2, 3, 4)
    monkeypatch.setattr(os, "posix_fallocate", (disk := Disk(1e9)).allocate)
    run.consume()
    assert disk.asked == 0


FULL_DISK = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_kept_store import go_on, learned, made
from hrl_core.errors import HrlError
from hrl_core.threads import limit_threads
limit_threads(1)
here, disk = Path(sys.argv[2]), Path(sys.argv[3])
run = made(here / "bags", disk / "run")
go_on(run)
run.keep()
for bag in list((here / "later").iterdir()):
    bag.rename(here / "bags" / bag.name)
with (disk / "else").open("wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
try:
    go_on(run)
except HrlError as error:
    print(error)
(disk / "else").unlink()
again = made(here / "bags", disk / "run", resume=True)
go_on(again)
learned(again).numpy().tofile(here / "learned.bin")
"""
ALONE = ["unshare", "--map-root-user", "--mount"]
MOUNT = 'mkdir "$1" && mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'


@pytest.fixture
def on_small_disk(tmp_path):
    """Runs a command where ``tmp_path / "disk"`` has 4 MB."""
    alone = [*ALONE, "sh", "-c", MOUNT, "sh", str(tmp_path / "disk")]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    (tmp_path / "disk").rmdir()
    return lambda *command: subprocess.run([*alone, *command], capture_output=True, text=True, check=False)


def test_a_disk_that_is_full_is_told_instead_of_a_bus_error(add, run_of, tmp_path, on_small_disk):
    add(0)
    go_on(whole := run_of("whole"))
    add(*range(1, 5))
    (tmp_path / "later").mkdir()
    for number in range(1, 5):
        name = f"segment_{number}"
        (tmp_path / "bags" / name).rename(tmp_path / "later" / name)
    done = on_small_disk(
        sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(tmp_path), str(tmp_path / "disk")
    )
    assert done.returncode == 0, done.stderr
    assert "No space left on device; the state of 24 steps in" in done.stdout
    go_on(whole)
    np.testing.assert_array_equal(learned(whole).numpy(), np.fromfile(tmp_path / "learned.bin"))
