"""Is the graph that runs here well?"""

from collections.abc import Iterable
from typing import Any

import psutil

from hrl.doctor.finding import Finding, Verdict, note, ok, wrong
from hrl.watching.diagnostics import listen
from hrl.watching.node_processes import node_processes
from hrl.watching.node_states import NodeStates
from hrl.watching.onlooker_node import Onlooker, where

LISTEN = 4.0
"""Seconds in which every node is discovered, even if its first announcement was missed, and has spoken."""
ANSWER = 2.0
"""Seconds a node may take to tell its state."""
_GET_STATE = "lifecycle_msgs/srv/GetState"
_ACTIVE = "active"


def running(eye: Onlooker) -> Iterable[Finding]:
    """All checks of the running graph; one finding says so when none runs."""
    yield from stopped()
    states = NodeStates()
    listen(eye, states)
    eye.spin(LISTEN)
    managed = _managed(eye)
    if not managed and not states.by_name:
        yield ok("graph", f"none is running {where()}")
        return
    lifecycle = [_lifecycle(eye, node) for node in managed]
    yield from lifecycle or [ok("graph", "no node with a life cycle")]
    yield from _diagnostics(states)
    yield from incompatible(eye.node)


def stopped() -> Iterable[Finding]:
    """Nodes whose process has been stopped; who starts to look after that does not even discover them."""
    for name, process in node_processes():
        try:
            halted = process.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            continue
        if halted:
            mend = f"kill -CONT {process.pid}, or kill -KILL {process.pid}"
            yield wrong(f"process {process.pid}", f"{name} is stopped", mend)


def _managed(eye: Onlooker) -> list[str]:
    """Full names of the nodes with a life cycle."""
    services = eye.node.get_service_names_and_types()
    return sorted(name.removesuffix("/get_state") for name, kinds in services if _GET_STATE in kinds)


def _lifecycle(eye: Onlooker, name: str) -> Finding:
    from lifecycle_msgs.srv import GetState

    check = f"node {name}"
    client = eye.node.create_client(GetState, f"{name}/get_state")
    try:
        if not eye.spin(ANSWER, client.service_is_ready):
            return wrong(check, "is listed but cannot be reached", "end it, or wait until it is forgotten")
        answer = client.call_async(GetState.Request())
        if not eye.spin(ANSWER, answer.done):
            return wrong(check, f"does not answer within {ANSWER:.0f} s: it hangs or is stopped", "end and restart it")
        response: Any = answer.result()
        state = response.current_state.label
    finally:
        eye.node.destroy_client(client)
    if state == _ACTIVE:
        return ok(check, state)
    return wrong(check, f"is {state}", f"bring it up: ros2 lifecycle set {name} configure, then activate; see its log")


def _diagnostics(states: NodeStates) -> Iterable[Finding]:
    for name, state in sorted(states.by_name.items()):
        if state.level != "OK":
            yield wrong(f"health of {name}", f"{state.level}: {state.message}", "hrl top; docs/diagnostics.md")
    well = sum(state.level == "OK" for state in states.by_name.values())
    if well:
        yield ok("health", f"{well} of {len(states.by_name)} nodes say OK")
    elif not states.by_name:
        yield note("health", "no node speaks on /diagnostics", "nodes speak while they are active")


def incompatible(node: Any) -> Iterable[Finding]:  # noqa: ANN401 - rclpy is not imported before it is needed
    """Ends of topics that never exchange a message because their QoS do not fit."""
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    pairs, problems = 0, []
    for topic, _ in node.get_topic_names_and_types():
        subscriptions = node.get_subscriptions_info_by_topic(topic)
        for publisher in node.get_publishers_info_by_topic(topic):
            for subscription in subscriptions:
                verdict, reason = qos_check_compatible(publisher.qos_profile, subscription.qos_profile)
                pairs += 1
                if verdict == QoSCompatibility.ERROR:
                    ends = f"{_full(subscription)} hears nothing of {_full(publisher)} on {topic}"
                    problems.append(wrong("QoS", f"{ends}: {reason.strip()}", "use the profile of the topic's role"))
    yield from problems or [ok("QoS", f"{pairs} pairs of publisher and subscription fit")]


def _full(endpoint: Any) -> str:  # noqa: ANN401 - rclpy's TopicEndpointInfo
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"


def all_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.verdict is not Verdict.WRONG for finding in findings)
