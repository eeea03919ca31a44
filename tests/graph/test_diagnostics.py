"""What the nodes of a running graph say of themselves, and the commands that show it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrl_msgs.srv import SetRealTimeFactor

pytestmark = [pytest.mark.ros, pytest.mark.slow]
HRL = str(Path(sys.executable).with_name("hrl"))
SPEAKING = {"simulator", "manager", "worker", "recorder"}


@pytest.fixture
def hrl(domain):
    """Run a command in the graph's domain: exit code, output."""
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
    environment.pop("ROS_AUTOMATIC_DISCOVERY_RANGE", None)

    def run(*words):
        done = subprocess.run([HRL, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    run.environment = environment
    return run


def nodes_of(hrl):
    code, output = hrl("top", "--once", "--json")
    nodes = json.loads(output)["nodes"]
    assert code == (0 if nodes else 1)
    return nodes


def eventually(check, seconds=60):
    """Wait until ``check`` returns something."""
    end = time.monotonic() + seconds
    while not (outcome := check()):
        assert time.monotonic() < end, "timed out"
    return outcome


@pytest.mark.learning
def test_nodes_tell_rates_latencies_and_policies_and_a_frozen_one_is_found(launch, listener, observe, hrl):
    graph = launch("task:=AntMaze", "policy:=untrained_ant_maze", "episodes:=0", "wait_limit:=0.0")
    # Without a pace the graph would keep both cores from the commands that look at it.
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=4.0).accepted
    listener.spin_until(lambda: len(observe) > 20)

    def all_well():
        nodes = nodes_of(hrl)
        return nodes.keys() >= SPEAKING and all(nodes[name]["level"] == "OK" for name in SPEAKING) and nodes

    nodes = eventually(all_well)
    for name in SPEAKING:
        assert nodes[name]["values"]["action [Hz]" if name == "simulator" else "observation [Hz]"] > 20
        assert nodes[name]["values"]["refused"] == 0
    for name in ("manager", "worker"):
        values = nodes[name]["values"]
        assert 0 < values["latency p50 [ms]"] <= values["latency p99 [ms]"] <= values["latency max [ms]"]
        assert values["policy version"] == 0
        assert len(values["sha256"]) == 64
    assert nodes["simulator"]["values"]["real-time factor"] > 2
    code, output = hrl("top", "--once")
    assert code == 0
    assert all(name in output for name in SPEAKING)
    findings = doctor(hrl)
    assert all(findings[f"node /{name}"]["detail"] == "active" for name in SPEAKING)
    assert "fit" in findings["QoS"]["detail"]
    worker = graph.node("worker")
    worker.suspend()
    try:
        finding = doctor(hrl)[f"process {worker.pid}"]
        assert (finding["verdict"], finding["detail"]) == ("WRONG", "worker is stopped")
    finally:
        worker.resume()
    code, output = graph.stop()
    assert code == 0, output


def doctor(hrl):
    """Findings by what was checked; other tests may have left shared memory behind, which is not looked at here."""
    code, output = hrl("doctor", "--json")
    said = json.loads(output)
    assert code == (1 if said["wrong"] else 0)
    findings = {finding["check"]: finding for finding in said["findings"]}
    for check in ("Python", "packages", "interfaces", "nodes", "policies", "DDS", "reach"):
        assert findings[check]["verdict"] == "ok", findings[check]
    return findings


@pytest.mark.alone
def test_real_time_is_judged_by_the_control_period(launch, hrl):
    """At half the pace: whoever forgot the factor would miss half of the messages."""
    graph = launch("task:=AntMaze", "episodes:=0", "mode:=realtime", "rtf:=0.5", "record:=false")

    def settled():
        nodes = nodes_of(hrl)
        if not {"worker", "simulator"} <= set(nodes):
            return False
        worker, simulator = nodes["worker"], nodes["simulator"]
        rates = abs(worker["values"].get("observation [Hz]", 0.0) - 5) < 0.5
        pace = abs(simulator["values"].get("real-time factor", 0.0) - 0.5) < 0.05
        return rates and pace and worker["level"] == simulator["level"] == "OK"

    eventually(settled)
    graph.stop()


def test_nothing_heard_is_said_with_what_to_do(hrl):
    code, output = hrl("top", "--once", "--wait", "1.0")
    assert code == 1
    assert "no node speaks on /diagnostics in ROS domain" in output
    assert "hrl doctor" in output
    code, output = hrl("top", "--once", "--json", "--wait", "1.0")
    assert (code, json.loads(output)) == (1, {"nodes": {}})


def test_ctrl_c_ends_the_live_table_with_code_0(hrl):
    process = subprocess.Popen(
        [HRL, "top", "--json"], env=hrl.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"nodes": {}}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_commands_that_look_stay_on_this_machine(hrl):
    findings = doctor(hrl)
    assert "on this machine" in findings["reach"]["detail"]
    assert findings["graph"]["detail"].startswith("none is running")
