"""The pages on adding an algorithm and a task are followed from nothing: files from blocks, then the commands."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from safetensors.numpy import load_file

from hrl import cli
from hrl.commands.train import make_evaluations
from hrl.commands.train_arguments import parse_training
from hrl_core.algorithms import ALGORITHMS
from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.trainer import Trainer

DOCS = Path(__file__).parents[3] / "docs"


def written(page: str, folder: Path) -> list[list[str]]:
    """Write the blocks that begin with a file's name; returns the words of the commands after ``hrl``."""
    text = (DOCS / page).read_text()
    for kind, name, block in re.findall(r"```(python|yaml)\n# (\S+)\n(.*?)```", text, re.DOTALL):
        path = folder / name
        if path.name != "__init__.py":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
            assert kind == "yaml" or compile(block, name, "exec")
    (commands,) = re.findall(r"## What it can do now\n\n```bash\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line)[1:] for line in commands.splitlines()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a newcomer works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ars", "push_cart")]:
        del sys.modules[name]


@pytest.mark.learning
def test_the_algorithm_of_the_page_trains_goes_on_and_acts(folder, monkeypatch):
    commands = written("adding_an_algorithm.md", folder)
    line = re.search(r"^(ALGORITHMS\[.*?\] = \".*?\")", (DOCS / "adding_an_algorithm.md").read_text(), re.MULTILINE)
    assert line is not None
    monkeypatch.setitem(ALGORITHMS, "ars", "")  # pyright: ignore[reportArgumentType] - taken back at the end
    exec(line[1], {"ALGORITHMS": ALGORITHMS})
    for words in commands:
        assert cli.main(words) == 0, words
    policy = load_file(folder / "runs/ars/last/weights.safetensors")
    assert all(array.any() for array in policy.values()), "it learned nothing"
    request = parse_training(commands[0][1:])

    def trainer(out):
        envs = VectorEnv(request.spec, request.config.num_envs, request.seed, stagger=False)
        evaluations = make_evaluations(request.spec, request.config, cores=1, busy=1)
        return Trainer(request.spec, request.config, envs, evaluations, out, 0)

    # Stopped in mid-episode and gone on with, it comes to the same weights.
    stopped = trainer(folder / "stopped")
    stopped.run(stop=lambda: stopped.env_steps >= 4_400)
    trainer(folder / "stopped").run(resume=True)
    again = load_file(folder / "stopped/last/weights.safetensors")
    assert {name: array.tobytes() for name, array in policy.items()} == {n: a.tobytes() for n, a in again.items()}


@pytest.mark.learning
def test_the_task_of_the_page_is_one(folder):
    commands = written("adding_a_task.md", folder)
    for words in commands:
        assert cli.main(words) == 0, words
    task = load_task(folder / "push_cart.yaml")
    env, twin = GoalEnvironment(task), GoalEnvironment(task)
    first, same = env.reset(seed=3), twin.reset(seed=3)
    np.testing.assert_array_equal(first.state, same.state)
    states = [first.state, *(env.step(np.array([2.0])).state for _ in range(10))]
    assert np.ptp(states, axis=0).all(), "an element is constant"
    assert len({id(state) for state in states}) == len(states)
    check_env(importlib.import_module("push_cart").PushCart(), skip_render_check=True)
