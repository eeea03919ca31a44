"""The graph of the fake robot alone, in the place of a robot's drivers: started apart from the stack, as those are."""

from dataclasses import dataclass

from hrl.graphs.argument_table import Arguments, argument
from hrl.graphs.arguments import DEFAULT_OUT, FACTOR, NAME, NETWORK, NOT_EMPTY, SEED
from hrl.graphs.graph import FAKE_ROBOT, Graph, NodeDescription, environment_of
from hrl.graphs.real_robot import fake_parameters
from hrl.graphs.run_folder import RunFolder, resolve_out
from hrl.policies.provenance import git_commit
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task
from hrl_robot.robot_config import load_robot


@dataclass(frozen=True)
class FakeRobotArguments(Arguments):
    """What a fake robot that nobody else starts takes."""

    robot_config: str = argument(
        "fake_ant", "Shipped name or .yaml file of a robot, whose block `fake` says what it is like.", rule=NOT_EMPTY
    )
    task: str = argument("AntMaze", "Task whose physics it has: shipped name or .yaml file.", rule=NOT_EMPTY)
    rtf: float = argument(1.0, "Real-time factor, seconds of its physics per wall second.", rule=FACTOR)
    seed: int = argument(0, "Seed of placing, jitter and loss.", rule=SEED)
    out: str = argument(
        f"{DEFAULT_OUT}_robot",
        "Folder of fake_robot.jsonl, the journal of commands; {time} becomes the start time.",
        rule=NOT_EMPTY,
    )
    namespace: str = argument("", "Namespace of the robot; that of the stack.", rule=NAME)
    network: str = argument("host", *NETWORK)
    autostart: bool = argument(True, "Configure and activate the node; false leaves that to a lifecycle manager.")
    log_level: str = argument("info", "Least severe log messages shown.", ("debug", "info", "warn", "error"))


def fake_robot_graph(arguments: FakeRobotArguments) -> Graph:
    """Describe the fake robot.

    Raises:
        HrlError: robot or task cannot be read or do not fit, or the robot's file describes no fake one.
    """
    config, task = load_robot(arguments.robot_config), load_task(arguments.task)
    config.require_task(task)
    if config.fake is None:
        raise HrlError(
            f"robot_config:={arguments.robot_config} has no block `fake`: there is nothing to pretend; fake_ant has one"
        )
    folder = RunFolder(resolve_out(arguments.out), arguments, None, False, git_commit())
    folder.require_free()
    given = {
        "task": arguments.task,
        "seed": arguments.seed,
        "out": str(folder.path),
        "real_time_factor": arguments.rtf,
        "autostart": arguments.autostart,
    }
    node = NodeDescription(
        package="hrl_robot",
        executable=FAKE_ROBOT,
        name=FAKE_ROBOT,
        namespace=arguments.namespace.strip("/"),
        parameters=fake_parameters(config, config.fake, given),
        role=FAKE_ROBOT,
        moves_robot=True,
    )
    environment = environment_of(arguments.network, commands_robot=True)
    return Graph(nodes=(node,), folder=folder, log_level=arguments.log_level, environment=environment)
