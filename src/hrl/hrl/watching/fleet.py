"""Many robots at a glance: one row for each namespace, of what its nodes say of themselves. Knows no ROS."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hrl.results.tables import Fitted
from hrl.watching.node_states import SILENT, STYLES, NodeState, NodeStates, short

_WORST = (SILENT, "ERROR", "STALE", "WARN", "OK")
TELL_CLOCK = 0.05
"""Seconds between the clocks of two machines from which people are told."""
_ACT = "worker"
_ENVIRONMENTS = ("simulator", "bridge", "replay")
_TRAINER_FIGURES = {"env_steps": "steps", "worker/updates": "updates", "owed_updates": "owed", "segments": "bags"}


@dataclass(frozen=True)
class FleetRow:
    """One robot; a figure is None where nobody has told it."""

    robot: str
    """Its namespace; empty: none."""
    level: str
    """Of the node that is worst off."""
    nodes: int
    hosts: tuple[str, ...]
    """Machines that its nodes are on."""
    actions: float | None
    """Rate [Hz] at which its environment hears actions."""
    real_time: float | None
    """Simulated seconds per second."""
    latency_p99: float | None
    """Of its worker [ms]."""
    missed: int | None
    """Deadlines, since it began."""
    recorded: int | None
    """Observations in its bags."""
    policy: int | None
    """Version that its worker acts with."""
    behind: int | None
    """Versions between that and the newest that anyone acts with or the trainer has announced."""


class Fleet:
    """What ``NodeStates`` hold, by robot."""

    def __init__(self, states: NodeStates, now: float) -> None:
        """Look at what was heard until ``now`` [s]."""
        self._states, self._now = states, now
        by_robot: dict[str, dict[str, NodeState]] = {}
        self.learning: dict[str, NodeState] = {}
        """Nodes that belong to no robot, by name."""
        for name, state in sorted(states.by_name.items()):
            robot, _, role = name.rpartition("/")
            by_robot.setdefault(robot, {})[role] = state
        for robot in [robot for robot, nodes in by_robot.items() if not {_ACT, *_ENVIRONMENTS} & nodes.keys()]:
            self.learning |= {f"{robot}/{role}".lstrip("/"): state for role, state in by_robot.pop(robot).items()}
        newest = self._newest(by_robot.values())
        self.rows = [self._row(robot, nodes, newest) for robot, nodes in sorted(by_robot.items())]

    def as_data(self) -> dict[str, Any]:
        """Everything, for programs."""
        learning = {
            name: {"level": state.shown_level(self._now), **_figures(state)} for name, state in self.learning.items()
        }
        return {"robots": [asdict(row) for row in self.rows], "learning": learning, "delays": self._states.delays()}

    def as_table(self) -> Group:
        """Everything, for people."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
        for title in ("robot", "level", "nodes", "host", "actions [Hz]", "real time", "p99 [ms]", "missed", "recorded"):
            table.add_column(Text(title), no_wrap=True)
        for title in ("policy", "behind"):
            table.add_column(Text(title), no_wrap=True, justify="right")
        for row in self.rows:
            level = Text(row.level, style=STYLES.get(row.level, ""))
            figures = (row.actions, row.real_time, row.latency_p99, row.missed, row.recorded, row.policy, row.behind)
            cells = ["-" if figure is None else short(str(figure)) for figure in figures]
            table.add_row(Text(row.robot or "/"), level, str(row.nodes), Text(", ".join(row.hosts)), *cells)
        return Group(Fitted(table), *map(Text, [self._sum(), *self._learning(), *self._clocks()]))

    def _sum(self) -> str:
        rates = [row.actions for row in self.rows if row.actions is not None]
        unwell = sum(row.level != "OK" for row in self.rows)
        median = f", {statistics.median(rates):.3g} Hz each (median)" if rates else ""
        return f"{len(self.rows)} robots, {unwell} not well, {sum(rates):.4g} actions/s{median}"

    def _learning(self) -> list[str]:
        lines = []
        for name, state in self.learning.items():
            told = "".join(f", {short(str(value))} {word}" for word, value in _figures(state).items())
            lines.append(f"{name}: {state.shown_level(self._now)}, {state.message}{told}")
        return lines

    def _clocks(self) -> list[str]:
        far = {host: delay for host, delay in self._states.delays().items() if abs(delay) > TELL_CLOCK}
        asked = "or its words take so long: set both clocks by NTP or PTP"
        side = {True: "behind", False: "ahead of"}
        return [
            f"the clock of {host} is {abs(delay):.2f} s {side[delay > 0]} this machine's, {asked}"
            for host, delay in far.items()
        ]

    def _newest(self, robots: Iterable[dict[str, NodeState]]) -> int:
        acting = [_integer(nodes[_ACT], "policy version") for nodes in robots if _ACT in nodes]
        announced = [_integer(state, "policy version") for state in self.learning.values()]
        return max((version for version in [*acting, *announced] if version is not None), default=0)

    def _row(self, robot: str, nodes: dict[str, NodeState], newest: int) -> FleetRow:
        environment = next((nodes[role] for role in _ENVIRONMENTS if role in nodes), None)
        worker, recorder = nodes.get(_ACT), nodes.get("recorder")
        levels = {state.shown_level(self._now) for state in nodes.values()}
        missed = [_integer(state, "missed deadlines") for state in nodes.values()]
        known = [count for count in missed if count is not None]
        policy = _integer(worker, "policy version")
        return FleetRow(
            robot=robot,
            level=next(level for level in _WORST if level in levels),
            nodes=len(nodes),
            hosts=tuple(sorted({host for state in nodes.values() if (host := state.values.get("host"))})),
            actions=_number(environment, "action [Hz]"),
            real_time=_number(environment, "real-time factor"),
            latency_p99=_number(worker, "latency p99 [ms]"),
            missed=sum(known) if known else None,
            recorded=_integer(recorder, "observations"),
            policy=policy,
            behind=None if policy is None else newest - policy,
        )


def _figures(state: NodeState) -> dict[str, float]:
    told = {word: _number(state, key) for key, word in _TRAINER_FIGURES.items()}
    return {word: value for word, value in told.items() if value is not None}


def _number(state: NodeState | None, key: str) -> float | None:
    try:
        number = math.nan if state is None else float(state.values[key])
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _integer(state: NodeState | None, key: str) -> int | None:
    number = _number(state, key)
    return None if number is None else int(number)
