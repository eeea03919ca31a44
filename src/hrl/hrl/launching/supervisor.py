"""Starts the processes of a graph, watches them and ends them: ``ros2 launch`` where there is none.

Nothing polls: ends of processes and signals wake the event loop, so that a death is seen at once.
"""

import asyncio
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from hrl.graphs.graph import RECORDER, NodeDescription, Processes
from hrl.launching.ending import Ending
from hrl.launching.node_output import NodeOutput
from hrl.launching.node_process import NodeProcess, find_executable
from hrl.launching.process_state import Work
from hrl_core.control.restart_budget import RestartBudget

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP only where nobody has had it ignored, as nohup does; shells ignore SIGINT for whatever runs beside them."""
_RESTART_DELAY = 0.2
"""Seconds between the death of a node and its restart."""
_ONE_REQUEST = 1.0
"""Seconds in which several signals are one: ``timeout`` and other wrappers signal the child and then its group."""


class Panel(Protocol):
    """Shows what one node says otherwise than line by line."""

    def takes(self, name: str, line: str) -> bool:
        """Whether the line is the panel's, and shown by now."""
        ...

    def close(self) -> None:
        """Leave the last state on the screen."""
        ...


@dataclass(frozen=True)
class Patience:
    """Seconds that nodes are given to end by themselves."""

    stall: float = 1.5
    """After SIGINT, in which a node must have ended or worked on it; SIGTERM follows."""
    terminate: float = 0.4
    """After SIGTERM, before SIGKILL."""
    ending: float = 10.0
    """Longest wait for a node in which anything still works; a busy machine may need it."""
    saving: float = 120.0
    """Longest wait for a node that has something to save and whose program works on it."""

    def lasts(self, node: NodeDescription, passed: float, before: Work, after: Work) -> bool:
        """Whether a node that was asked to end ``passed`` seconds ago, and has worked so much, is waited for."""
        if passed < self.ending:
            return after != before
        return node.saves and passed < self.saving and after.main != before.main


