"""The shipped SROS2 policy and the running graph name the same things: nothing more is used or allowed."""

import itertools
import socket
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rclpy.action.graph import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node

pytestmark = pytest.mark.ros
POLICY = Path(__file__).parents[2] / "src" / "hrl" / "config" / "sros2" / "policy.xml"
VERBS = {"topics": ("publish", "subscribe"), "services": ("reply", "request"), "actions": ("execute", "call")}
OPTIONAL = {
    "": {("publish", "heartbeat")},  # of any node that is supervised
    "fake_robot": {("publish", "/diagnostics")},  # it stands for hardware and reports nothing
    # Tasks with things in them; in lock-step only; by the wall clock only.
    "simulator": {
        ("publish", "objects"),
        ("subscribe", "subgoal_result"),
        ("reply", "emergency_stop"),
        ("reply", "release_emergency_stop"),
    },
    "markers": {("publish", "tf")},  # where tf2_msgs is installed
    "supervisor": {("request", f"{node}/change_state") for node in ("simulator", "bridge")},  # one of them
}
"""Allowed, and not used by every graph."""
STACK = {"manager", "worker", "recorder"}


def permissions(namespace=""):
    """What the policy allows, as (verb, full name) by node."""
    allowed = {}
    for profile in ElementTree.parse(POLICY).iter("profile"):
        node = profile.attrib["node"]
        rules = allowed.setdefault(node, set())
        for group in profile:
            for verb, word in itertools.product(VERBS[group.tag], ("ALLOW",)):
                if group.attrib.get(verb) == word:
                    rules |= {(verb, full_name(entry.text, node, namespace)) for entry in group}
    return allowed


def full_name(name, node, namespace):
    prefix = f"/{namespace}" if namespace else ""
    if name.startswith("/"):
        return name
    return f"{prefix}/{node}{name[1:]}" if name.startswith("~") else f"{prefix}/{name}"


def usage(listener, node, namespace):
    """What a running node does, in the words of the policy."""
    of_node = {
        "publish": listener.get_publisher_names_and_types_by_node,
        "subscribe": listener.get_subscriber_names_and_types_by_node,
        "reply": listener.get_service_names_and_types_by_node,
        "request": listener.get_client_names_and_types_by_node,
    }
    used = {
        (verb, name) for verb, ask in of_node.items() for name, _ in ask(node, namespace) if "/_action/" not in name
    }
    for verb, ask in {
        "execute": get_action_server_names_and_types_by_node,
        "call": get_action_client_names_and_types_by_node,
    }.items():
        used |= {(verb, name) for name, _ in ask(listener, node, namespace)}
    return used


def differences(listener, namespace, nodes):
    """What is used and not allowed, or allowed and not used, in words."""
    allowed = permissions(namespace)
    found = []
    for node in nodes:
        try:
            used = usage(listener, node, f"/{namespace}")
        except RuntimeError:
            # rclpy's NodeNameNonExistentError is one: it is not discovered yet.
            found.append(f"{node} is not there")
            continue
        optional = {(verb, full_name(name, node, namespace)) for verb, name in OPTIONAL[""] | OPTIONAL.get(node, set())}
        found += [f"{node} may not {verb} {name}" for verb, name in used - allowed[node]]
        found += [f"{node} does not {verb} {name}" for verb, name in allowed[node] - used - optional]
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("namespace", "more", "nodes"),
    [
        pytest.param(
            "",
            ["viewer:=true", "learn:=true", "relabel:=from-relabelled", "mode:=realtime"],
            STACK | {"simulator", "markers", "viewer", "trainer", "relabeler"},
            marks=pytest.mark.learning,
        ),
        ("fleet/robot_1", [], STACK | {"simulator"}),
        ("", ["robot:=real"], STACK | {"bridge", "fake_robot", "supervisor"}),
    ],
)
def test_every_name_of_the_running_graph_is_in_the_policy_and_the_reverse(launch, listener, namespace, more, nodes):
    words = ["task:=AntMaze", "policy:=hiro_ant_maze", "episodes:=0", "wait_limit:=0.0", *more]
    graph = launch(*words, f"namespace:={namespace}", f"viewer_port:={free_port()}")
    end = time.monotonic() + 60
    while found := differences(listener, namespace, nodes):
        assert time.monotonic() < end, "\n".join(found)
        listener.spin_for(0.5)
    there = {name for name, where in listener.get_node_names_and_namespaces() if where == f"/{namespace}"}
    assert there - {listener.get_name()} == nodes
    graph.stop()


def test_only_the_worker_publishes_actions():
    allowed = permissions()
    assert [node for node, rules in allowed.items() if ("publish", "/action") in rules] == ["worker"]


def test_only_bridge_and_supervisor_command_the_actuators():
    for node, rules in permissions().items():
        commands = {name for verb, name in rules if verb == "publish" and name.endswith("/commands")}
        assert not commands or node in {"bridge", "supervisor"}


def test_nothing_is_denied_and_nothing_is_a_pattern():
    """Everything that is not allowed is denied; a wildcard would allow more than anybody has read."""
    text = POLICY.read_text()
    assert "DENY" not in text
    assert not any("*" in name or "?" in name for rules in permissions().values() for _, name in rules)
