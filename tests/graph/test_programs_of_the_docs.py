"""Programs that the docs print run beside a launched stack, as a stranger runs them who has sourced nothing."""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hrl.policies.shipped import resolve_policy
from hrl_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.ros
SOURCED = ("AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def program(tmp_path, domain):
    """Start the program of that name on that page; yields its process and what it has said so far."""

    @contextlib.contextmanager
    def start(page, name, *words):
        (block,) = re.findall(rf"```python\n# {name}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        (tmp_path / name).write_text(block)
        environment = {variable: value for variable, value in os.environ.items() if variable not in SOURCED}
        environment["ROS_DOMAIN_ID"] = str(domain)
        command = [sys.executable, str(tmp_path / name), *map(str, words)]
        said = tmp_path / "said.txt"
        environment["PYTHONUNBUFFERED"] = "1"
        with (
            said.open("w") as log,
            subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
        ):
            try:
                yield process, said.read_text
            finally:
                process.kill()

    return start


@pytest.mark.alone
@pytest.mark.learning
def test_the_node_of_the_page_hears_the_run(launch, program, listener):
    with program("adding_a_node.md", "odometer.py") as (_, said):
        # On a busy machine a run may be half over before Python has loaded what a node needs.
        listener.spin_until(lambda: "odometer" in listener.get_node_names(), timeout=60)
        graph = launch("mode:=realtime", "rtf:=10", "episodes:=2", "policy:=hiro_ant_maze", file="policy.launch.py")
        code, output = graph.wait(100)
        assert code == 0, output
        listener.spin_until(lambda: "episode 1: " in said())
    ways = [float(way) for way in re.findall(r"^episode \d+: ([\d.]+) m$", said(), re.MULTILINE)]
    assert len(ways) == 2, said()
    # From the start to behind the wall is 16 m and more.
    assert min(ways) > 10.0


@pytest.mark.learning
def test_the_operator_of_the_page_pauses_steps_resets_and_asks_for_a_goal(launch, program, observe, listener):
    launch("mode:=realtime", "rtf:=10", "episodes:=0", "policy:=hiro_ant_maze", file="policy.launch.py")
    listener.spin_until(lambda: len(observe) > 20, timeout=60)
    with program("adding_a_node.md", "steer.py") as (operator, said):
        assert operator.wait(90) == 0, said()
    paused, stepped, begun, going, ended = said().splitlines()
    assert "paused=True" in paused
    assert "accepted=True" in stepped
    assert "accepted=True" in begun
    assert "paused=False" in going
    assert re.search(r"end_reason=\d, success=(True|False)", ended)


@pytest.mark.learning
def test_the_announcer_of_the_page_has_the_graph_act_with_its_policy(launch, program, observe, listener, tmp_path):
    policy = load_checkpoint(resolve_policy("hiro_ant_maze", None))
    newer = dataclasses.replace(policy, version=policy.version + 1)
    save_checkpoint(newer, tmp_path / "newer")
    launch("mode:=realtime", "rtf:=50", "episodes:=0", "policy:=hiro_ant_maze", file="policy.launch.py")
    listener.spin_until(lambda: len(observe) > 20, timeout=60)
    with program("reload.md", "announce.py", tmp_path / "newer") as (announcer, said):
        assert announcer.wait(90) == 0, said()
    assert f"announced version {newer.version}, acting: " in said()
    assert re.search(rf"'(worker|manager)': {newer.version}\b", said())