class Supervisor:
    """Runs one graph from start to end."""

    def __init__(
        self,
        graph: Processes,
        environment: Mapping[str, str],
        console: Console,
        patience: Patience | None = None,
        panel: Panel | None = None,
    ) -> None:
        """Find the executables, start nothing yet.

        Args:
            graph: what to run.
            environment: environment of the nodes, to which the graph's defaults are added.
            console: where the output goes.
            patience: how long nodes may take to end.
            panel: what the output of one node is shown as.

        Raises:
            HrlError: an executable is missing.
        """
        self._patience = patience or Patience()
        self._panel = panel
        self._output = NodeOutput(console, [node.label for node in graph.nodes])
        environment = {**graph.environment, **environment}
        self._nodes = [self._process(node, graph.log_level, environment) for node in graph.nodes]
        self._budgets = {node.name: RestartBudget() for node in self._nodes}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._asked_at: float | None = None
        self._failures: list[str] = []

    def run(self) -> int:
        """Run the graph; 0: it ended by itself or on request and every node cleanly, else 1."""
        try:
            return asyncio.run(self._run())
        finally:
            if self._panel is not None:
                self._panel.close()

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal has asked for the end."""
        return self._asked_at is not None

    def _process(self, node: NodeDescription, log_level: str, environment: Mapping[str, str]) -> NodeProcess:
        executable = find_executable(node.package, node.executable, environment)
        return NodeProcess(node, executable, log_level, environment, self._say)

    def _say(self, name: str, line: str) -> None:
        if self._panel is not None and self._panel.takes(name, line):
            return
        self._output.line(name, line)
        if self._output.closed:
            self._stop.set()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        stopping = [n for n in _STOP_SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
        for number in stopping:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            for node in self._nodes:
                await node.start()
                watcher = asyncio.create_task(self._watch(node))
                watcher.add_done_callback(self._on_watched)
                self._watchers[node.name] = watcher
            await self._stop.wait()
            await self._shut_down()
        finally:
            await self._kill()
            for number in stopping:
                loop.remove_signal_handler(number)
        if self._failures:
            self._output.error(f"the run failed: {'; '.join(self._failures)}")
        return 1 if self._failures else 0

    def _on_signal(self, number: signal.Signals) -> None:
        now = asyncio.get_running_loop().time()
        if self._asked_at is None:
            self._asked_at = now
            self._output.notice(f"{number.name}: ending all nodes")
            self._stop.set()
        elif now - self._asked_at > _ONE_REQUEST:
            self._output.notice(f"{number.name} again: not waiting any longer")
            self._hurry.set()

    async def _watch(self, node: NodeProcess) -> None:
        """Wait for the end of a node, restart it if it may be, else end the graph or report."""
        while True:
            ending = await node.end()
            if not ending.own:
                self._judge_last(node, ending)
                return
            if ending.clean or ending.stuck:
                self._on_good_end(node, ending)
                return
            if node.description.expendable:
                self._output.error(f"{node.name} died: {ending}; the run goes on without it")
                return
            if not await self._restarted(node, ending):
                return

    def _on_watched(self, watcher: asyncio.Task[None]) -> None:
        """Let an error of the supervisor itself end the run instead of leaving a node unwatched."""
        if not watcher.cancelled() and (error := watcher.exception()) is not None:
            self._fail(f"internal error: {type(error).__name__}: {error}")

    def _on_good_end(self, node: NodeProcess, ending: Ending) -> None:
        stuck = "; the middleware did not let go of it, where is told above" if ending.stuck else ""
        self._output.notice(f"{node.name} has ended{stuck}")
        running = [other.description for other in self._nodes if other.running]
        awaited = any(other.required for other in running)
        if (node.description.required and not awaited) or not running:
            self._stop.set()

    def _judge_last(self, node: NodeProcess, ending: Ending) -> None:
        """Judge an end that came after the nodes were asked for it."""
        if ending.stuck:
            self._on_good_end(node, ending)
        elif not ending.clean and not ending.interrupted and not node.description.expendable:
            self._fail(f"{node.name} did not end cleanly: {ending}")

    async def _restarted(self, node: NodeProcess, ending: Ending) -> bool:
        budget = self._budgets[node.name]
        died = f"{node.name} died: {ending}"
        if not node.description.respawn:
            self._fail(died)
            return False
        if self._stop.is_set():
            self._output.notice(f"{died}; it would have been restarted, but the run ends")
            return False
        if not budget.take(asyncio.get_running_loop().time()):
            self._fail(f"{died}; restarted {budget.limit} times in {budget.window:.0f} s already")
            return False
        allowed = f"{budget.limit} in {budget.window:.0f} s"
        self._output.error(f"{died}; restarting it ({budget.used} of {allowed})")
        try:
            await asyncio.wait_for(self._stop.wait(), _RESTART_DELAY)
            return False
        except asyncio.TimeoutError:
            await node.start()
        if self._stop.is_set():
            node.ask_to_end()
        return True

    def _fail(self, problem: str) -> None:
        self._failures.append(problem)
        self._output.error(problem if self._stop.is_set() else f"{problem}; ending all other nodes")
        self._stop.set()

    async def _shut_down(self) -> None:
        """End all nodes, the recorder last, so that the bag holds everything the others said."""
        recorders = [node for node in self._nodes if node.description.role == RECORDER]
        await self._end([node for node in self._nodes if node not in recorders])
        await self._end(recorders)

    async def _end(self, nodes: Sequence[NodeProcess]) -> None:
        for node in nodes:
            node.ask_to_end()
        await self._let_end(nodes)
        for number, seconds in ((signal.SIGTERM, self._patience.terminate), (signal.SIGKILL, None)):
            watchers = self._unfinished(nodes)
            if not watchers:
                return
            for node in nodes:
                if node.running:
                    self._output.error(f"{node.name} (pid {node.pid}) does not end; sending {number.name}")
                node.send(number)
            await self._wait(watchers, seconds)

    async def _let_end(self, nodes: Sequence[NodeProcess]) -> None:
        """Wait for nodes as long as one of them works on its end."""
        patience, now = self._patience, asyncio.get_running_loop().time
        began, told = now(), False
        work = {node: node.work() for node in nodes}
        while work and not self._hurry.is_set():
            await self._wait(self._unfinished(work), patience.stall)
            before, passed = work, now() - began
            done = {node: node.work() for node in work if node.running}
            work = {n: w for n, w in done.items() if patience.lasts(n.description, passed, before[n], w)}
            if work and not told:
                names = " and ".join(node.name for node in work)
                self._output.notice(f"waiting for {names}, still at work; Ctrl-C again would leave that unfinished")
                told = True

    def _unfinished(self, nodes: Iterable[NodeProcess]) -> set[asyncio.Task[None]]:
        return {self._watchers[node.name] for node in nodes if not self._watchers[node.name].done()}

    async def _kill(self) -> None:
        """Leave nothing behind, even after an error of the supervisor itself."""
        for node in self._nodes:
            node.send(signal.SIGKILL)
        if self._watchers:
            await asyncio.wait(self._watchers.values())

    async def _wait(self, watchers: set[asyncio.Task[None]], seconds: float | None) -> None:
        """Wait for all watchers, at most ``seconds``, and no longer once the user is in a hurry."""
        if not watchers:
            return
        if seconds is None:
            await asyncio.wait(watchers)
            return
        either = {asyncio.create_task(self._hurry.wait()), asyncio.create_task(_all(watchers))}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in either:
            task.cancel()


async def _all(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
