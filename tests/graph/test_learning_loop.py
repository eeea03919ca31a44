"""The learning loop as processes: two robots, one trainer, and recorder, relabeler, trainer killed at random.

HRL_KILLS=20 make test-learning ARGS=tests/graph/test_learning_loop.py kills twenty times instead of three.
"""

import dataclasses
import itertools
import json
import os
import random
import time
from collections import Counter

import pytest

from hrl_core.bags.description import describe
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.bags.store_filling import decisions
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task

KILLS = int(os.environ.get("HRL_KILLS", "3"))
pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.learning, pytest.mark.timeout(150 + 40 * KILLS)]
VICTIMS = ("recorder", "relabeler", "trainer")
ROBOTS = ("robot_1", "robot_2")
SAME_VICTIM = 22.0
"""Least seconds between two deaths of one node: the launcher restarts it 3 times in 60 s."""
START_VERSION = 5_000
LEVEL = {"hidden": [16, 16], "batch_size": 16}
TINY = {
    "preset": "fast",
    "worker_updates": 0.02,
    "warm_start_steps": 0,
    "manager_learning_starts": 0,
    "worker": LEVEL,
    "manager": LEVEL,
    "manager_sees_pose_only": False,
    "four_fold_symmetry": False,
    "tilt_penalty": 0.0,
}


class Loop:
    """A running hiro_train graph and its folders."""

    def __init__(self, graph):
        self.graph, self.out = graph, graph.out
        self.code, self.output = None, ""
        self.closed = set()

    def look(self):
        """Note every segment that is closed by now."""
        for robot in ROBOTS:
            try:
                self.closed |= set(find_bags([self.out / robot / "bag"]))
            except BagError:
                continue

    def segments(self, robot):
        """How many segments of a robot are closed by now."""
        return len([path for path in self.closed if path.is_relative_to(self.out / robot)])

    def versions(self):
        return sorted(int(path.name[1:]) for path in (self.out / "training" / "policies").glob("v*"))

    def manifest(self):
        """Segments that the newest policy names as learned from."""
        folder = self.out / "training" / "policies" / f"v{self.versions()[-1]:09d}"
        return json.loads((folder / "policy.json").read_text())["provenance"]["segments"]

    def wait_for(self, condition, what, timeout=60.0):
        end = time.monotonic() + timeout
        while not condition():
            assert self.graph.process.poll() is None, self.graph.wait()[1]
            assert time.monotonic() < end, f"{what}: not within {timeout} s\n{self.graph.said()}"
            self.look()
            time.sleep(0.1)

    def wait_for_policy(self, timeout=60):
        """A policy newer than all there are."""
        newest = max(self.versions(), default=0)
        self.wait_for(lambda: max(self.versions(), default=0) > newest, f"a policy after version {newest}", timeout)


@pytest.fixture(scope="module")
def loop(launch_once, tmp_path_factory):
    """The loop after all kills and an ordinary end."""
    folder = tmp_path_factory.mktemp("loop")
    # As if it were trained: what the trainer announces is newer all the same.
    start = dataclasses.replace(random_checkpoint(load_task("PointMaze"), 0), version=START_VERSION)
    save_checkpoint(start, folder / "policy")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    words = [f"policy:={folder / 'policy'}", f"training:={folder / 'tiny.json'}", "relabel:=from-relabelled"]
    words += ["policy_updates:=16", "max_owed_updates:=48", "split_episodes:=1", "keep_policies:=1000"]
    graph = launch_once(*words, file="hiro_train.launch.py")
    loop = Loop(graph)
    loop.wait_for_policy()
    chance = random.Random(KILLS)
    killed = {}
    for victim in itertools.islice(itertools.cycle(VICTIMS), KILLS):
        pause = max(chance.uniform(0.0, 2.0), killed.get(victim, 0.0) + SAME_VICTIM - time.monotonic())
        end = time.monotonic() + pause
        loop.wait_for(lambda end=end: time.monotonic() > end, "a pause", pause + 1)
        graph.node(victim).kill()
        killed[victim] = time.monotonic()
        loop.wait_for_policy()
    loop.look()
    # On a loaded machine the other robot alone may have paid for the policies since a recorder was killed.
    enough = {robot: loop.segments(robot) + 3 for robot in ROBOTS}
    loop.wait_for(lambda: all(loop.segments(robot) >= enough[robot] for robot in ROBOTS), "episodes of every robot")
    before = set(map(str, loop.closed))
    loop.wait_for(lambda: before <= {entry["path"] for entry in loop.manifest()}, "all segments learned from")
    loop.code, loop.output = graph.stop()
    loop.look()
    return loop


