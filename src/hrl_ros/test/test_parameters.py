"""ROS parameters and dataclass are one thing."""

import dataclasses

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from hrl_core.errors import HrlError
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters, parameter


@dataclasses.dataclass(frozen=True)
class Sample(NodeParameters):
    speed: float = parameter(1.0, "how fast [m/s]", low=0.0, high=2.0)
    count: int = parameter(3, "how many", low=1)
    clock: str = parameter("lockstep", "which", choices=("lockstep", "realtime"))


@pytest.fixture
def make_node(monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    nodes = []

    def make(*arguments):
        rclpy.init(args=["--ros-args", *arguments])
        nodes.append(HrlNode("sample", Sample))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


def test_struct_and_parameter_server_agree(make_node):
    node = make_node("-p", "speed:=0.5", "-p", "clock:=realtime")
    values = node.read_parameters(Sample)
    assert (values.speed, values.count, values.clock) == (0.5, 3, "realtime")
    for field in dataclasses.fields(Sample):
        assert node.get_parameter(field.name).value == getattr(values, field.name)
        assert node.describe_parameter(field.name).description == field.metadata["description"]


def test_value_outside_the_choices_is_refused_with_the_valid_ones(make_node):
    node = make_node("-p", "clock:=sundial")
    with pytest.raises(HrlError, match="got 'sundial', allowed are lockstep, realtime"):
        node.read_parameters(Sample)


def test_value_outside_the_range_or_of_wrong_type_is_refused(make_node):
    with pytest.raises(Exception, match="speed"):
        make_node("-p", "speed:=9.0")


def test_parameters_are_read_only_at_run_time(make_node):
    node = make_node()
    (result,) = node.set_parameters([Parameter("count", value=5)])
    assert not result.successful


def test_failing_setup_leaves_the_node_unconfigured_with_its_reason(make_node):
    node = make_node()
    node.setup = lambda: (_ for _ in ()).throw(HrlError("no such file"))
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert node.failure == "no such file"


def test_stop_runs_before_publishers_fall_silent(make_node):
    node = make_node()
    order = []
    node.stop = lambda: order.append(("stop", node.active))
    node.trigger_configure()
    node.trigger_activate()
    node.trigger_deactivate()
    assert order == [("stop", True)]
    assert not node.active
