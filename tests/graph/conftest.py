"""Runs whole graphs as a user would, `hrl launch` with real nodes on real DDS, and reads what they recorded."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rosbags.rosbag2 import Reader
from running_stack import journal, kill_family, moves, node_process, walks

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.messages import Mode
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import messages, qos

HRL = Path(sys.executable).with_name("hrl")
CODECS = {
    "observation": messages.OBSERVATION,
    "action": messages.ACTION,
    "subgoal": messages.SUBGOAL,
    "subgoal_result": messages.SUBGOAL_RESULT,
    "episode_result": messages.EPISODE_RESULT,
}
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_LAST_DOMAIN = 100 // _WORKERS * _WORKERS
_DOMAINS = itertools.count(60 + os.getppid() % 20 // _WORKERS * _WORKERS + _WORKER, _WORKERS)
"""Domains of this process: those that run tests beside it have others, and so, mostly, have other runs."""


class RunningGraph:
    """One `hrl launch` and its processes."""

    def __init__(self, out, domain, arguments, file="hiro_ant.launch.py"):
        self.out, self.domain = out, domain
        command = [str(HRL), "launch", file, f"out:={out}", *arguments]
        environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
        # A pipe would be full before a long run ends, and the launcher would stand still.
        self._log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=subprocess.STDOUT)

    def wait(self, timeout=60):
        """Exit code and output."""
        code = self.process.wait(timeout)
        return code, self.said()

    def said(self):
        """Output so far."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode()

    def node(self, name, timeout=20):
        """The process of a node."""
        try:
            return node_process(self.process, name, timeout)
        except LookupError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None

    def await_walk(self, since=0.0, timeout=40):
        """Wait until the fake robot is told to move, after ``since``."""
        end = time.monotonic() + timeout
        while not walks(self.out, since):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, "the robot does not move"
            time.sleep(0.1)

    def await_rest(self, timeout=2):
        """Wait until the last that the fake robot was told is safe: another process writes down what it hears."""
        end = time.monotonic() + timeout
        while moves([row for row in journal(self.out) if "command" in row][-1]):
            assert time.monotonic() < end, "the last command moves the robot"
            time.sleep(0.02)

    def stop(self):
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def summary(self):
        """What the run says of itself."""
        return json.loads((self.out / "summary.json").read_text())


@pytest.fixture(scope="session")
def tall():
    """Hierarchies of several levels for Ant Maze; those above the worker's count attempts, or see a goal met."""
    above = (
        LevelSpec(
            "here",
            "relative",
            {"x": (-4.0, 4.0), "y": (-4.0, 4.0)},
            horizon=3,
            unit="attempts",
            end_when_achieved=True,
            tolerance=(0.5, 0.5),
        ),
        LevelSpec("there", "absolute", {"x": (-4.0, 20.0), "y": (-4.0, 20.0)}, horizon=4, unit="attempts"),
    )
    return lambda levels: HierarchySpec((*hierarchy_of(load_task("AntMaze")).levels, *above)[:levels])


@pytest.fixture
def domain():
    """A ROS domain of this test's own."""
    return next(_DOMAINS) % _LAST_DOMAIN


def _launcher(folder, domain):
    """Start graphs; whatever still runs at the end is killed."""
    running = []

    def start(*arguments, out="out", in_domain=None, **settings):
        graph = RunningGraph(folder / out, domain if in_domain is None else in_domain, arguments, **settings)
        running.append(graph)
        return graph

    yield start
    for graph in running:
        kill_family(graph.process)
        # Shown where the test has failed.
        sys.stdout.write(f"--- {graph.out}\n{graph.said()}")


@pytest.fixture
def launch(tmp_path, domain):
    """Start graphs of one test."""
    yield from _launcher(tmp_path, domain)


@pytest.fixture(scope="module")
def launch_once(tmp_path_factory):
    """Start graphs that the tests of a module look at."""
    yield from _launcher(tmp_path_factory.mktemp("graphs"), next(_DOMAINS) % _LAST_DOMAIN)


