"""A Ray cluster of two hosts, with one core each."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hosts import Host, networked, until

_RAY = str(Path(sys.executable).with_name("ray"))
_PORT = 6379


class TwoNodes:
    """The head, which commands are called on, and another one."""

    def __init__(self, head: Host, other: Host, folder: Path) -> None:
        """Begin both."""
        self.head, self.other, self._folder = head, other, folder
        self.address = f"{head.address}:{_PORT}"
        self._nodes = {host: self._start(host) for host in (head, other)}
        self.join()

    def join(self) -> None:
        """Have the other one join, if it has been killed; returns once both are there."""
        until(lambda: "1 node_" in self._status())
        if not self.other.processes("--block"):
            self._nodes[self.other].wait()
            # It is known as lost only after a while; until then it would be taken for the new one.
            until(lambda: self._status().count("1 node_") == 1)
            self._nodes[self.other] = self._start(self.other)
        until(lambda: self._status().count("1 node_") == 2)

    def _start(self, host: Host) -> subprocess.Popen[bytes]:
        own = (
            ["--head", f"--port={_PORT}", "--include-dashboard=false"]
            if host is self.head
            else [f"--address={self.address}"]
        )
        if host is not self.head:
            until(lambda: "1 node_" in self._status())
        words = ["--block", "--num-cpus=1", f"--node-ip-address={host.address}", "--object-store-memory=100000000"]
        words += [f"--temp-dir={self._folder / host.name}", "--disable-usage-stats"]
        return host.call(_RAY, "start", *words, *own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _status(self) -> str:
        asked = self.head.call(_RAY, "status", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told, _ = asked.communicate()
        return told.partition("Pending")[0]


@contextlib.contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """Two nodes that have joined."""
    # Short: names of sockets are below it.
    folder = Path(tempfile.mkdtemp(prefix="hrl_ray_", dir="/tmp"))
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    try:
        with networked(environment, 2) as (head, other):
            yield TwoNodes(head, other, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
