"""A cluster: this machine's own, begun and ended with a command, or one that is there already."""

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hrl_core.errors import HrlError
from hrl_core.folder_locks import held
from hrl_core.optional_packages import require_packages

if TYPE_CHECKING:
    from hrl_cluster.calls import Calls
    from hrl_cluster.collectors import RayCollectors

Result = TypeVar("Result")
LOCAL = "local"
"""Address of a cluster of this machine alone."""
REQUIREMENTS = "requirements-cluster.txt"
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Has Ray listen on the loopback interface alone; by default it does so only where it cannot be a cluster."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "5",
}
"""It reports its use to nobody, and tries to join for seconds, not for minutes."""
LOGS, PREFIX = "/tmp", "hrl_ray_"
"""What a cluster of this machine writes is in a folder there, for as long as it lives: names of sockets must be short.
Of commands that are killed it stays."""
IN_USE = "in_use"
"""A file of that folder, which the command holds."""
_PATIENCE = 5.0
"""Seconds that the head node of a cluster may take to answer."""
_SHARED_MEMORY = 256 << 20
"""Bytes for what calls hand over: weights and episodes, no data sets."""


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, or a part of one."""

    name: str
    """Its address."""
    cores: float
    identity: str
    """Ray's name of it."""


@dataclass(frozen=True)
class Cluster:
    """Machines that work for this process."""

    address: str
    nodes: tuple[Node, ...]
    """Those that were alive when it was joined."""

    @property
    def cores(self) -> int:
        """Of all nodes."""
        return int(sum(node.cores for node in self.nodes))

    def room_for(self, cores: int) -> int:
        """How many of what takes so many cores of one node have room at a time."""
        return sum(int(node.cores) // cores for node in self.nodes)

    def calls(self, function: Callable[..., Result], *shared: object, cores: int = 1) -> "Calls[Any, Result]":
        """Calls of ``function`` on it, as ``hrl_cluster.calls.Calls``."""
        from hrl_cluster.calls import Calls

        return Calls(function, *shared, cores=cores)

    def collectors(self, count: int, make: Callable[..., Any], *given: object) -> "RayCollectors":
        """Collectors on it, as ``hrl_cluster.collectors.RayCollectors``.

        Raises:
            HrlError: there are too few cores.
        """
        from hrl_cluster.collectors import RayCollectors

        if count > self.room_for(1):
            raise HrlError(f"--collectors {count}: there are {self}")
        return RayCollectors(count, make, *given)

    def ask_each(self, function: Callable[..., Result], *given: object) -> list[Result | HrlError]:
        """What ``function`` returns on each of the nodes, in their order, or what it failed with."""
        from hrl_cluster.calls import ask_each

        return ask_each([node.identity for node in self.nodes], function, *given)

    def __str__(self) -> str:
        """For people: how many machines and cores."""
        where = "this machine" if self.address == LOCAL else f"{len(self.nodes)} nodes of {self.address}"
        return f"{self.cores} cores of {where}"


@contextmanager
def connected(address: str, cores: int = 0) -> Iterator[Cluster]:
    """Begin a cluster of this machine, or join one; what was begun has ended when the context is left.

    Args:
        address: ``local``, or HOST:PORT of a head node, with a node of the cluster on this machine (``ray start``).
            Such a cluster is joined with the token in ``RAY_AUTH_TOKEN``, or in the file of ``RAY_AUTH_TOKEN_PATH``.
        cores: of a local one; 0: all that this process may use.

    Raises:
        HrlError: Ray is not installed, there is no such cluster, or it refuses the token.
    """
    require_packages("--cluster", ["ray"], REQUIREMENTS)
    # Ray reads its environment when it is imported, once for a process.
    os.environ |= {"RAY_AUTH_MODE": "token"} | _QUIET
    with ExitStack() as stack:
        options: dict[str, Any] = {}
        if address == LOCAL:
            own = stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=LOGS, ignore_cleanup_errors=True))
            lock = Path(own, IN_USE)
            lock.touch()
            stack.enter_context(held(lock, f"{lock} is held by another process"))
            # Ray opens its folder to everybody: it lies within one that is this user's alone.
            options = _begun_here(cores, f"{own}/r")
        else:
            _require_head(address)
        import ray

        _init(address, options)
        try:
            alive = [node for node in ray.nodes() if node["Alive"]]
            nodes = [(node["NodeManagerAddress"], node["Resources"].get("CPU", 0), node["NodeID"]) for node in alive]
            yield Cluster(address, tuple(Node(*node) for node in nodes))
        finally:
            ray.shutdown()


def _begun_here(cores: int, logs: str) -> dict[str, Any]:
    """Options of a cluster of this machine, and their part of the environment."""
    # A token of its own, which nobody else learns and no file keeps.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ |= _LOOPBACK
    return {
        "num_cpus": cores or len(os.sched_getaffinity(0)),
        "object_store_memory": _SHARED_MEMORY,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": logs,
    }


def _init(address: str, options: Mapping[str, Any]) -> None:
    """Begin or join; raises ``HrlError`` where that fails."""
    import ray
    from ray._private import worker
    from ray.exceptions import AuthenticationError

    # It would print of every lost process to standard output, which belongs to the command.
    worker.listen_error_messages = lambda *_: None
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError, AuthenticationError) as error:
        if address == LOCAL:
            raise HrlError(f"cannot begin a cluster of this machine: {first_line(error)}") from None
        raise HrlError(
            f"--cluster {address} does not take this machine: {first_line(error)}; is the token in RAY_AUTH_TOKEN, or"
            f" RAY_AUTH_TOKEN_PATH, that of its head node, and a node of it here (`ray start --address {address}`)?"
        ) from None


def _require_head(address: str) -> None:
    """Raise ``HrlError`` unless something listens there: Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise HrlError(f"--cluster {address}: must be HOST:PORT of a head node, as in 10.0.0.1:6379, or {LOCAL}")
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise HrlError(
            f"--cluster {address}: nobody answers there ({error}); begin one with `ray start --head --port {port}` on"
            f" {host}, or use the cores of this machine: --cluster {LOCAL}"
        ) from None


def first_line(error: Exception) -> str:
    """What an error of Ray says first; it says much more."""
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def last_line(error: Exception) -> str:
    """What an error of Ray says last: of a traceback what it was."""
    return str(error).strip().split("\n")[-1] or type(error).__name__


def told(error: Exception) -> str:
    """Any error in one line, as a traceback ends."""
    return f"{type(error).__name__}: {first_line(error)}"
