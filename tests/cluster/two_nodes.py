"""A cluster of two nodes, each in a network namespace of its own on this machine, with a cable that can be pulled."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_RAY = str(Path(sys.executable).with_name("ray"))
_PORT = 6379
_PATIENCE = 120
"""Seconds that a loaded machine may take for what takes five."""


def ip(*words: str) -> str:
    """Run ``ip``; returns what it prints."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Node:
    """One of the two."""

    def __init__(self, name: str, address: str, environment: dict[str, str]) -> None:
        self.name, self.address, self._environment = name, address, environment
        self._folder = Path(tempfile.mkdtemp(prefix="hrl_ray_"))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Become a node with one core."""
        command = [_RAY, "start", "--block", "--num-cpus=1", f"--node-ip-address={self.address}", *words]
        command += ["--object-store-memory=100000000", f"--temp-dir={self._folder}", "--disable-usage-stats"]
        self.process = self.call(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def call(self, *command: str, **given) -> subprocess.Popen:
        """Start a process in its network."""
        words = ["ip", "netns", "exec", self.name, *command]
        return subprocess.Popen(words, env=self._environment, start_new_session=True, **given)

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Those in its network, with ``word`` in their command line."""
        found = []
        for pid in ip("netns", "pids", self.name).split():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(int(pid))
                if not word or word in process.cmdline():
                    found.append(process)
        return found

    def kill(self, spared: psutil.Process | None = None) -> None:
        """Kill all of them at once, as if the machine was switched off."""
        for process in self.processes():
            if process != spared:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def cable(self, state: str) -> None:
        """Pull or plug the cable."""
        ip("-n", self.name, "link", "set", "cable", state)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        ip("netns", "del", self.name)


class TwoNodes:
    """The head, which commands are called on, and another one."""

    def __init__(self) -> None:
        number = os.getpid() % 10_000
        environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        self.environment = environment
        self.head, self.other = (
            Node(f"hrl{number}{letter}", f"10.77.0.{host}", environment) for letter, host in (("a", 1), ("b", 2))
        )
        self.address = f"{self.head.address}:{_PORT}"
        for node in (self.head, self.other):
            ip("netns", "add", node.name)
        ip(
            "link",
            "add",
            "cable",
            "netns",
            self.head.name,
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            self.other.name,
        )
        for node in (self.head, self.other):
            ip("-n", node.name, "address", "add", f"{node.address}/24", "dev", "cable")
            ip("-n", node.name, "link", "set", "lo", "up")
            node.cable("up")
        self.head.start("--head", f"--port={_PORT}", "--include-dashboard=false")
        self.join()

    def join(self) -> None:
        """Have the other one join; returns once both are there."""
        until(lambda: "1 node_" in self._status())
        if self.other.process is None or self.other.process.poll() is not None:
            self.other.start(f"--address={self.address}")
        until(lambda: self._status().count("1 node_") == 2)

    def _status(self) -> str:
        asked = self.head.call(_RAY, "status", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told, _ = asked.communicate()
        return told.partition("Pending")[0]

    def close(self) -> None:
        """End both."""
        for node in (self.other, self.head):
            node.close()


@contextlib.contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """Two nodes that have joined."""
    nodes = TwoNodes()
    try:
        yield nodes
    finally:
        nodes.close()


def until(holds) -> None:
    """Wait for something."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
