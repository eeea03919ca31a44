"""The graph that learns from recordings only: a trainer that ends when it has made all updates they pay for."""

from pathlib import Path

from hrl.graphs.graph import Graph
from hrl.graphs.learning_arguments import TRAINER_KNOBS, ReplayTrainArguments
from hrl.graphs.learning_nodes import Learning, dashboard_node, trainer_node
from hrl.graphs.run_folder import RunFolder, resolve_out
from hrl.graphs.train import sources_there, told_sources
from hrl.policies.provenance import git_commit
from hrl.policies.shipped import AUTO
from hrl_core.bags.find import find_bags
from hrl_core.bags.recorded_task import recorded_task
from hrl_core.task.text import load_task
from hrl_core.training.recordings.segments import at_hand


def replay_train_graph(arguments: ReplayTrainArguments) -> Graph:
    """Describe trainer and dashboard, checked before anything starts.

    Raises:
        HrlError: there are no bags, or what is asked for cannot be run; nothing has been started or written.
    """
    sources = sources_there(arguments.bags)
    paths = [at_hand(source) for source in sources]
    find_bags(paths)
    relabelled = Path(arguments.relabelled).expanduser().absolute()
    if arguments.relabelled:
        find_bags([relabelled])
    auto = arguments.task == AUTO
    task = recorded_task(paths) if auto else load_task(arguments.task)
    folder = RunFolder(resolve_out(arguments.out), arguments, None, False, git_commit())
    learning = Learning.of(
        arguments,
        folder,
        told_sources(sources),
        "" if auto else arguments.task,
        relabelled,
        {name: getattr(arguments, name) for name in TRAINER_KNOBS}
        | {"finish": True, "updates": arguments.updates, "max_owed_updates": 0},
    )
    nodes = [trainer_node(learning, task, required=True)]
    if arguments.dashboard:
        nodes.append(dashboard_node(learning, ()))
    return Graph(nodes=tuple(nodes), folder=folder, log_level=arguments.log_level)
