"""``hrl launch``: starts the graph that a launch file stands for, without executing the file."""

import os

from rich.console import Console

from hrl.arguments import describe_arguments, parse_arguments
from hrl.dashboard import panel_of
from hrl.graph import GRAPHS, Graph, find_graph
from hrl.supervisor import Supervisor
from hrl_core.errors import HrlError

SHOW_ARGS = frozenset({"--show-args", "--show-arguments", "-s"})
_HELP = frozenset({"--help", "-h"})


def launch(words: list[str]) -> int:
    """Run ``hrl launch`` with the words that follow it; returns the exit code.

    Raises:
        HrlError: unknown file or argument, or a graph that cannot be run; nothing has been started then.
    """
    console = Console()
    files = [word for word in words if word not in SHOW_ARGS | _HELP][:1]
    if _HELP & set(words):
        console.print(_usage(), markup=False, highlight=False)
        return 0
    if not files:
        raise HrlError(_usage())
    file = find_graph(files[0])
    if SHOW_ARGS & set(words):
        console.print(describe_arguments(file.arguments), markup=False, highlight=False, soft_wrap=True)
        return 0
    arguments = parse_arguments(words[words.index(files[0]) + 1 :], file.arguments)
    need_ros()
    return run_graph(file.build(arguments), console)


def run_graph(graph: Graph, console: Console) -> int:
    """Run a graph to its end and sum it up; returns the exit code."""
    panel = panel_of(graph, console)
    supervisor = Supervisor(panel.fed(graph) if panel else graph, os.environ, console, panel=panel)
    graph.prepare()
    code = supervisor.run()
    from hrl.run_summaries import write_summaries

    return max(code, 0 if write_summaries(graph, console, supervisor.told_to_stop) else 1)


def need_ros() -> None:
    """Make sure that ROS is usable, if need be by starting this process again.

    Raises:
        HrlError: the workspace is not built.
    """
    from hrl.environment import ensure_ros_environment

    try:
        ensure_ros_environment()
    except RuntimeError as error:
        raise HrlError(str(error)) from None


def _usage() -> str:
    return f"usage: hrl launch FILE name:=value ... [--show-args]\nfiles: {', '.join(GRAPHS)}"
