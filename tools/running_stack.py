"""Looks at a launched stack from outside: its processes, and what its fake robot was told."""

import json
import subprocess
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

Row = dict[str, Any]


NODE = "__node:="
"""What a process is told its name with."""


def node_processes(launcher: "subprocess.Popen[Any]") -> Iterator[tuple[str, psutil.Process]]:
    """Name and process of each node that the launcher runs now."""
    for child in psutil.Process(launcher.pid).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.NoSuchProcess:
            continue
        name = next((word.removeprefix(NODE) for word in words if word.startswith(NODE)), None)
        if name is not None and any("/lib/hrl_" in word for word in words):
            yield name, child


def node_process(launcher: "subprocess.Popen[Any]", name: str, limit: float = 30.0) -> psutil.Process:
    """The process of a node; waits up to ``limit`` seconds for it.

    Raises:
        LookupError: the launcher has ended, or runs no such node in time.
    """
    end = time.monotonic() + limit
    while time.monotonic() < end and launcher.poll() is None:
        process = dict(node_processes(launcher)).get(name)
        if process is not None:
            return process
        time.sleep(0.02)
    raise LookupError(f"no process of node {name}")


def kill_family(launcher: "subprocess.Popen[Any]") -> None:
    """Kill the launcher and all that it started; nothing if it has ended."""
    if launcher.poll() is not None:
        return
    family = psutil.Process(launcher.pid).children(recursive=True)
    launcher.kill()
    for member in family:
        if member.is_running():
            member.kill()


def standard_robot(folder: Path) -> Path:
    """Write the fake robot's file with the topic names that ROS drivers use; returns its path."""
    robot = yaml.safe_load((resources.files("hrl_robot") / "robots" / "fake_ant.yaml").read_text())
    robot["streams"]["joint_states"]["topic"] = "joint_states"
    robot["streams"]["odometry"]["topic"] = "odom"
    robot["operator"]["place_service"] = "place"
    robot["fake"]["topics"] = ""
    path = folder / "standard_topics.yaml"
    path.write_text(yaml.safe_dump(robot))
    return path


def journal(out: Path) -> list[Row]:
    """What the fake robot of a run was told, in order; ``t`` is steady time [s]."""
    path = out / "fake_robot.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def moves(row: Row) -> bool:
    """Whether a row of the journal is a command that is not the safe one."""
    return any(row.get("command", ()))


def walks(out: Path, since: float = 0.0) -> bool:
    """Whether the robot was told to move more than ten times after ``since``."""
    return sum(moves(row) for row in journal(out) if row["t"] > since) > 10


class Stop(NamedTuple):
    """How a robot came to be safe."""

    after: float
    """Seconds from the event to the safe command that only safe ones followed."""
    silence: float
    """Seconds from the last command that moved the robot to that one."""


def stop_of(out: Path, since: float, until: float = float("inf")) -> Stop | None:
    """What the robot was told after ``since`` and before ``until``; None: it was never made safe for good."""
    rows = [row for row in journal(out) if "command" in row and row["t"] < until]
    safe = max((i for i, row in enumerate(rows) if moves(row) or row["t"] <= since), default=-1) + 1
    if safe == len(rows):
        return None
    moved = max((row["t"] for row in rows[:safe] if moves(row)), default=since)
    return Stop(rows[safe]["t"] - since, rows[safe]["t"] - moved)
