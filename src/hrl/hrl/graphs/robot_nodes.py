"""The nodes of one robot, simulated or real, and the check that task and policy fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrl.graphs.argument_table import Value
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import (
    BRIDGE,
    ENVIRONMENTS,
    FAKE_ROBOT,
    MANAGER,
    RECORDER,
    REMAPPINGS,
    ROBOT_SUPERVISOR,
    SIMULATOR,
    WORKER,
    NodeDescription,
)
from hrl.graphs.real_robot import HEARTBEAT, REALTIME, check_robot, real_parts, supervisor_part
from hrl.graphs.run_folder import RunFolder
from hrl.policies.shipped import AUTO, resolve_policy
from hrl_core.checkpoints.checkpoint import TASK, Checkpoint, load_checkpoint
from hrl_core.errors import HrlError, TaskError
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_ros.affinity import ANY

PACKAGES = {SIMULATOR: "hrl_sim", MANAGER: "hrl_manager", WORKER: "hrl_worker", RECORDER: "hrl_training"}
PACKAGES |= dict.fromkeys((BRIDGE, FAKE_ROBOT, ROBOT_SUPERVISOR), "hrl_robot")
RESPAWNING = (MANAGER, WORKER, FAKE_ROBOT)
"""Roles that go on in mid-episode after a restart; a restarted simulator would be another run."""
LEARNING_SPLIT = 2
"""Episodes per bag while learning: what has not been closed cannot be learned from."""


_Part = tuple[str, Mapping[str, Value]]
"""Name and parameters of a node."""


class Setup(NamedTuple):
    """What a run is about."""

    task: TaskSpec
    task_argument: str
    """What nodes are told to load the task from."""
    policy: Path
    checkpoint: Checkpoint


def checked_setup(arguments: LaunchArguments) -> Setup:
    """Load task and policy, either of which may follow from the other, as the nodes will.

    Raises:
        HrlError: they could not, or what is asked for is not built.
    """
    task, task_argument, policy = _task_and_policy(arguments)
    require_fit(arguments, task)
    return Setup(task, task_argument, policy, _checked_checkpoint(policy, task))


def require_fit(arguments: LaunchArguments, task: TaskSpec) -> None:
    """Raise ``HrlError`` where goal, randomisation or robot of the arguments do not fit the task."""
    if arguments.goal_vector:
        task.check_goal(np.array(arguments.goal_vector), "argument goal")
    randomisation = parse_randomisation(arguments.randomise)
    randomisation.deviations(task)
    if arguments.robot == "real":
        if randomisation:
            raise HrlError(f"randomise:={arguments.randomise}: only simulated episodes can be made to differ")
        check_robot(arguments, task)


def robot_nodes(
    arguments: LaunchArguments,
    setup: Setup,
    folder: RunFolder,
    core: int,
    label: str = "",
    policy_updates: str = "",
) -> list[NodeDescription]:
    """Describe the nodes of one robot.

    Args:
        arguments: of the run; ``namespace`` is the robot's.
        setup: task and policy.
        folder: where its recording and report go.
        core: that simulator and worker share; ``ANY``: none.
        label: put before the names of its nodes in what people are shown.
        policy_updates: topic on which policies are announced, if it is not the namespace's own.
    """
    parts = _parts(arguments, setup, folder, core)
    managers = setup.checkpoint.hierarchy.parties[1:]
    respawning = (*RESPAWNING, RECORDER) if arguments.learn else RESPAWNING
    remappings = (*REMAPPINGS, ("policy_update", policy_updates)) if policy_updates else REMAPPINGS
    return [
        NodeDescription(
            package=PACKAGES[role],
            executable=role,
            name=name,
            namespace=arguments.namespace.strip("/"),
            parameters=parameters,
            remappings=remappings,
            role=role,
            # A recorder that is restarted loses what was sent meanwhile: that is for runs that only learn from it.
            respawn=arguments.restarts and role in respawning,
            required=role in ENVIRONMENTS,
            moves_robot=role in (BRIDGE, FAKE_ROBOT, ROBOT_SUPERVISOR),
            label=f"{label}.{name}" if label else name,
        )
        for name, parameters in parts
        for role in [MANAGER if name in managers else name]
    ]


def _parts(arguments: LaunchArguments, setup: Setup, folder: RunFolder, core: int) -> list[_Part]:
    """What a robot has, in the order of its start."""
    # A supervisor activates the others; whether it starts by itself is the only question then.
    shared: dict[str, Value] = {"autostart": arguments.autostart and not arguments.supervised}
    if arguments.supervised:
        shared["heartbeat"] = HEARTBEAT
    waiting = {**shared, "wait_limit": arguments.wait_limit}
    turn: dict[str, Value] = {} if core == ANY else {"core": core}
    environment = {**_environment_parameters(arguments, folder), **waiting, **turn, "task": setup.task_argument}
    environment["policy"] = str(setup.policy)
    parts = _deciding_parts(setup, folder, waiting, turn)
    if arguments.record:
        parts.insert(0, (RECORDER, {**shared, **_recorder_parameters(arguments, setup, folder)}))
    if arguments.robot == "real":
        parts += real_parts(arguments, environment)
    else:
        parts.append((SIMULATOR, environment | {"randomise": arguments.randomise}))
    if arguments.supervised:
        parties = setup.checkpoint.hierarchy.parties
        restarting = (*parties, RECORDER) if arguments.learn else parties
        parts.append(supervisor_part(arguments, setup.task_argument, [name for name, _ in parts], restarting))
    return parts


def _deciding_parts(
    setup: Setup, folder: RunFolder, waiting: Mapping[str, Value], worker: Mapping[str, Value]
) -> list[_Part]:
    """The highest manager first, the worker last; a flat policy has no manager, others one for each level."""
    parties = setup.checkpoint.hierarchy.parties
    of_levels: list[Mapping[str, Value]] = [{"level": level} for level in range(len(parties) - 1)]
    parts: list[_Part] = [
        (name, {**waiting, "policy": str(setup.policy), **own, "memory": str(folder.memory(name))})
        for name, own in zip(parties, [worker, *of_levels], strict=True)
    ]
    return parts[::-1]


def _recorder_parameters(arguments: LaunchArguments, setup: Setup, folder: RunFolder) -> dict[str, Value]:
    return {
        "bag": str(folder.bag),
        "policy": str(setup.policy),
        "split_episodes": arguments.split_episodes or (LEARNING_SPLIT if arguments.learn else 0),
        "split_megabytes": arguments.split_mb,
        "upload": arguments.upload,
        "catalogue": arguments.catalogue,
    }


def _task_and_policy(arguments: LaunchArguments) -> tuple[TaskSpec, str, Path]:
    if arguments.task != AUTO:
        task = load_task(arguments.task)
        return task, arguments.task, resolve_policy(arguments.policy, task)
    policy = resolve_policy(arguments.policy, None)
    return load_checkpoint(policy).task, str(policy / TASK), policy


def _checked_checkpoint(policy: Path, task: TaskSpec) -> Checkpoint:
    """Load the policy as its nodes will; raises ``HrlError`` when they could not."""
    checkpoint = load_checkpoint(policy)
    try:
        checkpoint.require_task(task)
    except TaskError as error:
        raise TaskError(f"policy {policy}: {error}") from None
    checkpoint.stack(seed=0)
    return checkpoint


def _environment_parameters(arguments: LaunchArguments, folder: RunFolder) -> dict[str, Value]:
    return {
        "clock": REALTIME if arguments.robot == "real" else arguments.mode,
        "real_time_factor": arguments.rtf,
        "max_action_age": arguments.max_action_age,
        "episodes": arguments.episodes,
        "seed": arguments.seed,
        "goal": arguments.goal,
        "episode_mode": "train" if arguments.explore or arguments.learn else "eval",
        "robot": arguments.namespace.strip("/") or "robot",
        "out": str(folder.path),
        "recorder": arguments.record,
        "git_commit": folder.git_commit,
    }
