"""An arm at work behind the bridge: velocities, a gripper, and eyes for what stands about."""

import time

import pytest
from running_stack import journal, stop_of

from hrl_core.messages import ActionSource, Mode
from hrl_core.task.text import load_task

pytest.importorskip("gymnasium_robotics")
pytestmark = [pytest.mark.ros, pytest.mark.alone]
TASK = load_task("kitchen")
SCHEDULING = 0.06
"""What a loaded machine may add [s]."""
GOAL = ",".join(map(str, TASK.evaluation_goals[0]))


@pytest.mark.learning
def test_the_expert_does_on_a_fake_franka_what_it_does_in_simulation(launch, read_bag):
    """Four things in place, gripped, pulled and pushed through topics, on a clock that waits for nobody."""
    robot = ("robot:=real", "robot_config:=fake_franka", "rtf:=2")
    graph = launch("task:=kitchen", *robot, f"goal:={GOAL}", "episodes:=1", "noise:=0", file="demo.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    summary, bag = graph.summary(), read_bag(graph.out / "bag")
    assert summary["success_rate"] == 1.0
    assert summary["lost_messages"] == 0
    assert {o.mode for o in bag["observation"]} == {Mode.DEMO}
    sources = [o.action_source for o in bag["observation"] if not o.first]
    assert sources.count(ActionSource.TELEOP) > 0.9 * len(sources)
    assert bag["observation"][-1].reward == 0.0, "minus the number of things that are not in place"
    told = journal(graph.out)
    assert {row["grip"][0] for row in told if "grip" in row} == {0.0, 0.04}
    assert max(abs(speed) for row in told for speed in row.get("command", ())) <= 2.0


def test_a_killed_worker_leaves_the_arm_standing_still_with_what_it_holds(launch):
    """The safe action is no velocity, and nothing for the gripper; a restarted one goes on after a second or more."""
    robot = ("robot:=real", "robot_config:=fake_franka")
    graph = launch("task:=kitchen", *robot, f"goal:={GOAL}", "episodes:=1", "noise:=0", file="demo.launch.py")
    graph.await_walk()
    at = time.monotonic()
    graph.node("worker").kill()
    time.sleep(0.6)
    stop = stop_of(graph.out, at)
    assert stop is not None
    assert stop.after < 2 * TASK.control_period + 0.01 + SCHEDULING
    assert not any("grip" in row for row in journal(graph.out) if row["t"] > at + stop.after)
    assert graph.stop()[0] == 0
