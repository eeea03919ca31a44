"""The part of a graph that is started on this machine."""

import pytest

from hrl.graphs.argument_table import LaunchArgumentError, parse_arguments
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.policy import policy_graph
from hrl_core.errors import HrlError

TWO = ["policy:=relay_push_point", "network:=subnet"]


def graph(tmp_path, *words):
    return policy_graph(parse_arguments([*TWO, f"out:={tmp_path}/run", *words], LaunchArguments))


def test_the_nodes_that_are_named_are_started_and_end_with_a_run_elsewhere(tmp_path):
    whole = graph(tmp_path)
    assert {node.role for node in whole.nodes} == {"recorder", "simulator", "manager", "worker"}
    assert not any(node.parameters.get("ends_with_run") for node in whole.nodes)
    here = graph(tmp_path, "nodes:=worker, manager,recorder", "peers:=10.0.0.1, 10.0.0.2")
    assert {node.role for node in here.nodes} == {"recorder", "manager", "worker"}
    assert all(node.parameters["ends_with_run"] for node in here.nodes)
    assert not any("core" in node.parameters for node in here.nodes)
    assert here.environment["ROS_STATIC_PEERS"] == "10.0.0.1;10.0.0.2"
    assert not here.reports
    simulator = graph(tmp_path, "nodes:=simulator")
    assert [node.role for node in simulator.nodes] == ["simulator"]
    assert "ends_with_run" not in simulator.nodes[0].parameters
    assert simulator.nodes[0].parameters["recorder"] is True


def test_nodes_that_are_not_there_and_a_network_of_one_machine_are_refused(tmp_path):
    with pytest.raises(HrlError, match="this graph has no 'workr'; did you mean worker"):
        graph(tmp_path, "nodes:=workr")
    for word in ("nodes:=worker", "peers:=10.0.0.1"):
        with pytest.raises(LaunchArgumentError, match="add network:=subnet"):
            parse_arguments(["policy:=relay_push_point", word], LaunchArguments)
