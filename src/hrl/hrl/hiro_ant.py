"""The graph of the main job, simulator, manager, worker and recorder, checked before anything starts."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hrl.arguments import LaunchArguments, Value
from hrl.graph import MANAGER, RECORDER, SIMULATOR, WORKER, Graph, NodeDescription
from hrl.onlookers import onlooker_nodes
from hrl.provenance import git_commit
from hrl.run_folder import RunFolder
from hrl.shipped_policies import AUTO, resolve_policy
from hrl_core.checkpoint import TASK, Checkpoint, load_checkpoint
from hrl_core.errors import HrlError, TaskError
from hrl_core.task import TaskSpec, load_task

PACKAGES = {SIMULATOR: "hrl_sim", MANAGER: "hrl_manager", WORKER: "hrl_worker", RECORDER: "hrl_training"}
RESPAWNING = (MANAGER, WORKER)
"""Roles that go on in mid-episode after a restart; a restarted simulator would be another run."""


def hiro_ant_graph(arguments: LaunchArguments) -> Graph:
    """Describe simulator, manager, worker, recorder, onlookers; load task and policy to be sure that they fit.

    Raises:
        HrlError: what is asked for cannot be run; nothing has been started or written.
    """
    _refuse_unbuilt(arguments)
    task, task_argument, policy = _task_and_policy(arguments)
    if arguments.goal_vector:
        task.check_goal(np.array(arguments.goal_vector), "argument goal")
    checkpoint = _checked_checkpoint(policy, task)
    onlookers = onlooker_nodes(arguments, task)
    folder = RunFolder.of(arguments, policy, checkpoint.trained, git_commit())
    folder.require_free()
    shared = {"autostart": arguments.autostart}
    waiting = {**shared, "wait_limit": arguments.wait_limit}
    deciding = {**waiting, "policy": str(policy)}
    simulator = {**_simulator_parameters(arguments, folder), **waiting, "task": task_argument}
    recorder = {**shared, "bag": str(folder.bag), "policy": str(policy), "split_episodes": arguments.split_episodes}
    recorder["split_megabytes"] = arguments.split_mb

    nodes = [
        _node(MANAGER, arguments, deciding),
        _node(WORKER, arguments, deciding),
        _node(SIMULATOR, arguments, simulator),
    ]
    if arguments.record:
        nodes.insert(0, _node(RECORDER, arguments, recorder))
    nodes += onlookers
    return Graph(nodes=tuple(nodes), folder=folder, log_level=arguments.log_level)


def _task_and_policy(arguments: LaunchArguments) -> tuple[TaskSpec, str, Path]:
    """Task, what the simulator is told to load it from, and policy folder; each may follow from the other."""
    if arguments.task != AUTO:
        task = load_task(arguments.task)
        return task, arguments.task, resolve_policy(arguments.policy, task)
    policy = resolve_policy(arguments.policy, None)
    return load_checkpoint(policy).task, str(policy / TASK), policy


def _node(role: str, arguments: LaunchArguments, parameters: Mapping[str, Value]) -> NodeDescription:
    return NodeDescription(
        package=PACKAGES[role],
        executable=role,
        name=role,
        namespace=arguments.namespace.strip("/"),
        parameters=parameters,
        role=role,
        respawn=arguments.respawn and role in RESPAWNING,
        required=role == SIMULATOR,
    )


def _refuse_unbuilt(arguments: LaunchArguments) -> None:
    if arguments.robot == "real":
        raise HrlError("robot:=real: the bridge to a real robot is not built yet; use robot:=sim")


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
        "episode_mode": "train" if arguments.explore else "eval",
        "robot": arguments.namespace.strip("/") or "robot",
        "out": str(folder.path),
        "recorder": arguments.record,
        "git_commit": folder.git_commit,
    }
