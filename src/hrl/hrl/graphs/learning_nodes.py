"""The nodes that learn from recordings, trainer and relabeler, and the dashboard that tells how it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrl.graphs.argument_table import Value
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import DASHBOARD, RELABELER, TRAINER, NodeDescription
from hrl.graphs.learning_arguments import ReplayTrainArguments
from hrl.graphs.robot_nodes import Setup
from hrl.graphs.run_folder import RunFolder
from hrl_core.algorithms import learner_module, recordings_module
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.text import hierarchy_difference
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import agent_config
from hrl_core.training.recordings.plain_values import config_of
from hrl_core.training.recordings.segments import parse_source

PACKAGE = "hrl_training"
FROM_RELABELLED = "from-relabelled"


@dataclass(frozen=True)
class Learning:
    """What is learned from, and how."""

    sources: Sequence[str]
    """Bags or folders of bags, each with ``:WEIGHT`` if wanted."""
    task: str
    out: Path
    """Folder of the run; the trainer's is ``training`` in it."""
    algorithm: str
    training: str
    seed: int
    relabel: str
    relabelled: str
    """Folder of relabelled bags, with ``from-relabelled``."""
    policy_updates: int
    namespace: str
    autostart: bool
    respawn: bool
    git_commit: str
    knobs: Mapping[str, Value]
    """Further parameters of the trainer."""

    def __post_init__(self) -> None:
        """Refuse what cannot be handed on: parameters of nodes are text, in which commas separate sources."""
        for source in self.sources:
            if "," in source:
                raise HrlError(
                    f"bags cannot be learned from in {source}: commas separate folders of bags; choose another out:=, "
                    "or rename the folder"
                )

    @classmethod
    def of(
        cls,
        arguments: LaunchArguments | ReplayTrainArguments,
        folder: RunFolder,
        sources: Sequence[str],
        task: str,
        relabelled: Path,
        knobs: Mapping[str, Value] | None = None,
    ) -> "Learning":
        """What the arguments of a launch file ask for; ``relabelled`` counts with ``from-relabelled`` only."""
        return cls(
            sources=sources,
            task=task,
            out=folder.path,
            algorithm=arguments.algorithm,
            training=arguments.training,
            seed=arguments.seed,
            relabel=arguments.relabel,
            relabelled=str(relabelled) if arguments.relabel == FROM_RELABELLED else "",
            policy_updates=arguments.policy_updates,
            namespace=arguments.namespace.strip("/"),
            autostart=arguments.autostart,
            respawn=arguments.respawn,
            git_commit=folder.git_commit,
            knobs=knobs or {},
        )

    @property
    def training_folder(self) -> Path:
        """Where the trainer works."""
        return self.out / "training"

    @property
    def policy_update_topic(self) -> str:
        """Full name of the topic on which the trainer announces policies."""
        return f"/{self.namespace}/policy_update" if self.namespace else "/policy_update"

    def node(self, role: str, parameters: Mapping[str, Value], *, required: bool = False) -> NodeDescription:
        """Describe one node; all of them can be restarted at any moment."""
        return NodeDescription(
            package=PACKAGE,
            executable=role,
            name=role,
            namespace=self.namespace,
            parameters={"autostart": self.autostart, **parameters},
            role=role,
            respawn=self.respawn and role != DASHBOARD,
            required=required,
            expendable=role == DASHBOARD,
        )


def trainer_node(
    learning: Learning, task: TaskSpec, *, start: Checkpoint | None = None, required: bool = False
) -> NodeDescription:
    """Describe the trainer.

    Args:
        learning: what from, and how.
        task: to be sure that the switches fit it.
        start: policy that the robots begin with; None: there are no robots.
        required: whether the run ends with it.

    Raises:
        HrlError: a source or the training switches cannot be read, contradict each other or do not fit the task, or the
            robots' policy chooses otherwise than the one that is learned.
    """
    parameters: dict[str, Value] = {
        "bags": ",".join(learning.sources),
        "task": learning.task,
        "out": str(learning.training_folder),
        "algorithm": learning.algorithm,
        "training": learning.training,
        "seed": learning.seed,
        "relabel": learning.relabel,
        "relabelled": learning.relabelled,
        "checkpoint_updates": learning.policy_updates or 1,
        "git_commit": learning.git_commit,
        **learning.knobs,
    }
    config = config_of(parameters)
    # Made as the trainer will, which tells whether the switches fit the task.
    learner = recordings_module(config.algorithm).learner(task, config, learning.seed)
    parameters["first_version"] = 0
    if start is not None:
        _require_same_hierarchy(start, learner_module(config.algorithm).hierarchy(task, agent_config(config)))
        # Whose own episodes alone teach it must tell its first policy from that of the robots, which begin with
        # somebody else's weights, or with its own to the last bits but one.
        parameters["first_version"] = start.version + learner.on_policy
    return learning.node(TRAINER, parameters, required=required)


def learner_nodes(learning: Learning, setup: Setup) -> list[NodeDescription]:
    """Describe the trainer and, if subgoals are relabelled by a node, the relabeler, which begins with the policy.

    Raises:
        HrlError: the switches do not fit task or policy.
    """
    trainer = trainer_node(learning, setup.task, start=setup.checkpoint)
    if learning.relabel != FROM_RELABELLED:
        return [trainer]
    bags = ",".join(str(parse_source(source).path) for source in learning.sources)
    relabeler: dict[str, Value] = {"bags": bags, "out": learning.relabelled, "policy": str(setup.policy)}
    return [learning.node(RELABELER, relabeler), trainer]


def _require_same_hierarchy(start: Checkpoint, learned: HierarchySpec) -> None:
    """Raise ``HrlError`` unless the nodes that begin with a policy can take the one that is learned."""
    if start.hierarchy != learned:
        raise HrlError(
            f"the policy to begin with chooses otherwise than the one that is learned: "
            f"{hierarchy_difference(start.hierarchy, learned)} (policy != learned); leave policy out of "
            "train.launch.py for one that fits, or set goal_space, horizon, ... among the training switches"
        )


def dashboard_node(learning: Learning, robots: Sequence[str]) -> NodeDescription:
    """Describe the node that tells how it goes; ``robots`` are full namespaces, without leading slash."""
    return learning.node(DASHBOARD, {"robots": ",".join(robots)})
