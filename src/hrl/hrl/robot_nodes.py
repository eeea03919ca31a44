"""The nodes of one robot, recorder, manager, worker and simulator, and the check that task and policy fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrl.arguments import LaunchArguments, Value
from hrl.graph import MANAGER, RECORDER, REMAPPINGS, SIMULATOR, WORKER, NodeDescription
from hrl.run_folder import RunFolder
from hrl.shipped_policies import AUTO, resolve_policy
from hrl_core.checkpoint import TASK, Checkpoint, load_checkpoint
from hrl_core.errors import HrlError, TaskError
from hrl_core.task import TaskSpec, load_task

PACKAGES = {SIMULATOR: "hrl_sim", MANAGER: "hrl_manager", WORKER: "hrl_worker", RECORDER: "hrl_training"}
RESPAWNING = (MANAGER, WORKER)
"""Roles that go on in mid-episode after a restart; a restarted simulator would be another run."""
LEARNING_SPLIT = 2
"""Episodes per bag while learning: what has not been closed cannot be learned from."""


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
    if arguments.robot == "real":
        raise HrlError("robot:=real: the bridge to a real robot is not built yet; use robot:=sim")
    task, task_argument, policy = _task_and_policy(arguments)
    if arguments.goal_vector:
        task.check_goal(np.array(arguments.goal_vector), "argument goal")
    return Setup(task, task_argument, policy, _checked_checkpoint(policy, task))


def robot_nodes(
    arguments: LaunchArguments, setup: Setup, folder: RunFolder, label: str = "", policy_updates: str = ""
) -> list[NodeDescription]:
    """Describe the nodes of one robot.

    Args:
        arguments: of the run; ``namespace`` is the robot's.
        setup: task and policy.
        folder: where its recording and report go.
        label: put before the names of its nodes in what people are shown.
        policy_updates: topic on which policies are announced, if it is not the namespace's own.
    """
    shared = {"autostart": arguments.autostart}
    waiting = {**shared, "wait_limit": arguments.wait_limit}
    deciding = {**waiting, "policy": str(setup.policy)}
    simulator = {**_simulator_parameters(arguments, folder), **waiting, "task": setup.task_argument}
    recorder = {**shared, "bag": str(folder.bag), "policy": str(setup.policy)}
    recorder["split_episodes"] = arguments.split_episodes or (LEARNING_SPLIT if arguments.learn else 0)
    recorder["split_megabytes"] = arguments.split_mb
    remappings = (*REMAPPINGS, ("policy_update", policy_updates)) if policy_updates else REMAPPINGS

    def node(role: str, parameters: Mapping[str, Value]) -> NodeDescription:
        # A recorder that is restarted loses what was sent meanwhile: that is for runs that only learn from it.
        respawning = (*RESPAWNING, RECORDER) if arguments.learn else RESPAWNING
        return NodeDescription(
            package=PACKAGES[role],
            executable=role,
            name=role,
            namespace=arguments.namespace.strip("/"),
            parameters=parameters,
            remappings=remappings,
            role=role,
            respawn=arguments.respawn and role in respawning,
            required=role == SIMULATOR,
            label=f"{label}.{role}" if label else role,
        )

    nodes = [node(MANAGER, deciding), node(WORKER, deciding), node(SIMULATOR, simulator)]
    return [node(RECORDER, recorder), *nodes] if arguments.record else nodes


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
    checkpoint.manager()
    checkpoint.worker()
    return checkpoint


def _simulator_parameters(arguments: LaunchArguments, folder: RunFolder) -> dict[str, Value]:
    return {
        "clock": arguments.mode,
        "real_time_factor": arguments.rtf,
        "episodes": arguments.episodes,
        "seed": arguments.seed,
        "goal": arguments.goal,
        "episode_mode": "train" if arguments.explore or arguments.learn else "eval",
        "robot": arguments.namespace.strip("/") or "robot",
        "out": str(folder.path),
        "recorder": arguments.record,
        "git_commit": folder.git_commit,
    }
