"""A scripted expert in the worker's place: recorded as a demonstration, the same bits as in process."""

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
