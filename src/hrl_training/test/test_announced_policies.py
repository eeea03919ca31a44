"""Which policies a trainer announces: its newest, however it was ended before, and none before the warm start."""

import dataclasses
import logging
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.task.text import load_task
from hrl_training import trainer_node
from hrl_training.trainer_node import TrainerNode

TASK = load_task("PointMaze")


class Learned:
    """A run that has made so many updates."""

    def __init__(self, updates: int, env_steps: int, on_policy: bool = False, first: int = 0) -> None:
        self.reached, self.version, self.env_steps = updates, first + updates, env_steps
        self.learner = SimpleNamespace(warm_start_steps=100, frozen_worker=False, on_policy=on_policy)
        self.intake: Any = SimpleNamespace(outcomes=SimpleNamespace(row=dict))
        self.kept = 0

    def record(self, figures):
        return figures

    def keep(self):
        self.kept = self.version

    def checkpoint(self, metrics):
        return dataclasses.replace(random_checkpoint(TASK, 0, hierarchy=FLAT), version=self.version)


class Trainer(TrainerNode):
    """The node, without ROS."""

    def __init__(self, out, updates: int, env_steps: int, on_policy: bool = False, first: int = 0) -> None:
        self._trainer: Any = Learned(updates, env_steps, on_policy, first)
        self._settings: Any = SimpleNamespace(finish=False, keep_segments=0, keep_policies=10, first_version=first)
        self._out, self._run, self._saved, self._kept = out, 1, updates, updates
        self.failure, self.said = None, []
        self._updates: Any = SimpleNamespace(publish=lambda update: self.said.append(update.version))

    def get_logger(self) -> Any:
        return logging.getLogger()


def write(out, version):
    save_checkpoint(Learned(version, 0).checkpoint({}), out / "policies" / f"v{version:09d}")


@pytest.mark.parametrize("written", [[], [6]], ids=["none", "an older one"])
def test_a_policy_whose_trainer_was_killed_between_state_and_policy_is_written_and_announced(tmp_path, written):
    for version in written:
        write(tmp_path, version)
    node = Trainer(tmp_path, updates=7, env_steps=100)
    node.start()
    assert node.said == [7]
    assert (tmp_path / "policies" / "v000000007").is_dir()


def test_what_is_written_is_announced_again_and_nothing_where_nothing_is_learned(tmp_path):
    Trainer(tmp_path, updates=0, env_steps=100).start()
    assert not (tmp_path / "policies").exists()
    write(tmp_path, 7)
    node = Trainer(tmp_path, updates=7, env_steps=100)
    node.start()
    assert node.said == [7]


def test_before_the_warm_start_no_policy_is_announced_nor_left_to_be(tmp_path):
    stopped = Trainer(tmp_path, updates=7, env_steps=99)
    stopped._saved = 6
    stopped._save_the_rest()
    assert stopped._trainer.kept == 7
    assert not (tmp_path / "policies").exists()
    # One of an earlier release is there all the same.
    write(tmp_path, 7)
    again = Trainer(tmp_path, updates=7, env_steps=99)
    again.start()
    assert again.said == []


@pytest.mark.parametrize(("on_policy", "announced"), [(True, [5]), (False, [])])
def test_who_learns_from_itself_alone_announces_its_first_policy_at_once(tmp_path, on_policy, announced):
    """By that of others, which robots begin with, it would never learn."""
    node = Trainer(tmp_path, updates=0, env_steps=100, on_policy=on_policy, first=5)
    node.start()
    assert node.said == announced


@pytest.mark.parametrize("full", ["metrics", "policy"])
def test_a_policy_that_the_disk_does_not_take_is_announced_by_nobody_and_told_in_words(tmp_path, monkeypatch, full):
    node = Trainer(tmp_path, updates=7, env_steps=100)
    refuse = Mock(side_effect=OSError(28, "No space left on device"))
    if full == "metrics":
        node._trainer.record = refuse
    else:
        monkeypatch.setattr(trainer_node, "save_checkpoint", refuse)
    with pytest.raises(HrlError, match=f"^{tmp_path} cannot be written: No space left on device$"):
        node.start()
    assert node.said == []


@pytest.mark.ros
def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    words = {"out": tmp_path / "file" / "run", "task": "ant_maze", "bags": tmp_path, "products": "given"}
    given = [word for name, value in words.items() for word in ("-p", f"{name}:={value}")]
    program = [sys.executable, "-c", "from hrl_training.trainer_node import main; main()", "--ros-args", *given]
    alone = os.environ | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    ended = subprocess.run(program, env=alone, capture_output=True, text=True, timeout=60)
    (told,) = [line for line in (ended.stdout + ended.stderr).splitlines() if "ERROR" in line]
    assert told.endswith("file/run cannot be written: Not a directory")
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2
