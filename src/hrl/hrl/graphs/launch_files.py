"""The launch files by name: arguments and graph of each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hrl.graphs.argument_table import Arguments
from hrl.graphs.arguments import LaunchArguments, PolicyArguments
from hrl.graphs.demonstration_arguments import DemonstrationArguments
from hrl.graphs.fake_robot import FakeRobotArguments, fake_robot_graph
from hrl.graphs.graph import Graph
from hrl.graphs.learning_arguments import HiroTrainArguments, ReplayTrainArguments, TrainArguments
from hrl_core.errors import HrlError


class LaunchFile(NamedTuple):
    """What a launch file stands for."""

    arguments: type[Arguments]
    build: Callable[[Any], Graph]
    """Graph of given arguments."""


def _policy(arguments: LaunchArguments) -> Graph:
    # Loads torch: not before the arguments are known to be right.
    from hrl.graphs.policy import policy_graph

    return policy_graph(arguments)


def _demo(arguments: DemonstrationArguments) -> Graph:
    from hrl.graphs.demo import demo_graph

    return demo_graph(arguments)


def _train(arguments: TrainArguments) -> Graph:
    from hrl.graphs.train import train_graph

    return train_graph(arguments)


def _replay_train(arguments: ReplayTrainArguments) -> Graph:
    from hrl.graphs.replay_train import replay_train_graph

    return replay_train_graph(arguments)


GRAPHS: Mapping[str, LaunchFile] = {
    "hiro_ant.launch.py": LaunchFile(LaunchArguments, _policy),
    "policy.launch.py": LaunchFile(PolicyArguments, _policy),
    "demo.launch.py": LaunchFile(DemonstrationArguments, _demo),
    "train.launch.py": LaunchFile(TrainArguments, _train),
    "hiro_train.launch.py": LaunchFile(HiroTrainArguments, _train),
    "replay_train.launch.py": LaunchFile(ReplayTrainArguments, _replay_train),
    "fake_robot.launch.py": LaunchFile(FakeRobotArguments, fake_robot_graph),
}
"""Launch file -> the graph it stands for."""


def find_graph(launch_file: str) -> LaunchFile:
    """Return what a launch file (name or path) stands for; raises ``HrlError`` listing the known ones."""
    name = Path(launch_file).name
    if name not in GRAPHS:
        raise HrlError(f"unknown launch file '{launch_file}'; known: {', '.join(GRAPHS)}")
    return GRAPHS[name]
