"""Stub nodes: small Python programs in a temporary ament prefix, in the place of the real ones."""

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rclpy.serialization import serialize_message
from rich.console import Console

from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import Graph, NodeDescription
from hrl.graphs.run_folder import RunFolder
from hrl.launching.supervisor import Panel, Patience, Supervisor
from hrl.policies.shipped import resolve_policy
from hrl_core.bags.facts import BagFacts
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.messages import Mode, frozen
from hrl_core.randomisation import parse_randomisation, told_with
from hrl_ros import messages
from hrl_ros.message_texts import message_texts

PREAMBLE = """#!{python} -IS
import json, os, pathlib, signal, sys, time
folder = pathlib.Path({folder!r})
name = {name!r}

def journal(event):
    with open(folder / "journal", "a") as file:
        file.write(f"{{name}} {{event}} {{os.getpid()}}\\n")

def leave(number, frame):
    journal("ended")
    sys.exit(0)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, leave)
journal("started")
print("hello from", name, flush=True)

def start_the_clock():
    (folder / "clock").write_text(str(time.monotonic()))

def wait():
    while True:
        time.sleep(10)

def said(event):
    return [line for line in (folder / "journal").read_text().splitlines() if line.startswith(event + " ")]

def until(event, times=1):
    while len(said(event)) < times:
        time.sleep(0.01)

def until_gone(other):
    until(other + " started")
    status = pathlib.Path("/proc", said(other + " started")[0].split()[-1], "status")
    while status.exists() and "State:\tZ" not in status.read_text():
        time.sleep(0.01)
    time.sleep(0.5)

"""


class Stubs:
    """A folder with stub nodes, and the supervisor that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = folder / "prefix"
        self.nodes: list[NodeDescription] = []
        self._screen = io.StringIO()

    def add(self, name: str, body: str, **settings: bool | str) -> NodeDescription:
        """Add a node whose program is ``body``."""
        path = self.prefix / "lib" / f"stub_{name}" / name
        path.parent.mkdir(parents=True)
        path.write_text(PREAMBLE.format(python=sys.executable, folder=str(self.folder), name=name) + body)
        path.chmod(0o755)
        node = NodeDescription(f"stub_{name}", name, name, **settings)  # pyright: ignore[reportArgumentType]
        self.nodes.append(node)
        return node

    def graph(self) -> Graph:
        """Return the graph of the nodes added so far."""
        out = self.folder / "out"
        folder = RunFolder(out, LaunchArguments(), self.folder / "policy", False)
        return Graph(nodes=tuple(self.nodes), folder=folder)

    def supervisor(
        self, patience: Patience | None = None, console: Console | None = None, panel: Panel | None = None
    ) -> Supervisor:
        """Return a supervisor of the graph."""
        environment = {**os.environ, "AMENT_PREFIX_PATH": str(self.prefix)}
        console = console or Console(file=self._screen, width=200)
        return Supervisor(self.graph(), environment, console, patience, panel)

    def run(self) -> int:
        """Run the graph to its end."""
        return self.supervisor().run()

    @property
    def screen(self) -> str:
        """What the supervisor has printed."""
        return self._screen.getvalue()

    @property
    def journal(self) -> list[list[str]]:
        """Name, event and process id of everything that happened."""
        path = self.folder / "journal"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def start_the_clock(self) -> None:
        """Start what ``elapsed`` measures; a stub can do so as well."""
        (self.folder / "clock").write_text(str(time.monotonic()))

    def elapsed(self) -> float:
        """Seconds since the clock was started."""
        return time.monotonic() - float((self.folder / "clock").read_text())

    def pids(self) -> list[int]:
        """Process ids of all nodes ever started."""
        return [int(pid) for _, event, pid in self.journal if event == "started"]


def alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    return Stubs(tmp_path)


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive


CODECS = {
    "observations": ("Observation", messages.OBSERVATION),
    "subgoals": ("Subgoal", messages.SUBGOAL),
    "actions": ("Action", messages.ACTION),
    "subgoal_results": ("SubgoalResult", messages.SUBGOAL_RESULT),
}


@pytest.fixture(scope="session")
def record():
    """Record episodes of a shipped policy, lived in this process, as a graph in lock-step would."""

    def make(bag: Path, policy: str, episodes=1, seed=3, goal=(), run=1, mode=Mode.EVAL, change=None, randomise=""):
        """``change`` may alter each message, by what it is, or leave it out: None; ``randomise`` is told, not done."""
        checkpoint = load_checkpoint(resolve_policy(policy, None))
        task, hierarchy = checkpoint.task, checkpoint.hierarchy
        runner = EnvRunner(task, seed, mode, frozen(goal) if goal else None, run=run)
        stack = checkpoint.stack(seed)
        writer = BagWriter(bag, typestore_with(message_texts()))
        for kind in ("RunInfo", "EpisodeResult", *(kind for kind, _ in CODECS.values())):
            writer.add_topic(f"/{kind}", f"hrl_msgs/msg/{kind}", latched=False)
        told = told_with(task.to_yaml(), parse_randomisation(randomise))
        info = messages.msg.RunInfo(run=run, robot="robot", task=told, task_hash=task.sha256, seed=seed)
        info.hierarchy, info.hierarchy_hash = hierarchy.to_yaml(), hierarchy.sha256
        writer.write("/RunInfo", 0, serialize_message(info))
        facts = BagFacts(info, acted={checkpoint.version})
        for episode in range(episodes):
            trace = rollout(runner, stack, episode)
            facts.results.append(trace.result)
            for name, (kind, codec) in CODECS.items():
                for said in getattr(trace, name):
                    kept = said if change is None else change(said)
                    if kept is not None:
                        writer.write(f"/{kind}", 1 + said.stamp, codec.encode(kept))
            writer.write(
                "/EpisodeResult", 1 + trace.observations[-1].stamp, messages.EPISODE_RESULT.encode(trace.result)
            )
        runner.close()
        writer.close(facts.custom_data())
        return bag

    return make