def test_loop_goes_on_after_every_kill_and_ends_cleanly(loop):
    assert loop.code == 0, loop.output
    assert loop.output.count("killed by SIGKILL") == KILLS
    assert "episodes, success" in loop.output, "the dashboard's lines"
    assert json.loads((loop.out / "learning.json").read_text())["segments"] >= len(ROBOTS)
    for robot in ROBOTS:
        assert json.loads((loop.out / robot / "summary.json").read_text())["episodes"] > 0


def test_no_closed_segment_is_lost_and_none_is_learned_from_twice(loop):
    assert all((path / "metadata.yaml").is_file() for path in loop.closed)
    entries = loop.manifest()
    paths, contents = Counter(e["path"] for e in entries), Counter(e["sha256"] for e in entries)
    assert max(paths.values()) == max(contents.values()) == 1
    assert {robot for robot in ROBOTS if any(f"/{robot}/bag/" in path for path in paths)} == set(ROBOTS)
    episodes = [episode for path in paths for episode in read_bags([path_of(loop, path)]).episodes]
    assert max(Counter(episode.key for episode in episodes).values()) == 1
    assert sum(entry["steps"] for entry in entries) == sum(episode.steps for episode in episodes)


def path_of(loop, text):
    return next(path for path in loop.closed if str(path) == text)


def test_the_trainer_has_measured_its_products_when_it_began_and_went_on_with_them(loop):
    training = json.loads((loop.out / "training" / "config.json").read_text())["training"]
    chosen = [name for level in ("worker", "manager") for name in training[level]["products"]]
    assert all(" " in name for name in chosen), f"shape by shape, not by kind as where nobody measures: {chosen}"


def test_versions_in_actions_rise_on_every_robot(loop):
    for robot in ROBOTS:
        episodes = read_bags([loop.out / robot / "bag"]).episodes
        acted = [set(episode.policy_versions.tolist()) for episode in sorted(episodes, key=lambda e: e.key.episode)]
        assert all(len(versions) == 1 for versions in acted)
        order = [versions.pop() for versions in acted]
        assert order == sorted(order)
        assert order[-1] > order[0]
        assert set(order) <= {START_VERSION, *loop.versions()}


def test_every_segment_is_relabelled_once(loop):
    sources = Counter(str(describe(bag).custom["source_sha256"]) for bag in find_bags([loop.out / "relabelled"]))
    assert max(sources.values()) == 1
    closed = {bag_sha256(bag) for bag in loop.closed}
    assert len(closed & set(sources)) >= 2


def test_replay_makes_the_updates_that_the_recordings_pay_for(loop, launch_once, tmp_path):
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    bags = ",".join(str(loop.out / robot / "bag") for robot in ROBOTS)
    words = [f"bags:={bags}", f"training:={tmp_path / 'tiny.json'}", "policy_updates:=1000"]
    graph = launch_once(*words, file="replay_train.launch.py", out="replay")
    code, output = graph.wait(90)
    assert code == 0, output
    episodes = read_bags([loop.out / robot / "bag" for robot in ROBOTS]).episodes
    # Of an episode under way when its recorder was started anew, there may be no word of the manager.
    steps = sum(episode.steps for episode in episodes if decisions(episode) is not None)
    checkpoint = load_checkpoint(graph.out / "training" / "last")
    assert checkpoint.env_steps == steps
    assert int(steps * 0.02) <= checkpoint.version < int(steps * 0.02) + 8
    assert {entry["path"] for entry in checkpoint.provenance["segments"]} >= set(map(str, loop.closed))
    assert "all" in output
