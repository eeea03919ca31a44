"""The launch file under the real ``launch_ros``, with stub executables in the place of the nodes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task

REPOSITORY = Path(__file__).parents[2]
LAUNCH_FILE = REPOSITORY / "src" / "hrl" / "launch" / "hiro_ant.launch.py"
PACKAGES = {
    "hrl_sim": "simulator",
    "hrl_manager": "manager",
    "hrl_worker": "worker",
    "hrl_training": "recorder",
}
STUB = """#!{python}
import json, os, pathlib, signal, sys, time
import yaml
name, folder = {name!r}, pathlib.Path({folder!r})
parameters = [yaml.safe_load(open(sys.argv[i + 1])) for i, w in enumerate(sys.argv) if w == "--params-file"]
environment = {{k: v for k, v in os.environ.items() if k.startswith("ROS_")}}
seen = {{"argv": sys.argv[1:], "parameters": parameters, "environment": environment}}
part = folder / f".{{name}}.part"
part.write_text(json.dumps(seen))
part.rename(folder / f"{{name}}.json")
with open(folder / "starts", "a") as file:
    file.write(name + "\\n")
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))

def await_starts(*names):
    while any((folder / "starts").read_text().split().count(n) < names.count(n) for n in names):
        time.sleep(0.05)

def report():
    values = next(iter(parameters[0].values()))["ros__parameters"]
    out = pathlib.Path(values["out"])
    latency = {{"p50": 1.0, "p99": 2.0, "max": 3.0}}
    data = {{"run": 1, "robot": "robot", "task": "ant_maze", "task_hash": "0", "seed": 0, "clock": "lockstep",
            "observations": 0, "actions": 0, "env_steps": 0, "env_steps_per_s": 0.0, "missed_deadlines": 0,
            "action_latency_ms": latency, "refused_actions": 0, "episodes": []}}
    (out / "simulator.json").write_text(json.dumps(data))

