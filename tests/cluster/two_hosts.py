"""Two hosts on this machine, each a network namespace, with a cable between them that can be pulled."""

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
    """One of the two."""

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
def two_hosts(environment: Mapping[str, str]) -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other; whatever runs on them is killed in the end."""
    names = (f"hrl{os.getpid() % 10_000}{letter}" for letter in "ab")
    hosts = [Host(name, f"10.77.0.{number}", environment) for number, name in enumerate(names, 1)]
    for host in hosts:
        ip("netns", "add", host.name)
    try:
        one, other = hosts
        ip("link", "add", CABLE, "netns", one.name, "type", "veth", "peer", "name", CABLE, "netns", other.name)
        for host in hosts:
            ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", CABLE)
            ip("-n", host.name, "link", "set", "lo", "up")
            host.cable("up")
        yield one, other
    finally:
        for host in hosts:
            host.kill()
            ip("netns", "del", host.name)


def until(holds: Callable[[], object]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
