"""A scripted expert in the worker's place: recorded as a demonstration, the same bits as in process."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hrl_core.demonstrations.demonstrator import Demonstrator
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import ActionSource, Mode
from hrl_core.task.text import load_task

pytestmark = pytest.mark.ros
PAGE = Path(__file__).parents[2] / "docs" / "demonstrations.md"
SMALLER = {
    "demo.launch.py": "episodes:=2",
    "train": "--worker.batch_size 16 --manager.batch_size 16 --td3.batch_size 16 --imitation_updates 3 "
    "--learning_starts 40 --evaluation_episodes 2 --num_envs 2 --steps 60",
    "evaluate": "--episodes 2",
    "policy.launch.py": "episodes:=1",
}
"""What makes the commands of the page quick; later words count."""


def test_a_demonstration_is_recorded_as_one_and_is_the_same_as_in_process(launch, read_bag):
    graph = launch("task:=push_point", "episodes:=3", "seed:=5", "noise:=0.5", file="demo.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    task = load_task("push_point")
    runner = EnvRunner(task, 5, Mode.DEMO)
    stack = Hierarchy(WorkerSession(task, FLAT, Demonstrator(task, 0.5), 5))
    expected = [action for episode in range(3) for action in rollout(runner, stack, episode).actions]
    bag = read_bag(graph.out / "bag")
    assert [a.value.tobytes() for a in bag["action"]] == [a.value.tobytes() for a in expected]
    assert [a.intended.tobytes() for a in bag["action"]] == [a.intended.tobytes() for a in expected]
    assert {a.source for a in bag["action"]} == {ActionSource.TELEOP}
    assert {o.mode for o in bag["observation"]} == {Mode.DEMO}
    assert {o.action_source for o in bag["observation"] if not o.first} == {ActionSource.TELEOP}
    assert not bag["subgoal"]
    assert graph.summary()["lost_messages"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("task:=AntMaze",), "task 'ant_maze' has no scripted expert; those that have are: push_point, fetch_push"),
        ((), "name the task to demonstrate"),
        (("task:=push_point", "explore:=true"), "neither explores nor learns"),
    ],
)
def test_a_demonstration_that_cannot_be_is_refused_in_a_sentence(launch, words, told):
    code, output = launch(*words, file="demo.launch.py").wait()
    assert code != 0
    assert told in output
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_page_on_demonstrations_is_followed_from_nothing(tmp_path, domain):
    commands = re.findall(r"^hrl (.*)$", PAGE.read_text(), re.MULTILINE)
    assert {word for line in commands for word in line.split() if word in SMALLER} == {*SMALLER}
    for line in commands:
        words = shlex.split(line)
        smaller = next((more for word, more in SMALLER.items() if word in words), "")
        made = subprocess.run(
            [Path(sys.executable).with_name("hrl"), *words, *smaller.split()],
            cwd=tmp_path,
            env=os.environ | {"ROS_DOMAIN_ID": str(domain)},
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, f"{line}\n{made.stdout}\n{made.stderr}"
    assert (tmp_path / "runs/tuned/last/policy.json").exists()
    assert (tmp_path / "runs/demos/report.html").exists()
