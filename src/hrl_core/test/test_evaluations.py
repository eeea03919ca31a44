"""Evaluations beside the training: as if they had been waited for, whoever is stopped or killed meanwhile."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.flat.off_policy import FlatLearner
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.task.text import load_task
from hrl_core.training import evaluations
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluations import Evaluations, MakeEnvs
from hrl_core.training.run_names import BEST_POLICY, METRICS, POLICY
from hrl_core.training.trainer import Trainer

TASK = dataclasses.replace(load_task("point_maze"), max_episode_steps=30)
AGENT = FlatConfig(worker=TD3Config(hidden=(16, 16), batch_size=8), replay=600, learning_starts=30)
CONFIG = TrainConfig(
    algorithm="flat", agent=AGENT, steps=240, num_envs=3, evaluation_interval=60, checkpoint_interval=60
)
ENVS: MakeEnvs = partial(VectorEnv, TASK, 3, 7, goals=TASK.evaluation_goals)


def trainer(folder: Path, make_envs: MakeEnvs | None = ENVS, took: float = 1e3) -> Trainer:
    """``took``: how long an evaluation is said to have taken that was waited for."""
    evaluations = Evaluations(ENVS(), make_envs)
    evaluations._here_took = took
    return Trainer(TASK, CONFIG, VectorEnv(TASK, 3, 0), evaluations, folder, 0)


def left(folder: Path):
    """What a run tells and hands out, without times."""
    rows = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["cpu_seconds"]
    policies = [load_checkpoint(folder / name) for name in (BEST_POLICY, POLICY)]
    return rows, [(policy.version, policy.weights_sha256) for policy in policies]


@pytest.fixture
def waited_for(tmp_path):
    trainer(tmp_path / "waited_for", None).run()
    return left(tmp_path / "waited_for")


class Watcher:
    """Calls ``when_pending`` while an evaluation is under way, once, at or after a step."""

    def __init__(self, run: Trainer, step: int, when_pending) -> None:
        self.run, self.step, self.when_pending, self.rows = run, step, when_pending, []

    def on_step(self, reached: int) -> None:
        if reached >= self.step and self.run._pending is not None and self.when_pending is not None:
            what, self.when_pending = self.when_pending, None
            what()

    def on_metrics(self, row) -> None:
        self.rows.append(row["env_steps"])

    def close(self) -> None:
        pass


def test_a_run_is_the_same_whether_evaluations_are_waited_for_or_not(tmp_path, waited_for):
    run = trainer(tmp_path / "beside")
    seen = Watcher(run, 61, lambda: None)
    results = run.run(observers=[seen])
    assert left(tmp_path / "beside") == waited_for
    assert seen.rows == [60, 120, 180, 240]
    assert seen.when_pending is None, "no evaluation was under way while training went on"
    assert [result.goal for result in results] == list(TASK.evaluation_goals)


@pytest.mark.parametrize("make_envs", [ENVS, None])
def test_a_run_killed_while_one_is_under_way_goes_on_as_if_it_had_not_been(tmp_path, waited_for, make_envs):
    run = trainer(tmp_path / "killed")

    def kill():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.run(observers=[Watcher(run, 122, kill)])
    assert len((tmp_path / "killed" / METRICS).read_text().splitlines()) == 1, "that of step 120 was not told"
    trainer(tmp_path / "killed", make_envs).run(resume=True)
    assert left(tmp_path / "killed") == waited_for


def test_a_run_asked_to_stop_tells_of_the_evaluation_that_is_under_way(tmp_path, waited_for):
    run = trainer(tmp_path / "stopped")
    run.run(stop=lambda: run.env_steps >= 123)
    assert left(tmp_path / "stopped")[0] == waited_for[0][:2]
    trainer(tmp_path / "stopped").run(resume=True)
    assert left(tmp_path / "stopped") == waited_for


def test_when_its_process_is_killed_the_run_evaluates_itself(tmp_path, waited_for, caplog):
    run = trainer(tmp_path / "lost")

    def kill():
        process = run._evaluations._process
        assert process is not None
        assert process._process.pid is not None
        os.kill(process._process.pid, signal.SIGKILL)

    run.run(observers=[Watcher(run, 122, kill)])
    assert left(tmp_path / "lost") == waited_for
    assert caplog.text.count("the process that evaluates has ended") == 1


def test_environments_that_cannot_be_made_twice_are_waited_for(tmp_path, waited_for, caplog):
    nowhere: Any = partial(load_task, "nowhere")
    trainer(tmp_path / "once", nowhere).run()
    assert left(tmp_path / "once") == waited_for
    assert caplog.text.count("the process that evaluates has ended") == 1


def test_evaluations_are_waited_for_where_they_are_short_or_that_is_quicker(tmp_path, monkeypatch):
    policy = trainer(tmp_path).checkpoint({})
    short, slow = (trainer(tmp_path, took=took)._evaluations for took in (1.9, 0.1))
    assert short.begin(policy, wait=False) is not None
    monkeypatch.setattr(evaluations, "LONG", 0.05)
    assert slow.begin(policy, wait=False) is None
    beside = slow.result(policy)
    assert beside == slow.begin(policy, wait=False), "it took longer than the tenth of a second that it takes here"


def test_an_evaluation_before_the_losses_diverge_is_told(tmp_path, waited_for):
    run = trainer(tmp_path / "diverged")
    assert isinstance(run.learner, FlatLearner)
    worker = run.learner.agent.worker
    assert isinstance(worker, FastTD3)

    def spoil():
        worker.critics.flat.fill_(float("nan"))

    with pytest.raises(HrlError, match="critic loss is nan"):
        run.run(observers=[Watcher(run, 122, spoil)])
    assert left(tmp_path / "diverged")[0] == waited_for[0][:2]


_BEGIN = """
import sys, time
from test_evaluations import trainer
from pathlib import Path
if __name__ == "__main__":
    run = trainer(Path(sys.argv[1]))
    run._evaluations.begin(run.checkpoint({}), wait=False)
    print(run._evaluations._process._process.pid, flush=True)
    time.sleep(60)
"""


def test_its_process_ends_with_a_killed_run(tmp_path):
    script = tmp_path / "begin.py"
    script.write_text(_BEGIN)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(
        [sys.executable, script, tmp_path / "run"], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    ) as run:
        assert run.stdout is not None
        process = Path("/proc", run.stdout.readline().decode().strip())
        assert process.is_dir()
        run.kill()
    until = time.monotonic() + 30
    while process.is_dir() and time.monotonic() < until:
        time.sleep(0.1)
    assert not process.is_dir()
