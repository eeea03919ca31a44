"""What ``policy.json`` says of a policy: format 2, and format 1, in which the hierarchy was the task's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hrl_core.documents import MOST_JSON, MOST_YAML, read_json, read_limited
from hrl_core.errors import CheckpointError, FileError
from hrl_core.hierarchy.policies import require_worker
from hrl_core.hierarchy.spec import EMBEDDING, FLAT, TERMINATION, HierarchySpec, earlier_hierarchy, hierarchy_of_tree
from hrl_core.hierarchy.tree import Tree, parse_tree
from hrl_core.networks.actor_config import DIRECTION, OF_SUBGOALS, ActorConfig
from hrl_core.task.spec import TaskSpec
from hrl_core.typed_fields import FieldError, Must, one_of, read_fields

MANIFEST = "policy.json"
TREE = "tree.yaml"
"""Of a tree: its nodes."""
FORMAT = 2
FORMATS = (1, FORMAT)
_VALUE = "_value"
GREEDY, SAMPLED = "greedy", "sampled"
RANDOMISED = "randomised"
"""What the provenance of a policy calls the randomisation of the episodes that it was trained in."""
Number = Annotated[int, Must(lambda n: 0 <= n < 2**64, "a whole number from 0 to 2^64 - 1")]
_Format = Annotated[
    int, Must(lambda n: n in FORMATS, f"one of {', '.join(map(str, FORMATS))}, which this version reads")
]


def randomised_by(words: str) -> dict[str, str]:
    """Provenance of a policy whose episodes differed so; nothing where ``words`` are empty."""
    return {RANDOMISED: words} if words else {}


@dataclass(frozen=True)
class Manifest:
    """What ``policy.json`` says."""

    algorithm: str
    trained: bool
    version: Number
    env_steps: Number
    seed: Number
    git_commit: str
    task: str
    task_hash: str
    weights_sha256: str
    metrics: Mapping[str, float]
    actors: Mapping[str, ActorConfig]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    hierarchy: HierarchySpec | None = None
    """What its levels above the worker choose; format 1 leaves that to the task."""
    format: _Format = FORMAT
    evaluation: Annotated[str, one_of((GREEDY, SAMPLED))] = GREEDY
    """Outside training: ``greedy``, or ``sampled`` where choices are meant to be drawn."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Of a tree: node -> folder of its weights; ``tree.yaml`` says what it chooses."""

    def __post_init__(self) -> None:
        """Refuse a policy of this format that does not say what it chooses."""
        if not self.nodes and not self.actors:
            raise FieldError(("actors",), "must be a table with a level", self.actors)
        if self.format == FORMAT and self.hierarchy is None and not self.nodes:
            raise FieldError(("hierarchy",), f"must be there in format {FORMAT}")

    def hierarchy_for(self, task: TaskSpec, path: Path, follow_links: bool = True) -> HierarchySpec:
        """The policy's hierarchy; raises ``CheckpointError``, naming ``path``, unless it fits task and actors."""
        hierarchy = self.hierarchy
        if self.nodes:
            hierarchy = hierarchy_of_tree(read_tree(path.parent, follow_links))
        if hierarchy is None:
            hierarchy = earlier_hierarchy(task) if "manager" in self.actors else FLAT
        try:
            hierarchy.require_task(task)
        except FieldError as error:
            raise CheckpointError(f"{path}: hierarchy.{error}") from None
        if self.nodes:
            return hierarchy
        acting = [name for name in self.actors if acts(name) or name not in map(value_name, hierarchy.parties)]
        if sorted(acting) != sorted(hierarchy.networks):
            wanted, got = ", ".join(hierarchy.networks), ", ".join(self.actors)
            raise CheckpointError(f"{path}: actors: its hierarchy needs {wanted}; got {got[:60]}")
        try:
            self._require_sizes(task, hierarchy)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        return hierarchy

    def _require_sizes(self, task: TaskSpec, hierarchy: HierarchySpec) -> None:
        """Raise ``CheckpointError`` unless every network sees and says what its place in the hierarchy asks for."""
        for level, party in enumerate(hierarchy.parties, -1):
            inputs = len(task.observation) + hierarchy.pursued(level, task)
            if value_name(party) in self.actors:
                self.actors[value_name(party)].check(inputs, 1, value_name(party), "values")
            if level == 0 and hierarchy.embedded:
                self.actors[EMBEDDING].check(len(task.observation), hierarchy.levels[0].size, EMBEDDING)
            if level < 0:
                require_worker(self.actors[party], inputs, task)
                self._require_skills(self.actors[party], hierarchy)
                if hierarchy.worker_may_terminate:
                    self.actors[TERMINATION].check(inputs, 1, TERMINATION)
            else:
                own, actor = hierarchy.levels[level], self.actors[party]
                heads = ("categorical",) if own.kind == "skill" else OF_SUBGOALS
                remembers = own.kind == "direction" and actor.memory is not None
                actor.check(inputs, own.shown, party, *((DIRECTION,) if remembers else heads))

    @staticmethod
    def _require_skills(worker: ActorConfig, hierarchy: HierarchySpec) -> None:
        """Raise ``CheckpointError`` where a worker has networks for other skills than it is asked for."""
        asked = len(hierarchy.levels[0].skills) if hierarchy.levels else 0
        if worker.skills and (worker.skills != asked or hierarchy.worker_may_terminate):
            raise CheckpointError(
                f"worker actor has networks for {worker.skills} skills, its hierarchy has {asked}, none of which the "
                "worker may end"
            )


def value_name(party: str) -> str:
    """Name of the network that says what states are worth to a party: kept for who trains on, not acted by."""
    return f"{party}{_VALUE}"


def acts(network: str) -> bool:
    """Whether a network of that name is acted by."""
    return not network.endswith(_VALUE)


def read_manifest(folder: Path, follow_links: bool = True) -> Manifest:
    """Read what a checkpoint says of itself, without its weights; raises ``CheckpointError``."""
    require_file(folder, MANIFEST)
    path = folder / MANIFEST
    try:
        document = read_json(read_limited(path, MOST_JSON, follow_links), str(path))
        found = document.data.get("format") if isinstance(document.data, dict) else None
        if isinstance(found, int) and found not in FORMATS:
            raise CheckpointError(f"{path}: format {found}, this version reads {', '.join(map(str, FORMATS))}")
        return read_fields(Manifest, document, others=True)
    except FileError as error:
        raise CheckpointError(f"policy is damaged: {error}") from None


def read_tree(folder: Path, follow_links: bool = True) -> Tree:
    """Read the nodes of a tree, without their weights; raises ``CheckpointError``."""
    require_file(folder, TREE)
    path = folder / TREE
    try:
        return parse_tree(read_limited(path, MOST_YAML, follow_links).decode(), str(path))
    except (FileError, UnicodeDecodeError) as error:
        raise CheckpointError(f"tree is damaged: {error}") from None


def require_file(folder: Path, name: str) -> None:
    """Raise ``CheckpointError`` unless a checkpoint has the file."""
    if not (folder / name).is_file():
        raise CheckpointError(f"{folder} is not a policy checkpoint: {name} is missing")
