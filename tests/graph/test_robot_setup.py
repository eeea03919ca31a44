"""How a stack is put onto a robot: drivers of its own, an operator who starts episodes, joints that are not ours."""

import json
import signal
from importlib import resources

import pytest
import yaml
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from running_stack import journal
from std_srvs.srv import Trigger

from hrl_msgs.srv import SetPaused
from hrl_robot import robot_config

pytestmark = pytest.mark.ros
FACTOR = 5


def own_robot(folder, **operator):
    """The shipped file with another way of beginning an episode."""
    shipped = yaml.safe_load((robot_config._ROBOTS / "fake_ant.yaml").read_text())
    shipped["operator"] |= operator
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path


@pytest.mark.learning
def test_operator_starts_each_episode_and_may_leave_the_stack_to_a_lifecycle_manager(
    launch, listener, observe, tmp_path
):
    path = own_robot(tmp_path, start="service")
    words = [f"rtf:={FACTOR}", f"robot_config:={path}", "autostart:=false", "wait_limit:=5"]
    graph = launch("robot:=real", *words)

    def change(transition):
        assert listener.call(ChangeState, "supervisor/change_state", transition=Transition(id=transition)).success

    def active():
        return listener.call(GetState, "bridge/get_state").current_state.id == State.PRIMARY_STATE_ACTIVE

    change(Transition.TRANSITION_CONFIGURE)
    change(Transition.TRANSITION_ACTIVATE)
    listener.spin_until(active, timeout=40)
    # People take longer than the nodes' patience with each other.
    listener.spin_for(7.0)
    assert not observe
    assert listener.call(Trigger, "start_episode").success
    listener.spin_until(lambda: len(observe) > 20)
    assert listener.call(Trigger, "emergency_stop").success
    assert listener.call(Trigger, "stop_episode").success
    # People are as slow after an episode that they have ended, which has no last observation.
    listener.spin_for(7.0)
    refused = listener.call(Trigger, "start_episode")
    assert not refused.success
    assert "call service release_emergency_stop first" in refused.message
    assert listener.call(Trigger, "release_emergency_stop").success
    assert listener.call(Trigger, "start_episode").success
    listener.spin_until(lambda: observe[-1].key > (1, 5))
    assert "restarting" not in graph.said()
    change(Transition.TRANSITION_DEACTIVATE)
    listener.spin_until(lambda: not active())
    graph.await_rest()
    code, output = graph.stop()
    assert code == 0, output


@pytest.mark.learning
def test_an_operator_is_asked_again_after_a_pause_before_the_first_action(launch, listener, observe, tmp_path):
    path = own_robot(tmp_path, start="service")
    graph = launch("robot:=real", f"rtf:={FACTOR}", f"robot_config:={path}")
    active = State.PRIMARY_STATE_ACTIVE
    listener.spin_until(lambda: listener.call(GetState, "bridge/get_state").current_state.id == active, timeout=40)
    worker = graph.node("worker")
    listener.spin_until(lambda: listener.call(GetState, "worker/get_state").current_state.id == active)
    worker.suspend()
    listener.spin_until(lambda: listener.call(Trigger, "start_episode").success)
    listener.spin_until(lambda: observe)
    assert listener.call(SetPaused, "set_paused", paused=True).paused
    assert not listener.call(SetPaused, "set_paused", paused=False).paused
    worker.resume()
    listener.spin_for(1.0)
    assert {o.key for o in observe} == {(0, 0)}
    assert listener.call(Trigger, "start_episode").success
    listener.spin_until(lambda: observe[-1].key > (1, 5))
    code, output = graph.stop()
    assert code == 0, output


@pytest.fixture
def without_drivers(tmp_path):
    """File of a robot whose drivers nobody here starts."""
    shipped = yaml.safe_load((resources.files("hrl_robot") / "robots" / "fake_ant.yaml").read_text())
    del shipped["fake"]
    path = tmp_path / "my_robot.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path


def test_a_second_stack_takes_nothing_of_the_first_one_down_and_tells_its_robot_nothing(
    launch, listener, observe, without_drivers
):
    drivers = launch(file="fake_robot.launch.py", out="drivers")
    words = ("robot:=real", f"robot_config:={without_drivers}")
    first = launch(*words, out="first")
    drivers.await_walk()
    second = launch(*words, out="second")
    code, output = second.wait(60)
    assert code == 1
    assert "a stack is running in namespace '/' already" in output, output
    seen = len(observe)
    listener.spin_until(lambda: len(observe) > seen + 10)
    assert {o.run for o in observe} == {observe[0].run}
    code, output = first.stop()
    assert code == 0, output
    # Of the first stack alone, whose actions came in time throughout.
    report = json.loads((first.out / "simulator.json").read_text())
    assert report["watchdog_trips"] == 0
    assert len([row for row in journal(drivers.out) if "command" in row]) <= report["commands"] + 3
    assert drivers.stop()[0] == 0


@pytest.mark.learning
def test_robot_whose_drivers_are_started_apart_walks_and_stays_when_the_stack_ends(launch, without_drivers):
    drivers = launch("namespace:=robot_1", file="fake_robot.launch.py", out="drivers")
    graph = launch("robot:=real", f"robot_config:={without_drivers}", "namespace:=robot_1")
    drivers.await_walk()
    graph.process.send_signal(signal.SIGINT)
    assert graph.wait()[0] == 0
    drivers.await_rest()
    assert drivers.process.poll() is None
    assert drivers.stop()[0] == 0


def test_robot_with_other_joints_is_refused_by_name_before_anything_moves(launch, tmp_path):
    path = tmp_path / "own.yaml"
    shipped = (robot_config._ROBOTS / "fake_ant.yaml").read_text()
    path.write_text(shipped.replace("fl_hip", "front_left_hip"))
    graph = launch("robot:=real", f"robot_config:={path}")
    code, output = graph.wait(60)
    assert code != 0
    assert "missing ['front_left_hip'], extra ['fl_hip']" in output
    assert not any("command" in row for row in journal(graph.out))
