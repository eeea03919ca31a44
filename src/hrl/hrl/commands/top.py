"""``hrl top``: a live table of the running nodes, from what they say on /diagnostics."""

import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.live import Live
from rich.text import Text

from hrl.watching.diagnostics import listen
from hrl.watching.fleet import Fleet
from hrl.watching.node_states import NodeStates
from hrl.watching.onlooker_node import Onlooker, onlooker, where
from hrl_core.errors import HrlError

_MOST_SECONDS = 1e6
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Top:
    """Show how the nodes of the running graph are; Ctrl-C ends it."""

    once: Flag = False
    """Show the nodes once and end; exit code 1 when none speaks."""
    json: Flag = False
    """For programs: one JSON object a line instead of a table."""
    fleet: Flag = False
    """One row a robot instead of one a node: how it is, where, its rates, and how far its policy is behind."""
    all: Flag = False
    """Show also what other software says on /diagnostics."""
    wait: float = 5.0
    """With --once: seconds to listen; a node whose first announcement was missed is discovered within 4."""
    period: float = 1.0
    """Seconds between two tables."""

    def run(self) -> int:
        """Listen and show; returns the exit code."""
        for name in ("wait", "period"):
            if not 0 < (seconds := getattr(self, name)) <= _MOST_SECONDS:
                raise HrlError(f"--{name} {seconds:g}: seconds, above 0 and at most {_MOST_SECONDS:g}")
        states = NodeStates()
        try:
            with onlooker("hrl_top") as eye:
                listen(eye, states, self.all)
                return self._show_once(eye, states) if self.once else self._show(eye, states)
        except KeyboardInterrupt:
            return 0

    def _show_once(self, eye: Onlooker, states: NodeStates) -> int:
        eye.spin(self.wait)
        if self.json:
            self._print_json(states)
        else:
            Console().print(self._shown(states), highlight=False, soft_wrap=not states.by_name)
        return 0 if states.by_name else 1

    def _show(self, eye: Onlooker, states: NodeStates) -> int:
        console = Console()
        if self.json:
            return self._repeat(eye, lambda: self._print_json(states))
        if not console.is_terminal:
            return self._repeat(eye, lambda: console.print(self._shown(states), highlight=False))
        with Live(console=console, auto_refresh=False) as live:
            return self._repeat(eye, lambda: live.update(self._shown(states), refresh=True))

    def _repeat(self, eye: Onlooker, show: Callable[[], object]) -> int:
        """Show again and again until Ctrl-C, of which a note is taken: raised within rclpy it may get lost there."""
        pressed: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
        try:
            while not eye.spin(self.period, until=lambda: bool(pressed)):
                show()
        finally:
            signal.signal(signal.SIGINT, before)
        return 0

    def _print_json(self, states: NodeStates) -> None:
        now = time.monotonic()
        data = Fleet(states, now).as_data() if self.fleet else states.as_data(now)
        sys.stdout.write(json.dumps(data) + "\n")
        sys.stdout.flush()

    def _shown(self, states: NodeStates) -> Any:  # noqa: ANN401 - whatever rich can print
        if not states.by_name:
            return Text(nothing_heard())
        now = time.monotonic()
        return Fleet(states, now).as_table() if self.fleet else states.as_table(now)


def nothing_heard() -> str:
    """What to tell when no node speaks."""
    return (
        f"no node speaks on /diagnostics {where()}. Is a graph running (hrl launch hiro_ant.launch.py), with the same "
        "ROS_DOMAIN_ID? A node speaks while it is active. `hrl doctor` checks the installation."
    )


def top(words: list[str]) -> int:
    """Run ``hrl top`` with the words that follow it; returns the exit code."""
    return tyro.cli(Top, prog="hrl top", description=__doc__, args=words).run()
