"""A process that was started beside this one, known by the kernel and not by what a message says of it."""

import contextlib
import os
import select
import signal

import psutil


class Sibling:
    """One process, however often its number is given to another."""

    def __init__(self, handle: int) -> None:
        """Take over a pidfd."""
        self._handle = handle
        self._ended = select.poll()
        self._ended.register(handle, select.POLLIN)

    @classmethod
    def find(cls, pid: int, node: str, parent: int | None = None) -> "Sibling | None":
        """The process of a node that our launcher has started, too.

        Args:
            pid: what is claimed to be its id.
            node: fully qualified name of the node.
            parent: the launcher; None: ours.

        Returns:
            None unless there is such a process, a child of the launcher that runs this very node.
        """
        try:
            handle = os.pidfd_open(pid)
        except (OSError, ValueError, OverflowError):
            return None
        sibling = cls(handle)
        # Looked at after it was opened: whoever has the number now is the one behind the handle, or that one has ended.
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            is_child = process.ppid() == (os.getppid() if parent is None else parent)
            if is_child and _runs(process.cmdline(), node) and sibling.alive:
                return sibling
        sibling.close()
        return None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.poll(0)

    def kill(self) -> None:
        """Send SIGKILL; nothing happens when it has ended, whoever has its number then."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)


def _runs(command: list[str], node: str) -> bool:
    """Whether a command line gives this name and namespace to its node."""
    namespace, name = node.rsplit("/", 1)
    named = [word.removeprefix("__node:=") for word in command if word.startswith("__node:=")]
    places = [word.removeprefix("__ns:=") for word in command if word.startswith("__ns:=")]
    return named == [name] and (places or ["/"]) == [namespace or "/"]
