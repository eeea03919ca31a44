"""The live table of a learning loop: the lines of the dashboard node, drawn in place on a terminal."""

import dataclasses
import json
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from hrl.graphs.graph import DASHBOARD, Graph, NodeDescription

PERIOD = 1.0
"""Seconds between two states of the table."""


class Dashboard:
    """Draws what one node says below the output of all others."""

    def __init__(self, node: NodeDescription, console: Console) -> None:
        """Nothing is shown before the first line.

        Args:
            node: whose lines are drawn.
            console: a terminal.
        """
        self._node = node
        self._live = Live(console=console, auto_refresh=False)
        self._started = False

    def fed(self, graph: Graph) -> Graph:
        """The graph with the node told to speak as this table reads."""
        told = {**self._node.parameters, "json": True, "period": PERIOD}
        nodes = [dataclasses.replace(n, parameters=told) if n is self._node else n for n in graph.nodes]
        return dataclasses.replace(graph, nodes=tuple(nodes))

    def takes(self, name: str, line: str) -> bool:
        """Draw a line if it is a state; warnings of the node are not."""
        if name != self._node.label or not line.startswith("{"):
            return False
        try:
            row = json.loads(line)
        except ValueError:
            return False
        if not self._started:
            self._started = True
            self._live.start()
        self._live.update(table(row), refresh=True)
        return True

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._started:
            self._live.stop()


def panel_of(graph: Graph, console: Console) -> Dashboard | None:
    """The live table of a graph with a dashboard, where there is a terminal to draw it on."""
    nodes = [node for node in graph.nodes if node.role == DASHBOARD]
    return Dashboard(nodes[0], console) if nodes and console.is_terminal else None


def table(row: dict[str, Any]) -> Table:
    """Draw one state."""
    drawn = Table(title="Learning loop", title_justify="left", caption=_of_trainer(row), caption_justify="left")
    for title in ("robot", "episodes", "success", "transitions/s", "policy", ""):
        drawn.add_column(title, justify="left" if title in ("robot", "") else "right")
    robots = row["robots"]
    for name, robot in robots.items():
        held = "waits for the trainer" if robot["paused"] else ""
        drawn.add_row(name, *_figures(robot), f"{robot['policy_version']}", held)
    if len(robots) > 1:
        drawn.add_section()
        drawn.add_row("all", *_figures(row), f"{row['announced']}", "announced")
    return drawn


def _figures(row: dict[str, Any]) -> tuple[str, str, str]:
    success = "-" if row["success"] is None else f"{row['success']:.2f}"
    return f"{row['episodes']}", success, f"{row['steps_per_s']:.0f}"


def _of_trainer(row: dict[str, Any]) -> str:
    if "updates" not in row:
        return row["state"] or "no word from the trainer yet"
    relabelled = f", {row['relabelled_subgoals']:.0f} subgoals relabelled" if row.get("relabelled_subgoals") else ""
    return (
        f"{row['state']}: {row['updates']:.0f} updates from {row['learned_steps']:.0f} steps in {row['segments']:.0f} "
        f"bags{relabelled}; ratio {row['update_ratio']:.3f}, {row['owed_updates']:.0f} owed, "
        f"policy lag {row['policy_lag']:.0f}, version {row['announced']} announced"
    )
