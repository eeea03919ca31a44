"""The graph of a demonstration: an expert, a person or a recording in a policy's place, recorded to be learned from."""

import dataclasses
from pathlib import Path

from hrl.graphs.argument_table import Value
from hrl.graphs.cores import shared_cores
from hrl.graphs.demonstration_arguments import DemonstrationArguments
from hrl.graphs.graph import BRIDGE, SIMULATOR, WORKER, Graph, NodeDescription
from hrl.graphs.machines import environment_for, of_this_machine
from hrl.graphs.onlookers import onlooker_nodes
from hrl.graphs.robot_nodes import Setup, require_fit, robot_nodes
from hrl.graphs.run_folder import RunFolder, resolve_out
from hrl.policies.provenance import git_commit
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.demonstrations import expert_of
from hrl_core.demonstrations.replay import Replay
from hrl_core.demonstrations.teleoperation import parse_controls
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.randomisation import parse_randomisation
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.wording import counted

START = "start"
"""Folder of the untrained policy in whose place the expert acts, in that of the run."""


def demo_graph(arguments: DemonstrationArguments) -> Graph:
    """Describe simulator or robot, demonstrator, recorder, onlookers, checked before anything starts.

    Raises:
        HrlError: what is asked for cannot be run; nothing has been started or written.
    """
    task = load_task(arguments.task)
    _require_demonstrator(arguments, task)
    require_fit(arguments, task)
    out = resolve_out(arguments.out)
    start = random_checkpoint(task, arguments.seed, git_commit(), FLAT)
    setup = Setup(task, arguments.task, out / START, start)
    onlookers = onlooker_nodes(arguments, task)
    folder = RunFolder(out, arguments, setup.policy, start.trained, git_commit(), start)
    folder.require_free()
    nodes = [
        _demonstrating(node, arguments) for node in robot_nodes(arguments, setup, folder, next(shared_cores(arguments)))
    ]
    environment = environment_for(arguments)
    here = of_this_machine([*nodes, *onlookers], arguments.nodes)
    return Graph(nodes=tuple(here), folder=folder, log_level=arguments.log_level, environment=environment)


def _require_demonstrator(arguments: DemonstrationArguments, task: TaskSpec) -> None:
    """Find out what would fail: no expert, controls that do not fit, a recording of something else."""
    if arguments.demonstrator == "script":
        expert_of(task)
    elif arguments.demonstrator == "teleop":
        parse_controls(arguments.controls, task)
    else:
        _require_same_again(arguments, Replay(task, Path(arguments.recording)))


def _require_same_again(arguments: DemonstrationArguments, again: Replay) -> None:
    """Refuse what would lead to other states than those recorded."""
    recording, asked = arguments.recording, str(parse_randomisation(arguments.randomise))
    if again.seed not in (None, arguments.seed):
        raise HrlError(
            f"{recording}: is of seed {again.seed}, from which alone it leads to the same states: seed:={again.seed}"
        )
    if again.randomised != asked:
        raise HrlError(
            f"{recording}: its episodes differ from the task by {again.randomised or 'nothing'}, those asked for by "
            f"{asked or 'nothing'}: only as it was recorded it leads to the same states: randomise:={again.randomised}"
        )
    if not 0 < arguments.episodes <= again.episodes:
        raise HrlError(f"{recording}: holds {counted(again.episodes, 'episode')}: say episodes:=, at most so many")


def _demonstrating(node: NodeDescription, arguments: DemonstrationArguments) -> NodeDescription:
    """The same node in a demonstration."""
    of_role: dict[str, dict[str, Value]] = {
        WORKER: {
            "demonstrator": arguments.demonstrator,
            "demonstrator_noise": arguments.noise,
            "demonstrator_correlation": arguments.correlation,
            "demonstrator_controls": arguments.controls,
            "demonstrator_recording": str(Path(arguments.recording).absolute()) if arguments.recording else "",
        },
        SIMULATOR: {"episode_mode": "demo"},
        BRIDGE: {"episode_mode": "demo"},
    }
    return dataclasses.replace(node, parameters={**node.parameters, **of_role.get(node.role, {})})
