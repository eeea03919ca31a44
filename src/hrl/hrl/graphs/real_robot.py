"""What stands in the simulator's place when the robot is real: bridge, supervisor and, to try it, a fake robot."""

import dataclasses
from collections.abc import Mapping, Sequence

from hrl.graphs.argument_table import Value
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import BRIDGE, FAKE_ROBOT, RECORDER, ROBOT_SUPERVISOR
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_robot.robot_config import FakeConfig, RobotConfig, load_robot

REALTIME = "realtime"
HEARTBEAT = 0.1
"""Seconds between the heartbeats of supervised nodes."""
BRIDGE_HEARTBEAT = 0.02
"""Seconds between the bridge's: the supervisor covers for it soon after the last."""


def check_robot(arguments: LaunchArguments, task: TaskSpec) -> None:
    """Raise ``HrlError`` unless the robot's file is sound and fits task and arguments."""
    if task.choices:
        raise HrlError(f"task '{task.name}' has actions to choose from, a robot takes vectors: leave robot:=real out")
    config = load_robot(arguments.robot_config)
    config.require_task(task)
    if config.fake is None and arguments.rtf != 1.0:
        raise HrlError(f"rtf:={arguments.rtf:g}: the time of robot '{config.name}' cannot be changed; leave rtf:=1")


def real_parts(arguments: LaunchArguments, environment: Mapping[str, Value]) -> list[tuple[str, Mapping[str, Value]]]:
    """Roles and parameters of the bridge and, where the robot's file asks for it, the fake robot.

    Args:
        arguments: of the run.
        environment: what a simulator would take.
    """
    config = load_robot(arguments.robot_config)
    bridge = {**environment, "robot_config": arguments.robot_config}
    if arguments.supervised:
        bridge["heartbeat"] = BRIDGE_HEARTBEAT
    parts: list[tuple[str, Mapping[str, Value]]] = [(BRIDGE, bridge)]
    if config.fake is not None:
        given = {name: environment[name] for name in ("task", "seed", "out", "real_time_factor")}
        parts.insert(0, (FAKE_ROBOT, fake_parameters(config, config.fake, given)))
    return parts


def fake_parameters(config: RobotConfig, fake: FakeConfig, given: Mapping[str, Value]) -> dict[str, Value]:
    """Parameters of the fake robot that ``fake`` of a robot's file describes, beside those ``given``."""
    gripper = "" if config.gripper is None else config.gripper.controller
    return {**dataclasses.asdict(fake), **given, "controller": config.command.controller, "gripper": gripper}


def supervisor_part(
    arguments: LaunchArguments, task: str, names: Sequence[str], restarting: Sequence[str]
) -> tuple[str, Mapping[str, Value]]:
    """Name and parameters of the supervisor of these nodes, in the order in which they come up."""
    managed = [name for name in names if name != FAKE_ROBOT]
    parameters: dict[str, Value] = {
        "autostart": arguments.autostart,
        "nodes": ",".join(managed),
        "bridge": BRIDGE if BRIDGE in managed else "",
        "task": task,
        "robot_config": arguments.robot_config,
        "restarting": ",".join(name for name in managed if name in restarting),
        "writing": RECORDER,
    }
    return ROBOT_SUPERVISOR, parameters