{body}
"""
WAIT = "while True:\n    time.sleep(10)\n"
FINISH = "await_starts('manager', 'worker')\nreport()"

pytestmark = pytest.mark.needs("launch_ros")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "ant"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), folder)
    return folder


class Stack:
    """Stub nodes in a prefix, and ``ros2 launch`` of them."""

    def __init__(self, folder: Path, policy: Path) -> None:
        self.folder, self.policy, self.out = folder, policy, folder / "out"
        for package, executable in PACKAGES.items():
            index = folder / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
            index.mkdir(parents=True, exist_ok=True)
            (index / package).touch()
            (folder / "prefix" / "lib" / package).mkdir(parents=True)
            self.write(package, executable, FINISH if executable == "simulator" else WAIT)

    def write(self, package: str, executable: str, body: str) -> None:
        path = self.folder / "prefix" / "lib" / package / executable
        path.write_text(STUB.format(python=sys.executable, name=executable, folder=str(self.folder), body=body))
        path.chmod(0o755)

    def start(self, *words: str) -> subprocess.Popen[str]:
        prefixes = os.pathsep.join([str(self.folder / "prefix"), os.environ.get("AMENT_PREFIX_PATH", "")])
        environment = {**os.environ, "AMENT_PREFIX_PATH": prefixes, "ROS_LOG_DIR": str(self.folder / "log")}
        environment.pop("ROS_AUTOMATIC_DISCOVERY_RANGE", None)
        given = {word.split(":=")[0] for word in words}
        own = [w for w in (f"policy:={self.policy}", f"out:={self.out}") if w.split(":=")[0] not in given]
        command = [sys.executable, str(Path(__file__).with_name("launch_file.py")), str(LAUNCH_FILE)]
        return subprocess.Popen(
            [*command, *own, *words],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=30)
        return process.returncode, output

    def seen(self, name: str) -> dict:
        return json.loads((self.folder / f"{name}.json").read_text())

    def starts(self, name: str) -> int:
        return (self.folder / "starts").read_text().split().count(name)

    def wait_for(self, *names: str) -> None:
        deadline = time.monotonic() + 20
        while not all((self.folder / f"{name}.json").exists() for name in names):
            assert time.monotonic() < deadline, f"not all of {names} have started"
            time.sleep(0.05)


@pytest.fixture
def stack(tmp_path, policy):
    return Stack(tmp_path, policy)


def test_the_end_of_the_simulator_ends_the_launch_with_code_0_and_a_summary(stack):
    words = ["record:=false", "goal:=0,16", "namespace:=robot_1", "seed:=7"]
    code, output = stack.run(*words, "ros_namespace:=/fleet", "foreign:=1")
    assert code == 0, output
    assert "ignored unknown arguments foreign" in output
    assert json.loads((stack.out / "summary.json").read_text())["policy_trained"] is False
    seen = stack.seen("simulator")
    assert not (stack.folder / "recorder.json").exists()
    words = seen["argv"]
    remappings = {
        "__node:=simulator",
        "__ns:=/fleet/robot_1",
        "/clock:=clock",
        "/tf:=tf",
        "/tf_static:=tf_static",
    }
    assert remappings <= set(words)
    assert words[words.index("--log-level") + 1] == "fleet.robot_1.simulator:=info"
    parameters = next(iter(seen["parameters"][0].values()))["ros__parameters"]
    assert parameters["goal"] == "0,16"
    assert parameters["seed"] == 7
    assert parameters["real_time_factor"] == 1.0
    assert parameters["recorder"] is False
    assert parameters["robot"] == "fleet/robot_1"
    assert seen["environment"]["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


def test_parameters_are_those_of_hrl_launch(stack):
    from hrl.graphs.argument_table import parse_arguments
    from hrl.graphs.arguments import LaunchArguments
    from hrl.graphs.policy import policy_graph

    words = [f"policy:={stack.policy}", f"out:={stack.out}", "goal:=1,2"]
    graph = policy_graph(parse_arguments(words, LaunchArguments))
    stack.write("hrl_sim", "simulator", "await_starts('manager', 'worker', 'recorder')\nreport()")
    code, output = stack.run("goal:=1,2")
    assert code == 0, output
    for node in graph.nodes:
        seen = stack.seen(node.name)["parameters"]
        assert next(iter(seen[0].values()))["ros__parameters"] == dict(node.parameters)


def test_a_node_that_dies_is_named_and_the_launch_fails(stack):
    stack.write("hrl_worker", "worker", "os.kill(os.getpid(), signal.SIGKILL)")
    stack.write("hrl_sim", "simulator", WAIT)
    start = time.monotonic()
    code, output = stack.run()
    assert code != 0
    assert time.monotonic() - start < 15
    assert "worker died: killed by SIGKILL (signal 9)" in output


def test_a_worker_with_respawn_is_started_again(stack):
    once = "marker = folder / 'died'\nif not marker.exists():\n    marker.touch()\n    sys.exit(1)\n"
    stack.write("hrl_worker", "worker", once + WAIT)
    stack.write("hrl_sim", "simulator", "await_starts('worker', 'worker')\nreport()")
    code, output = stack.run("respawn:=true")
    assert code == 0, output
    assert stack.starts("worker") == 2


def test_a_worker_that_keeps_dying_ends_the_launch(stack):
    stack.write("hrl_worker", "worker", "sys.exit(1)")
    stack.write("hrl_sim", "simulator", WAIT)
    code, output = stack.run("respawn:=true")
    assert code != 0
    assert stack.starts("worker") == 4
    assert "worker died: exit code 1" in output


def test_an_interrupt_ends_the_launch_with_code_0(stack):
    stack.write("hrl_sim", "simulator", "try:\n    " + WAIT.replace("\n", "\n    ") + "\nfinally:\n    report()")
    process = stack.start()
    stack.wait_for(*PACKAGES.values())
    # As a terminal does: to the whole foreground group.
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert (stack.out / "summary.json").exists()


def test_a_run_that_leaves_no_report_fails(stack):
    stack.write("hrl_sim", "simulator", "await_starts('manager', 'worker', 'recorder')")
    code, output = stack.run()
    assert code != 0, output
    assert "summary could not be made" in output


def test_a_run_that_is_stopped_before_its_robot_was_ready_does_not(stack):
    stack.write("hrl_sim", "simulator", WAIT)
    process = stack.start()
    stack.wait_for(*PACKAGES.values())
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "stopped before the robot was ready" in output


def test_who_has_something_to_save_is_not_hurried(stack):
    slowly = "signal.signal(signal.SIGINT, lambda *_: (time.sleep(11), print('all is saved'), sys.exit(0)))\n"
    stack.write("hrl_training", "recorder", slowly + WAIT)
    stack.write("hrl_sim", "simulator", "await_starts('manager', 'worker', 'recorder')\nreport()")
    code, output = stack.run()
    assert code == 0, output
    assert "all is saved" in output


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("episodes:=many", "episodes:=many is not an integer"),
        ("policy:=nowhere", "policy 'nowhere' is neither a folder nor a shipped policy"),
        ("supervise:=perhaps", "supervise:=perhaps is not one of auto, true, false"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(stack, word, cause):
    code, output = stack.run(word)
    assert code != 0
    assert cause in output
    assert not stack.out.exists()
    assert not list(stack.folder.glob("*.json"))
