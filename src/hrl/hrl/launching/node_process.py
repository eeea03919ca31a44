"""One process of the graph: its command line, its output, how it ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hrl.graphs.argument_table import Value
from hrl.graphs.graph import NodeDescription
from hrl.launching.ending import Ending
from hrl.launching.process_state import Work, catches, process_work
from hrl.launching.security import enclave_arguments
from hrl_core.errors import HrlError

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
_OUTPUT_GRACE = 0.3
"""Seconds that the last output of an ended process may take to arrive."""


def find_executable(package: str, executable: str, environment: Mapping[str, str]) -> Path:
    """Find ``lib/PACKAGE/EXECUTABLE`` in the ament prefixes; raises ``HrlError`` naming those."""
    prefixes = [prefix for prefix in environment.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
    for prefix in prefixes:
        path = Path(prefix, "lib", package, executable)
        if path.is_file() and os.access(path, os.X_OK):
            return path
    sought = ", ".join(prefixes) or "AMENT_PREFIX_PATH, which is empty"
    raise HrlError(
        f"package {package} has no executable '{executable}'; looked in {sought}; "
        "build the workspace (make setup, or colcon build)"
    )


def ros_arguments(node: NodeDescription, log_level: str) -> list[str]:
    """Return the command line arguments that tell a node its name, namespace, remappings and parameters."""
    words = ["--ros-args", "-r", f"__node:={node.name}"]
    if node.namespace:
        words += ["-r", f"__ns:=/{node.namespace}"]
    for source, target in node.remappings:
        words += ["-r", f"{source}:={target}"]
    for name, value in node.parameters.items():
        words += ["-p", f"{name}:={_yaml(value)}"]
    return [*words, "--log-level", f"{node.logger}:={log_level}"]


def _yaml(value: Value) -> str:
    # Quoted like JSON, so that a text such as "0,16" or "2024" stays a text; letters are escaped as in Python and YAML:
    # of one beyond U+FFFF JSON makes two escapes, neither of which YAML takes for a letter.
    return json.dumps(value, ensure_ascii=False).encode("ascii", "backslashreplace").decode()


class NodeProcess:
    """Starts one node, hands on its output line by line and waits for its end."""

    def __init__(
        self,
        description: NodeDescription,
        executable: Path,
        log_level: str,
        environment: Mapping[str, str],
        say: Callable[[str, str], None],
    ) -> None:
        """Start nothing yet.

        Args:
            description: what to start.
            executable: file to run.
            log_level: least severe log messages shown.
            environment: complete environment of the process.
            say: called with the node's name and each line of its output.
        """
        self.description = description
        words = [*ros_arguments(description, log_level), *enclave_arguments(description, environment)]
        self._command = [str(executable), *description.arguments, *words]
        self._environment, self._say = environment, say
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._pipe: asyncio.ReadTransport | None = None
        self._asked: list[int] = []

    @property
    def name(self) -> str:
        """What people are shown of the node, distinct in the graph."""
        return self.description.label

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process in a group of its own (the wrapper sees to that), out of reach of the terminal's Ctrl-C.

        Not in a session of its own: the kernel's autogroups share the processor evenly between sessions, whatever the
        nice values in them, and the recorder would take the simulator's share (7 % of the lock-step's speed).
        """
        self._asked = []
        # What moves a robot gets the chance to stop it when the launcher is killed.
        last = signal.SIGTERM if self.description.moves_robot else signal.SIGKILL
        wrapper = [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(os.getpid()), str(int(last))]
        # A pipe of our own: asyncio takes no process to have ended whose pipe somebody still holds, or nobody reads.
        ours, of_node = os.pipe()
        try:
            stream = await self._read(ours)
            with _INTERRUPT_BLOCKED:
                self._process = await asyncio.create_subprocess_exec(
                    *wrapper,
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=of_node,
                    stderr=of_node,
                    env=dict(self._environment),
                )
        finally:
            os.close(of_node)
        self._output = asyncio.create_task(self._forward(stream))

    async def end(self) -> Ending:
        """Wait until the process has ended and its output is through."""
        assert self._process is not None and self._output is not None and self._pipe is not None
        returncode = await self._process.wait()
        # A grandchild may hold the pipe open: its output is not waited for.
        await asyncio.wait([self._output], timeout=_OUTPUT_GRACE)
        self._output.cancel()
        self._pipe.close()
        return Ending(returncode, tuple(self._asked))

    def ask_to_end(self) -> None:
        """Send SIGINT, or end a process that has not begun.

        Python takes over SIGINT long before the node's program does, and an interpreter that is still starting answers
        it with a traceback or any exit code. Nodes catch SIGTERM from their beginning on, and nothing does before.
        """
        if self.pid is not None:
            self.send(signal.SIGINT if catches(self.pid, signal.SIGTERM) else signal.SIGTERM)

    def work(self) -> Work:
        """What the process has done so far."""
        return Work() if self.pid is None else process_work(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children; does nothing when it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._asked.append(number)
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                # Not yet a group, because the wrapper has only just been started, or ended in this moment.
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(number)

    async def _read(self, pipe: int) -> asyncio.StreamReader:
        loop, stream = asyncio.get_running_loop(), asyncio.StreamReader()
        self._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb", buffering=0)
        )
        return stream

    async def _forward(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hand_on(line)
        if rest:
            self._hand_on(rest)

    def _hand_on(self, line: bytes) -> None:
        try:
            self._say(self.name, line.decode(errors="replace"))
        except Exception as error:
            # A node whose output nobody reads any more would stand still in its next word.
            told = {"message": f"a line of {self.name} could not be shown", "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)


class _InterruptBlocked:
    """Processes started within inherit it: SIGINT while Python starts and imports would be a traceback.

    Starts overlap, and the last one to end gives SIGINT back: each for itself, they would leave it blocked for good.
    """

    def __init__(self) -> None:
        self._starts = 0
        self._before: Iterable[int] = ()

    def __enter__(self) -> None:
        if not self._starts:
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        self._starts += 1

    def __exit__(self, *_: object) -> None:
        self._starts -= 1
        if not self._starts:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


_INTERRUPT_BLOCKED = _InterruptBlocked()
