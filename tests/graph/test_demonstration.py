"""A scripted expert in the worker's place: recorded as a demonstration, the same bits as in process."""

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sensor_msgs.msg import Joy

from hrl.policies.shipped import resolve_policy
from hrl_core.demonstrations.demonstrator import Demonstrator
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import ActionSource, Mode
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import messages, qos

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


@pytest.mark.learning
def test_a_recording_is_done_again_from_its_seed_and_leads_to_the_same(launch, read_bag):
    """Law L14: what was really applied, noise and all, leads to the same states."""
    shown = launch("task:=push_point", "episodes:=2", "seed:=5", "noise:=0.5", file="demo.launch.py")
    assert shown.wait()[0] == 0
    words = ("task:=push_point", "demonstrator:=replay", f"recording:={shown.out / 'bag'}", "seed:=5")
    again = launch(*words, "episodes:=2", out="again", file="demo.launch.py")
    code, output = again.wait()
    assert code == 0, output
    first, second = (read_bag(graph.out / "bag") for graph in (shown, again))
    assert [o.state.tobytes() for o in first["observation"]] == [o.state.tobytes() for o in second["observation"]]
    assert {a.source for a in second["action"]} == {ActionSource.TELEOP}
    for wrong, told in (
        (("episodes:=3",), "holds 2 episodes"),
        (("episodes:=2", "seed:=6"), "is of seed 5, from which alone it leads to the same states: seed:=5"),
    ):
        code, output = launch(*words, *wrong, out="wrong", file="demo.launch.py").wait()
        assert code != 0
        assert told in output


@pytest.mark.learning
def test_a_joystick_demonstrates_and_let_go_stands_still(launch, listener, read_bag):
    words = ("task:=push_point", "demonstrator:=teleop", "controls:=-1 b2", "mode:=realtime", "rtf:=2")
    graph = launch(*words, "episodes:=1", file="demo.launch.py")
    stick = listener.create_publisher(Joy, "joy", 10)
    seen = []
    decode = messages.ACTION.decode
    listener.create_subscription(msg.Action, "action", lambda data: seen.append(decode(data)), qos.onlooker(), raw=True)
    listener.spin_until(lambda: seen)
    assert seen[0].value.tolist() == [0.0, 0.0], "nobody has touched it"
    while seen[-1].value.tolist() != [-0.5, 1.0]:
        assert graph.process.poll() is None, graph.said()
        stick.publish(Joy(axes=[0.0, 0.5], buttons=[0, 0, 1]))
        listener.spin_for(0.03)
    code, output = graph.wait()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert {a.source for a in bag["action"]} == {ActionSource.TELEOP}
    assert {o.mode for o in bag["observation"]} == {Mode.DEMO}
    moved = [a.value.tolist() for a in bag["action"]]
    assert [-0.5, 1.0] in moved
    assert moved[-1] == [0.0, 0.0], "it was let go"


def test_keys_are_a_joystick(listener, domain):
    """The command in a terminal of its own: an axis stays where a key has put it, space lets go, Esc ends it."""
    said = []
    listener.create_subscription(Joy, "joy", said.append, 10)
    terminal, other = pty.openpty()
    command = [Path(sys.executable).with_name("hrl"), "teleop"]
    keyboard = subprocess.Popen(
        command, stdin=other, stdout=subprocess.DEVNULL, env=os.environ | {"ROS_DOMAIN_ID": str(domain)}
    )
    try:
        listener.spin_until(lambda: said)
        os.write(terminal, b"wD3")
        listener.spin_until(lambda: said[-1].buttons[2] == 1)
        assert said[-1].axes[:2].tolist() == [1.0, -1.0]
        os.write(terminal, b" ")
        listener.spin_until(lambda: not any(said[-1].axes) and not any(said[-1].buttons))
        os.write(terminal, b"\x1b")
        assert keyboard.wait(20) == 0
    finally:
        keyboard.kill()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("task:=push_point", "demonstrator:=teleop"), "a person is as fast as the clock: mode:=realtime"),
        (
            ("task:=push_point", "demonstrator:=teleop", "mode:=realtime", "controls:=0"),
            "1 words; task 'push_point' wants 2, for ahead_x, ahead_y",
        ),
        (("task:=push_point", "demonstrator:=replay"), "demonstrator:=replay and recording:=BAG go together"),
        (("task:=push_point", "demonstrator:=replay", "recording:=/nowhere"), "/nowhere"),
        (("task:=AntMaze",), "task 'ant_maze' has no scripted expert; those that have are: push_point, fetch_push"),
        ((), "name the task to demonstrate"),
        (("task:=push_point", "explore:=true"), "neither explores nor learns"),
        (("task:=kitchen", "robot:=real"), "no robot draws the goals of a task: give one with goal:="),
        (("task:=kitchen", "robot:=real", "goal:=0", "demonstrator:=replay"), "leads only a simulation to the same"),
    ],
)
def test_a_demonstration_that_cannot_be_is_refused_in_a_sentence(launch, words, told):
    code, output = launch(*words, file="demo.launch.py").wait()
    assert code != 0
    assert told in output
    assert "Traceback" not in output


@pytest.mark.parametrize(("name", "episodes"), [("relay_fetch_pick_and_place", 3), ("relay_kitchen", 1)])
def test_an_arm_that_has_learned_is_the_same_on_the_graph_and_in_process(
    launch, read_bag, in_process, assert_same_run, name, episodes
):
    """The kitchen's policy, which brings all four things into place in one of seven episodes, does so in this one."""
    graph = launch(f"policy:={name}", f"episodes:={episodes}", "seed:=2", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    assert_same_run(read_bag(graph.out / "bag"), in_process(resolve_policy(name, None), episodes=episodes, seed=2))
    assert graph.summary()["success_rate"] == 1.0
    assert graph.summary()["lost_messages"] == 0


@pytest.mark.learning
@pytest.mark.slow
@pytest.mark.timeout(800)
def test_the_page_on_demonstrations_is_followed_from_nothing(tmp_path, domain):
    blocks = "".join(re.findall(r"^```bash$(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    commands = re.findall(r"^hrl (.*)$", blocks, re.MULTILINE)
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
    assert "None acted: these are demonstrations." in (tmp_path / "runs/demos/report.html").read_text()
