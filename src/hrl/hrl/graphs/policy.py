"""The graph of a policy, simulator, its managers, worker and recorder, checked before anything starts."""

from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.cores import shared_cores
from hrl.graphs.graph import Graph, NodeDescription
from hrl.graphs.learning_nodes import Learning, learner_nodes
from hrl.graphs.machines import environment_for, of_this_machine
from hrl.graphs.onlookers import onlooker_nodes
from hrl.graphs.robot_nodes import Setup, checked_setup, robot_nodes
from hrl.graphs.run_folder import RunFolder
from hrl.policies.provenance import git_commit


def policy_graph(arguments: LaunchArguments) -> Graph:
    """Describe simulator, who the policy has, recorder, onlookers; load task and policy to be sure that they fit.

    Raises:
        HrlError: what is asked for cannot be run; nothing has been started or written.
    """
    setup = checked_setup(arguments)
    onlookers = onlooker_nodes(arguments, setup.task)
    folder = RunFolder.of(arguments, setup.policy, setup.checkpoint.trained, git_commit())
    folder.require_free()
    nodes = robot_nodes(arguments, setup, folder, next(shared_cores(arguments)))
    if arguments.learn:
        nodes += _learners(arguments, setup, folder)
    nodes = of_this_machine(nodes + onlookers, arguments.nodes)
    environment = environment_for(arguments)
    return Graph(nodes=tuple(nodes), folder=folder, log_level=arguments.log_level, environment=environment)


def _learners(arguments: LaunchArguments, setup: Setup, folder: RunFolder) -> list[NodeDescription]:
    relabelled = folder.path / "relabelled"
    learning = Learning.of(arguments, folder, [str(folder.bag)], setup.task_argument, relabelled)
    return learner_nodes(learning, setup)
