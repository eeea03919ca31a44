"""Hosts on this machine, each a network namespace, with a cable to a common switch that can be pulled."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

import psutil

CABLE = "cable"
PATIENCE = 120
"""Seconds that a loaded machine may take for what takes five."""


def ip(*words: str) -> str:
    """Run ``ip``; returns what it prints."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Host:
    """One of them."""

    def __init__(self, name: str, address: str, environment: Mapping[str, str]) -> None:
        """Nothing is made yet."""
        self.name, self.address, self._environment = name, address, dict(environment)

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

    def kill(self) -> None:
        """Kill all of them at once, as if the machine was switched off."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)

    def cable(self, state: str) -> None:
        """Pull (``down``) or plug (``up``) the cable."""
        ip("-n", self.name, "link", "set", CABLE, state)


@contextlib.contextmanager
def networked(environment: Mapping[str, str], count: int) -> Iterator[tuple[Host, ...]]:
    """Hosts that reach each other through a switch; whatever runs on them is killed in the end."""
    switch, *names = (f"hrl{os.getpid() % 10_000}{letter}" for letter in "sabcdefgh"[: count + 1])
    hosts = tuple(Host(name, f"10.77.0.{number}", environment) for number, name in enumerate(names, 1))
    for name in (switch, *names):
        ip("netns", "add", name)
    try:
        ip("-n", switch, "link", "add", "switch", "type", "bridge")
        ip("-n", switch, "link", "set", "switch", "up")
        for host in hosts:
            plug = host.name
            ip("link", "add", CABLE, "netns", host.name, "type", "veth", "peer", "name", plug, "netns", switch)
            ip("-n", switch, "link", "set", plug, "master", "switch", "up")
            ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", CABLE)
            ip("-n", host.name, "link", "set", "lo", "up")
            host.cable("up")
        yield hosts
    finally:
        for host in hosts:
            host.kill()
        for name in (*names, switch):
            ip("netns", "del", name)


def until(holds: Callable[[], object]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
