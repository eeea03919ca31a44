"""ROS parameters and dataclass are one thing; what was given and cannot be used is refused with what is valid."""

import contextlib
import dataclasses
import gc
import os
import subprocess
from pathlib import Path

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from hrl_core.errors import HrlError
from hrl_ros.node import HrlNode
from hrl_ros.parameter_fields import leaves
from hrl_ros.parameters import NodeParameters, parameter


@dataclasses.dataclass(frozen=True)
class Sample(NodeParameters):
    speed: float = parameter(1.0, "how fast [m/s]", low=0.0, high=2.0)
    count: int = parameter(3, "how many", low=1)
    clock: str = parameter("lockstep", "which", choices=("lockstep", "realtime"))
    loud: bool = parameter(False, "whether it shouts")


@pytest.fixture
def make_node(monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    nodes = []

    def make(*arguments):
        rclpy.init(args=["--ros-args", *arguments])
        nodes.append(HrlNode("sample", Sample))
        return nodes[-1]

    yield make
    while nodes:
        nodes.pop().destroy_node()
    rclpy.try_shutdown()
    # Or its participant would live on until a later test makes another one; Fast DDS (2.14) may wait for ever when it
    # destroys one that is just discovering the next.
    gc.collect()


def value_of(struct, name):
    for part in name.split("."):
        struct = getattr(struct, part)
    return struct


def test_struct_and_parameter_server_agree(make_node):
    given = {"speed": 0.5, "clock": "realtime", "diagnostics.latency_warn": 0.25}
    node = make_node(*(word for name, value in given.items() for word in ("-p", f"{name}:={value}")))
    values = node.read_parameters(Sample)
    assert {name: value_of(values, name) for name in given} == given
    for leaf in leaves(Sample):
        assert node.get_parameter(leaf.name).value == value_of(values, leaf.name)
        described = node.describe_parameter(leaf.name)
        assert described.description == leaf.description
        assert described.read_only


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("clock:=sundial", "parameter clock: got 'sundial', allowed are lockstep, realtime"),
        ("speed:=9.0", "parameter speed: got 9.0, must be between 0 and 2"),
        ("speed:=-0.1", "parameter speed: got -0.1, must be between 0 and 2"),
        ("speed:=.nan", "parameter speed: got nan, must be finite"),
        ("speed:=1", "parameter speed: got 1, must be a number with a decimal point: write 1.0"),
        ("speed:=fast", "parameter speed: got 'fast', must be a number with a decimal point"),
        ("count:=0", "parameter count: got 0, must be at least 1"),
        ("count:=[1, 2]", "must be an integer"),
        ("clock:=7", "parameter clock: got 7, must be text"),
        ("loud:=1", "parameter loud: got 1, must be true or false"),
        ("sped:=1.0", "unknown parameter 'sped'; did you mean speed?"),
        ("diagnostics.latency_wran:=1.0", "did you mean diagnostics.latency_warn?"),
        ("diagnostics.latency_warn:=-1.0", "parameter diagnostics.latency_warn: got -1.0, must be at least 0"),
    ],
)
def test_what_cannot_be_used_is_refused_at_configure_with_what_is_valid(make_node, given, problem):
    node = make_node("-p", given)
    node.setup = lambda: node.read_parameters(Sample)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert problem in node.failure
    assert all(leaf.name in node.failure for leaf in leaves(Sample))


def test_all_problems_are_told_at_once(make_node):
    with pytest.raises(HrlError, match=r"speed: got 9.0.*; unknown parameter 'sped'"):
        make_node("-p", "speed:=9.0", "-p", "sped:=1.0").read_parameters(Sample)


def test_parameters_of_rclpy_itself_are_no_strangers(make_node):
    assert make_node("-p", "use_sim_time:=true").read_parameters(Sample).count == 3


def test_parameters_are_read_only_at_run_time(make_node):
    node = make_node()
    (result,) = node.set_parameters([Parameter("count", value=5)])
    assert not result.successful


def test_failing_setup_leaves_the_node_unconfigured_with_its_reason(make_node):
    node = make_node()
    node.setup = lambda: (_ for _ in ()).throw(HrlError("no such file"))
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert node.failure == "no such file"


def for_all_threads(act):
    """Results for the threads of this process; some may end meanwhile."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            found.append(act(int(task.name)))
    return found


def test_a_node_given_a_core_stays_there_with_all_its_threads(make_node):
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    node = make_node("-p", f"core:={core}")
    try:
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        found = for_all_threads(os.sched_getaffinity)
        assert len(found) > 1  # DDS has its own
        assert all(cores == {core} for cores in found)
        assert set(for_all_threads(os.sched_getscheduler)) == {os.SCHED_BATCH}
    finally:
        for_all_threads(lambda thread: os.sched_setaffinity(thread, allowed))
        for_all_threads(lambda thread: os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0)))


def test_a_core_that_does_not_exist_is_refused(make_node):
    node = make_node("-p", "core:=4096")
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "parameter core: 4096 is none of the cores this process may use: 0" in node.failure


def test_stop_runs_before_publishers_fall_silent(make_node):
    node = make_node()
    order = []
    node.stop = lambda: order.append(("stop", node.active))
    node.trigger_configure()
    node.trigger_activate()
    node.trigger_deactivate()
    assert order == [("stop", True)]
    assert not node.active


@pytest.mark.ros
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("polcy: somewhere", "unknown parameter 'polcy'; did you mean policy?"),
        ("wait_limit: soon", "parameter wait_limit: got 'soon', must be a number"),
        ("wait_report: 0.0", "parameter wait_report: got 0.0, must be at least 0.1"),
    ],
)
def test_a_real_node_ends_with_code_2_and_one_clear_error(tmp_path, find_node, content, problem):
    file = tmp_path / "worker.yaml"
    file.write_text(f"worker:\n  ros__parameters:\n    {content}\n")
    command = [find_node("hrl_worker", "worker"), "--ros-args", "--params-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert problem in done.stderr
    assert done.stderr.count("valid parameters") == 1
    assert "diagnostics.rate_error_warn = 0.1" in done.stderr
    assert "Traceback" not in done.stderr
