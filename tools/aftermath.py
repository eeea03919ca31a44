"""What a running graph does after a fault, heard on its topics: not whether processes live, but whether it acts."""

import itertools
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from running_stack import kill_family

from hrl.policies.shipped import resolve_policy
from hrl_core.checkpoints.checkpoint import load_checkpoint, load_hierarchy
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.messages import ActionSource
from hrl_msgs import msg
from hrl_msgs.srv import SetRealTimeFactor
from hrl_robot.robot_config import load_robot
from hrl_ros import messages, qos, topics

POLICY = "hiro_ant_maze"
"""Policy of a campaign that is not told another one."""
LIMIT = 1.0
"""Seconds from the moment a restarted node is active within which the robot acts again."""


HRL = Path(sys.executable).with_name("hrl")
_DOMAINS = itertools.count()


class Step(NamedTuple):
    """An observation as it was heard."""

    at: float
    """Wall time [s]."""
    key: tuple[int, int]
    """Episode and step."""
    acted: bool
    """Whether the policy's own action led to it: the environment's word, which a listener hears without delay."""
    position: np.ndarray
    """Achieved goal."""


class Witness:
    """Listens to one stack; whoever spins the node decides when."""

    def __init__(self, node: Node) -> None:
        """Subscribe.

        Args:
            node: of the listener's own, in the namespace of the stack.
        """
        self.observed: list[Step] = []
        self._active: defaultdict[str, list[float]] = defaultdict(list)
        """By party, as policy nodes call themselves in ``PolicyState``."""
        node.create_subscription(msg.PolicyState, topics.POLICY_STATE, self._on_state, qos.latched(qos.RIVALS))
        node.create_subscription(msg.Observation, topics.OBSERVATION, self._on_observation, qos.lockstep(), raw=True)

    def active_since(self, names: "tuple[str, ...] | list[str]", killed: float) -> float | None:
        """When the last of the nodes killed at ``killed`` was active again [s, wall time]; None: not yet.

        A node says with which policy it acts at the moment it becomes active.
        """
        back = [next((at for at in self._active[name] if at > killed), None) for name in names]
        return None if None in back else max(at for at in back if at is not None)

    def acted_after(self, since: float) -> float | None:
        """Seconds from ``since`` to the first step that the policy's action led to; None: there was none."""
        return next((step.at - since for step in self.observed if step.acted and step.at >= since), None)

    def acted(self, since: float) -> int:
        """How many steps the policy's actions led to since then."""
        return sum(step.acted for step in self.observed if step.at >= since)

    def share(self, since: float, until: float = float("inf")) -> float:
        """Share of the steps in that time that the policy's actions led to; 0: none was heard."""
        acted = [step.acted for step in self.observed if since <= step.at < until and step.key[1] > 0]
        return sum(acted) / max(1, len(acted))

    def distance(self, since: float, until: float = float("inf")) -> float:
        """How far the robot went in that time, within its episodes [units of the goal space]."""
        way = 0.0
        for before, now in itertools.pairwise(self.observed):
            if since <= now.at < until and before.key[0] == now.key[0]:
                way += float(np.linalg.norm(now.position - before.position))
        return way

    def _on_state(self, state: msg.PolicyState) -> None:
        self._active[state.party].append(messages.from_time(state.header.stamp) / messages.NANOSECONDS)

    def _on_observation(self, data: bytes) -> None:
        observation = messages.OBSERVATION.decode(data)
        if not self.observed or observation.key > self.observed[-1].key:
            acted = observation.step > 0 and observation.action_source == ActionSource.POLICY
            self.observed.append(Step(time.time(), observation.key, acted, observation.achieved_goal))


def hierarchy_of_policy(policy: str) -> HierarchySpec:
    """What the levels of a shipped policy, or of one in a folder, choose; its ``parties`` are the nodes that act."""
    return load_hierarchy(resolve_policy(policy, None))


def require_robot(policy: str) -> None:
    """Raise ``HrlError`` unless the fake robot, which tells of faults, has the joints of a policy's task."""
    load_robot("fake_ant").require_task(load_checkpoint(resolve_policy(policy, None)).task)


class HeardStack:
    """A launched stack on a domain of its own, and a node that listens to it."""

    def __init__(self, out: Path, words: Sequence[str], file: str = "hiro_ant.launch.py") -> None:
        """Start both.

        Args:
            out: folder of the run; what the launcher prints goes beside it.
            words: launch arguments but ``out``.
            file: name of the launch file.
        """
        self.out = out
        domain = 110 + next(_DOMAINS) % 90
        self._log = out.with_name(f"{out.name}.log").open("w+")
        environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
        command = [str(HRL), "launch", file, *words, f"out:={out}"]
        self.process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=subprocess.STDOUT)
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node("witness", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.witness = Witness(self.node)

    def until(self, condition: Callable[[], object], limit: float = 120.0) -> bool:
        """Listen until something is so; False: it is not within ``limit`` seconds, or the stack has ended."""
        end = time.monotonic() + limit
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            self._executor.spin_once(0.02)
        return True

    def pace(self, factor: float) -> None:
        """Hold a lock-step run to a real-time factor."""
        client = self.node.create_client(SetRealTimeFactor, "set_real_time_factor")
        self.until(client.service_is_ready)
        answer = client.call_async(SetRealTimeFactor.Request(real_time_factor=factor))
        self.until(answer.done)

    def output(self) -> str:
        """What the launcher has printed."""
        self._log.seek(0)
        return self._log.read()

    def end(self, limit: float) -> tuple[int, str]:
        """Exit code and output of a stack that ends by itself within ``limit`` seconds; -1: it was killed."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            kill_family(self.process)
            code = -1
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
        return code, self.output()
