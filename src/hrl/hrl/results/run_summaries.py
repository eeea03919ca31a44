"""What a run leaves to be read at its end: a summary of each robot, and of what was learned."""

from rich.console import Console
from rich.text import Text

from hrl.graphs.graph import Graph
from hrl.results.learning_summary import write_learning_summary
from hrl.results.lines import tell
from hrl.results.summary import loss_in_words, write_summary
from hrl_core.errors import HrlError


def write_summaries(graph: Graph, console: Console, stopped: bool = False) -> bool:
    """Write and print all of them; False: one could not be made or lacks messages, which is said on the console.

    Args:
        graph: what ran.
        console: where the tables go.
        stopped: whether somebody ended it: then a robot that never began is no failure.
    """
    whole = True
    for folder in graph.reports:
        folder.forget()
        if stopped and not folder.simulator_report.exists():
            tell(f"no summary of {folder.path}: stopped before the robot was ready", console)
            continue
        if graph.robots:
            console.rule(Text(folder.path.name), align="left")
        try:
            loss = loss_in_words(write_summary(folder, graph.recorded, console))
        except HrlError as error:
            loss, whole = str(error), False
        if loss:
            tell(loss, console, "bold red")
        # Runs that only learn from their recordings go on without what a restarted recorder has missed.
        whole = whole and (not loss or graph.learns)
    if graph.learns:
        write_learning_summary(graph.folder, console)
    return whole
