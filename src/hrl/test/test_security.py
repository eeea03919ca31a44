"""Nodes start in enclaves of their own where security is on; the shipped policy has one for each."""

import re
from pathlib import Path

import pytest

from hrl.graphs.graph import NodeDescription
from hrl.launching.node_process import NodeProcess
from hrl.launching.security import enclave, enclave_arguments

POLICY = Path(__file__).parents[1] / "config" / "sros2" / "policy.xml"
WORKER = NodeDescription("hrl_worker", "worker", "worker")
ON = {"ROS_SECURITY_ENABLE": "true"}


@pytest.mark.parametrize(("namespace", "path"), [("", "/hrl/worker"), ("fleet/robot_1", "/hrl/fleet/robot_1/worker")])
def test_an_enclave_is_named_after_namespace_and_node(namespace, path):
    assert enclave(NodeDescription("hrl_worker", "worker", "worker", namespace)) == path


@pytest.mark.parametrize(
    "environment", [{}, {"ROS_SECURITY_ENABLE": "false"}, ON | {"ROS_SECURITY_ENCLAVE_OVERRIDE": "/x"}]
)
def test_without_security_nodes_start_as_ever(environment):
    assert enclave_arguments(WORKER, environment) == []


def test_with_security_a_process_is_told_its_enclave():
    process = NodeProcess(WORKER, Path("worker"), "info", ON, print)
    assert process._command[-2:] == ["--enclave", "/hrl/worker"]
    assert "--ros-args" in process._command


def test_the_policy_names_the_enclaves_that_nodes_are_started_in():
    text = POLICY.read_text()
    paths = re.findall(r'<enclave path="([^"]+)"', text)
    names = re.findall(r'<profile ns="/" node="([^"]+)"', text)
    assert paths == [enclave(NodeDescription("", "", name)) for name in names]
