"""One graph from its start to its summary."""

import os

from rich.console import Console

from hrl.graphs.graph import Graph
from hrl.launching.dashboard import panel_of
from hrl.launching.supervisor import Supervisor


def run_graph(graph: Graph, console: Console) -> int:
    """Run a graph to its end and sum it up; returns the exit code."""
    panel = panel_of(graph, console)
    supervisor = Supervisor(panel.fed(graph) if panel else graph, os.environ, console, panel=panel)
    graph.prepare()
    code = supervisor.run()
    from hrl.results.run_summaries import write_summaries

    return max(code, 0 if write_summaries(graph, console, supervisor.told_to_stop) else 1)
