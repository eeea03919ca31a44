"""``hrl launch``: starts the graph that a launch file stands for, without executing the file."""

from rich.console import Console

from hrl.graphs.argument_table import describe_arguments, parse_arguments
from hrl.graphs.launch_files import GRAPHS, find_graph
from hrl.launching.environment import need_ros
from hrl.launching.run import run_graph
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


def _usage() -> str:
    return f"usage: hrl launch FILE name:=value ... [--show-args]\nfiles: {', '.join(GRAPHS)}"
