"""The nodes that learn from recordings, trainer and relabeler, and the dashboard that tells how it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrl.arguments import Value
from hrl.graph import DASHBOARD, RELABELER, TRAINER, NodeDescription
from hrl_core.training.bag_segments import parse_source
from hrl_core.training.config import read_config

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
    namespace: str = ""
    autostart: bool = True
    respawn: bool = False
    git_commit: str = ""
    knobs: Mapping[str, Value] = field(default_factory=dict)
    """Further parameters of the trainer."""

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


def trainer_node(learning: Learning, *, required: bool = False) -> NodeDescription:
    """Describe the trainer.

    Raises:
        HrlError: a source or the training switches cannot be read.
    """
    read_config(learning.training)
    for source in learning.sources:
        parse_source(source)
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
    }
    return learning.node(TRAINER, {**parameters, **learning.knobs}, required=required)


def learner_nodes(learning: Learning, policy: Path) -> list[NodeDescription]:
    """Describe the trainer and, if subgoals are relabelled by a node, the relabeler, which begins with ``policy``."""
    trainer = trainer_node(learning)
    if learning.relabel != FROM_RELABELLED:
        return [trainer]
    bags = ",".join(str(parse_source(source).path) for source in learning.sources)
    relabeler: dict[str, Value] = {"bags": bags, "out": learning.relabelled, "policy": str(policy)}
    return [learning.node(RELABELER, relabeler), trainer]


def dashboard_node(learning: Learning, robots: Sequence[str]) -> NodeDescription:
    """Describe the node that tells how it goes; ``robots`` are full namespaces, without leading slash."""
    return learning.node(DASHBOARD, {"robots": ",".join(robots)})
