"""The graph of the learning loop: robots that act and record, one trainer that follows all of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hrl.graphs.cores import shared_cores
from hrl.graphs.graph import ENVIRONMENTS, Graph, NodeDescription
from hrl.graphs.learning_arguments import LIVE_KNOBS, TrainArguments
from hrl.graphs.learning_nodes import Learning, dashboard_node, learner_nodes
from hrl.graphs.machines import environment_for, of_this_machine
from hrl.graphs.onlookers import onlooker_nodes
from hrl.graphs.robot_nodes import Setup, checked_setup, require_fit, robot_nodes
from hrl.graphs.run_folder import RunFolder, resolve_out
from hrl.policies.provenance import git_commit
from hrl_core.algorithms import recordings_module, require_recordings
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task
from hrl_core.training.presets import read_config
from hrl_core.training.recordings.plain_values import text_list
from hrl_core.training.recordings.segments import Source, parse_source

START = "start"
"""Folder of an untrained policy that robots begin with, in that of the run."""
SEED_STEP = 1_000_033
"""Between the seeds of two robots, so that no episode is explored twice."""


def train_graph(arguments: TrainArguments) -> Graph:
    """Describe the robots in their namespaces, relabeler, trainer and dashboard, checked before anything starts.

    Raises:
        HrlError: what is asked for cannot be run; nothing has been started or written.
    """
    out = resolve_out(arguments.out)
    setup = checked_setup(arguments) if arguments.policy else _untrained_setup(arguments, out / START)
    start = None if arguments.policy else setup.checkpoint
    folder = RunFolder(out, arguments, setup.policy, setup.checkpoint.trained, git_commit(), start)
    folder.require_free()
    outer = arguments.namespace.strip("/")
    names = [f"robot_{number + 1}" for number in range(arguments.robots)]
    of_robots = [
        replace(
            arguments,
            namespace="/".join(part for part in (outer, name) if part),
            seed=(arguments.seed + SEED_STEP * number) % 10**18,
            out=str(folder.path / name),
            upload=f"{arguments.upload.rstrip('/')}/{name}" if arguments.upload else "",
        )
        for number, name in enumerate(names)
    ]
    folders = [RunFolder.of(own, setup.policy, folder.policy_trained, folder.git_commit) for own in of_robots]
    learning = Learning.of(
        arguments,
        folder,
        [*(str(robot.bag) for robot in folders), *told_sources(sources_there(arguments.more_bags))],
        setup.task_argument,
        folder.path / "relabelled",
        {name: getattr(arguments, name) for name in LIVE_KNOBS}
        | {
            "simulators": ",".join(own.namespace for own in of_robots),
            "recorded_here": ",".join(str(robot.bag) for robot in folders),
        },
    )
    nodes = learner_nodes(learning, setup)
    cores = shared_cores(arguments)
    for name, own, robot in zip(names, of_robots, folders, strict=True):
        nodes += robot_nodes(own, setup, robot, next(cores), name, learning.policy_update_topic)
    if arguments.dashboard:
        nodes = [_without_progress(node) for node in nodes]
        nodes.append(dashboard_node(learning, [own.namespace for own in of_robots]))
    nodes += onlooker_nodes(of_robots[0], setup.task)
    return Graph(
        nodes=tuple(of_this_machine(nodes, arguments.nodes)),
        folder=folder,
        robots=tuple(folders),
        log_level=arguments.log_level,
        environment=environment_for(arguments),
    )


def _untrained_setup(arguments: TrainArguments, policy: Path) -> Setup:
    """A task and the untrained policy that its robots begin with, which is written with the run's folder."""
    task, config = load_task(arguments.task), read_config(arguments.training, arguments.algorithm)
    require_fit(arguments, task)
    require_recordings(config.algorithm)
    start = recordings_module(config.algorithm).untrained(task, config.agent, arguments.seed)
    return Setup(task, arguments.task, policy, replace(start, git_commit=git_commit()))


def _without_progress(node: NodeDescription) -> NodeDescription:
    """The dashboard tells it of all robots."""
    if node.role not in ENVIRONMENTS:
        return node
    return replace(node, parameters={**node.parameters, "progress_period": 0.0})


def sources_there(text: str) -> list[Source]:
    """Sources that are separated by commas, from wherever the nodes are started.

    Raises:
        HrlError: one cannot be read, or is not there.
    """
    sources = [parse_source(part) for part in text_list(text)]
    for source in sources:
        if not source.uri and not source.path.expanduser().exists():
            raise HrlError(f"bags to learn from: {source.path} does not exist")
    return [replace(source, path=source.path.expanduser().absolute()) for source in sources]


def told_sources(sources: Sequence[Source]) -> list[str]:
    """As a trainer is told of them."""
    return [f"{source.uri or source.path}:{source.weight:g}" for source in sources]
