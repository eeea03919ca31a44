"""A node belongs to one run; other tasks are refused by field, other runs once and by name."""

import dataclasses

import pytest

from hrl_core.errors import InvalidDataError, TaskError
from hrl_core.task.text import load_task
from hrl_msgs.msg import RunInfo
from hrl_ros.run_binding import RunBinding

TASK = load_task("ant_maze")


class Log:
    def __init__(self):
        self.lines = []

    def error(self, text):
        self.lines.append(text)


class Seen:
    def __init__(self, run, task_hash=TASK.hash64):
        self.run, self.task_hash = run, task_hash


def info(run=1, task=TASK):
    return RunInfo(run=run, task=task.to_yaml(), task_hash=task.sha256)


def test_first_run_binds_and_its_observations_are_accepted():
    binding = RunBinding(Log(), TASK)
    assert not binding.accepts(Seen(1))
    assert binding.offer(info(1))
    assert not binding.offer(info(1))
    assert binding.accepts(Seen(1))


def test_foreign_run_is_refused_and_reported_once():
    log = Log()
    binding = RunBinding(log, TASK)
    binding.offer(info(1))
    assert not binding.offer(info(2))
    assert not any(binding.accepts(Seen(2)) for _ in range(5))
    assert binding.foreign == 6
    assert len(log.lines) == 1
    assert "a second simulator" in log.lines[0]


def test_wrong_task_is_refused_by_the_field_that_differs():
    other = dataclasses.replace(TASK, max_episode_steps=400)
    with pytest.raises(TaskError, match="max_episode_steps: 500 != 400"):
        RunBinding(Log(), TASK).offer(info(task=other))


def test_observation_of_this_run_with_another_task_hash_is_an_error():
    binding = RunBinding(Log(), None)
    binding.offer(info(1))
    with pytest.raises(InvalidDataError, match="task hash"):
        binding.accepts(Seen(1, task_hash=5))


def test_a_hierarchy_that_cannot_be_read_is_refused():
    said = info()
    said.hierarchy = "levels: [{kind: relative}]"
    assert RunBinding(Log(), TASK).offer(said)
    for bomb in ("[" * 100_000, "a: &a [1]\nb: !!python/name:os.system"):
        said.hierarchy = bomb
        with pytest.raises(InvalidDataError, match="run_info: hierarchy of run 0000000000000001"):
            RunBinding(Log(), TASK).offer(said)