def _listener(domain):
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node("test_listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin_until(condition, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "timed out"
            executor.spin_once(0.05)

    def spin_for(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            executor.spin_once(0.01)

    def call(kind, name, **fields):
        """Answer of a service, which may yet have to appear."""
        client = node.create_client(kind, name)
        spin_until(client.service_is_ready, 40)
        future = client.call_async(kind.Request(**fields))
        spin_until(future.done)
        node.destroy_client(client)
        return future.result()

    def until_alone():
        """Nodes that have ended leave the network by themselves: their time-out is 20 s."""
        spin_until(lambda: node.get_node_names() == [node.get_name()], 10)

    node.until_alone = until_alone  # pyright: ignore[reportAttributeAccessIssue]
    node.call = call  # pyright: ignore[reportAttributeAccessIssue]
    node.spin_for = spin_for  # pyright: ignore[reportAttributeAccessIssue]
    node.spin_until = spin_until  # pyright: ignore[reportAttributeAccessIssue]
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def listener(domain):
    """A node of the test's own in the same domain, spun by hand."""
    yield from _listener(domain)


@pytest.fixture(scope="module")
def listener_in():
    """Nodes of the test module's own, each in the domain it is asked for."""
    open_listeners = []

    def start(domain):
        open_listeners.append(_listener(domain))
        return next(open_listeners[-1])

    yield start
    for each in open_listeners:
        next(each, None)


@pytest.fixture
def observe(listener):
    """Observations as they come."""
    seen = []
    listener.create_subscription(
        msg.Observation,
        "observation",
        lambda data: seen.append(messages.OBSERVATION.decode(data)),
        qos.lockstep(),
        raw=True,
    )
    return seen


@pytest.fixture(scope="session")
def read_bag():
    """Decode a bag: topic without namespace -> records in order."""

    def read(bag):
        records = defaultdict(list)
        with Reader(bag) as reader:
            for connection, _, data in reader.messages():
                topic = connection.topic.rsplit("/", 1)[-1]
                records[topic].append(CODECS[topic].decode(bytes(data)) if topic in CODECS else bytes(data))
        return records

    return read


@pytest.fixture(scope="session")
def in_process():
    """The same run without ROS: traces of each episode."""

    def run(policy, episodes=1, seed=0, mode=Mode.EVAL, randomise=""):
        checkpoint = load_checkpoint(Path(policy))
        runner = EnvRunner(checkpoint.task, seed, mode, randomisation=parse_randomisation(randomise))
        hierarchy = checkpoint.stack(seed)
        return [rollout(runner, hierarchy, episode) for episode in range(episodes)]

    return run


@pytest.fixture(scope="session")
def assert_same_run():
    """Compare a recording with in-process traces, bit for bit."""

    def bits(values):
        return [v.tobytes() for v in values]

    def check(bag, traces):
        observations = [o for t in traces for o in t.observations]
        subgoals = [s for t in traces for s in t.subgoals]
        recorded = {o.key: o for o in bag["observation"]}
        assert [o.key for o in observations] == sorted(recorded)
        assert bits(o.state for o in observations) == bits(recorded[o.key].state for o in observations)
        assert [o.reward for o in observations] == [recorded[o.key].reward for o in observations]
        actions = {(a.episode, a.step): a for a in bag["action"]}
        expected = {(a.episode, a.step): a for t in traces for a in t.actions}
        assert len(actions) == len(bag["action"])
        assert bits(actions[key].value for key in sorted(actions)) == bits(
            expected[key].value for key in sorted(expected)
        )
        assert bits(np.float64(actions[key].log_probability) for key in sorted(actions)) == bits(
            np.float64(expected[key].log_probability) for key in sorted(expected)
        )
        # Which may be less than was asked for.
        assert bits(o.applied_action for o in observations) == bits(
            recorded[o.key].applied_action for o in observations
        )
        chosen = {(s.episode, s.level, s.seq): s for s in bag["subgoal"]}
        assert len(chosen) == len(bag["subgoal"]) == len(subgoals)
        same = [chosen[s.episode, s.level, s.seq] for s in subgoals]
        assert bits(s.value for s in subgoals) == bits(s.value for s in same)
        assert [(s.kind, s.skill_id, s.test) for s in subgoals] == [(s.kind, s.skill_id, s.test) for s in same]
        likely = np.array([s.log_probability for s in subgoals])
        np.testing.assert_array_equal(likely, [s.log_probability for s in same])

        def told(results):
            return sorted((r.level, r.episode, r.seq, r.step, r.end_reason, tuple(r.active_path)) for r in results)

        assert told(r for t in traces for r in t.subgoal_results) == told(bag["subgoal_result"])

    return check
