"""The nodes that learn from recordings, trainer and relabeler, and the dashboard that tells how it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrl.graphs.arguments import LaunchArguments, Value
from hrl.graphs.graph import DASHBOARD, RELABELER, TRAINER, NodeDescription
from hrl.graphs.learning_arguments import ReplayTrainArguments
from hrl.graphs.run_folder import RunFolder
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.task_fit import require_elements
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.task.spec import TaskSpec
from hrl_core.training.presets import read_config
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
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
    learning: Learning, task: TaskSpec, *, first_version: int = 0, required: bool = False
) -> NodeDescription:
    """Describe the trainer.

    Args:
        learning: what from, and how.
        task: to be sure that the switches fit it.
        first_version: of the policy that the robots begin with.
        required: whether the run ends with it.

    Raises:
        HrlError: a source or the training switches cannot be read, contradict each other or do not fit the task.
    """
    config = BagTrainConfig(
        sources=tuple(parse_source(source) for source in learning.sources),
        training=read_config(learning.training),
        relabel=learning.relabel,
        relabelled=(learning.relabelled,) if learning.relabelled else (),
    )
    agent = agent_config(config)
    if isinstance(agent, HiroConfig):
        require_elements(task, agent)
    parameters: dict[str, Value] = {
        "bags": ",".join(learning.sources),
        "task": learning.task,
        "out": str(learning.training_folder),
        "training": learning.training,
        "seed": learning.seed,
        "relabel": learning.relabel,
        "relabelled": learning.relabelled,
        "checkpoint_updates": learning.policy_updates or 1,
        "git_commit": learning.git_commit,
        "first_version": first_version,
    }
    return learning.node(TRAINER, {**parameters, **learning.knobs}, required=required)


def learner_nodes(learning: Learning, policy: Path) -> list[NodeDescription]:
    """Describe the trainer and, if subgoals are relabelled by a node, the relabeler, which begins with ``policy``.

    Raises:
        HrlError: the policy cannot be loaded, or the switches do not fit its task.
    """
    start = load_checkpoint(policy)
    trainer = trainer_node(learning, start.task, first_version=start.version)
    if learning.relabel != FROM_RELABELLED:
        return [trainer]
    bags = ",".join(str(parse_source(source).path) for source in learning.sources)
    relabeler: dict[str, Value] = {"bags": bags, "out": learning.relabelled, "policy": str(policy)}
    return [learning.node(RELABELER, relabeler), trainer]


def dashboard_node(learning: Learning, robots: Sequence[str]) -> NodeDescription:
    """Describe the node that tells how it goes; ``robots`` are full namespaces, without leading slash."""
    return learning.node(DASHBOARD, {"robots": ",".join(robots)})
