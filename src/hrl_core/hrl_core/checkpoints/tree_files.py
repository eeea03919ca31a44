"""The files of a tree: ``tree.yaml``, and a folder of its own for each node, which can be exchanged alone.

``policy.json`` of the tree says in which folder each node lies; it is renamed into place when all that it speaks of is
there, so that whoever reads a tree sees it before an exchange or after it.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hrl_core.checkpoints.manifest import MANIFEST, TREE, Manifest, Number, read_manifest, read_tree, require_file
from hrl_core.checkpoints.weights import WEIGHTS, read_weights, save_weights
from hrl_core.documents import MOST_JSON, read_json, read_limited
from hrl_core.errors import CheckpointError, FileError, did_you_mean
from hrl_core.hierarchy.tree import NodeSpec, Tree
from hrl_core.hierarchy.tree_policies import require_node
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.prefixed import below, prefixed
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task, read_task_file
from hrl_core.typed_fields import FileName, Name, read_fields
from hrl_core.whole_folders import partial_folder, put_in_place, write_whole

NODES = "nodes"
"""Folder of the nodes, and what a tree's provenance calls their origins."""
ORIGIN = ("version", "env_steps", "seed", "git_commit")
"""What is told of a node's training."""
_TASK = "task.yaml"


@dataclass(frozen=True)
class NodeManifest:
    """What ``policy.json`` of a node says."""

    node: FileName
    """Its name in the tree that it was trained for."""
    observation: tuple[Name, ...]
    """Elements of the observation that it was trained on, in order."""
    chooses: tuple[Name, ...]
    """Its children, or the actions, in the order of its outputs."""
    actor: ActorConfig
    weights_sha256: str
    version: Number = 0
    env_steps: Number = 0
    """Environment steps of its own training; those of its children not counted."""
    seed: Number = 0
    git_commit: str = ""


class NodeFiles(NamedTuple):
    """A node as it lies on disk."""

    said: NodeManifest
    weights: Mapping[str, Float32]


class TreeFiles(NamedTuple):
    """All nodes of a tree."""

    actors: dict[str, ActorConfig]
    weights: dict[str, Float32]
    """``<node>.<parameter>`` -> array."""
    origins: dict[str, dict[str, Any]]
    """Node -> what is told of its training."""
    sha256: str


def outputs(node: NodeSpec, task: TaskSpec) -> tuple[str, ...]:
    """What the outputs of a node's network stand for."""
    return node.children or task.choices or tuple(actuator.name for actuator in task.action)


def tree_sha256(hashes: Mapping[str, str]) -> str:
    """Hash of a whole tree from those of its nodes' weights."""
    return hashlib.sha256("".join(f"{name} {sha}\n" for name, sha in sorted(hashes.items())).encode()).hexdigest()


def write_nodes(
    folder: Path,
    task: TaskSpec,
    tree: Tree,
    actors: Mapping[str, ActorConfig],
    weights: Mapping[str, Float32],
    origins: Mapping[str, Mapping[str, Any]],
    git_commit: str,
) -> tuple[dict[str, str], str]:
    """Write ``tree.yaml`` and every node; returns where each lies, and the hash of all.

    Nodes that tell no commit are told to be of ``git_commit``.
    """
    plain = json.loads(json.dumps([_without_defaults(node) for node in tree.nodes]))
    (folder / TREE).write_text(yaml.safe_dump({"nodes": plain}, sort_keys=False, default_flow_style=None, width=110))
    places, hashes = {}, {}
    observation = tuple(element.name for element in task.observation)
    for node in tree.nodes:
        own = below(f"{node.name}.", weights)
        origin = {**origins.get(node.name, {})}
        origin["git_commit"] = origin.get("git_commit") or git_commit
        said = NodeManifest(node.name, observation, outputs(node, task), actors[node.name], "", **origin)
        places[node.name], hashes[node.name] = _write_node(folder, NodeFiles(said, own))
    return places, tree_sha256(hashes)


def read_nodes(folder: Path, manifest: Manifest, task: TaskSpec, tree: Tree, follow_links: bool) -> TreeFiles:
    """Read and check every node.

    Raises:
        CheckpointError: one is missing, damaged, or does not fit its place, which is named.
    """
    missing = [node.name for node in tree.nodes if node.name not in manifest.nodes]
    if missing or len(manifest.nodes) != len(tree.nodes):
        strange = ", ".join(sorted(set(manifest.nodes) - {node.name for node in tree.nodes}))
        what = f"lacks {', '.join(missing)}" if missing else f"has {strange}, which {TREE} does not"
        raise CheckpointError(f"{folder / MANIFEST}: nodes: {what}")
    actors: dict[str, ActorConfig] = {}
    weights: dict[str, Float32] = {}
    origins: dict[str, dict[str, Any]] = {}
    hashes: dict[str, str] = {}
    for node in tree.nodes:
        said, own = read_node(_within(folder, manifest.nodes[node.name]), follow_links)
        require_place(node, said, task)
        actors[node.name], hashes[node.name] = said.actor, said.weights_sha256
        weights |= prefixed(f"{node.name}.", own)
        origins[node.name] = {name: getattr(said, name) for name in ORIGIN}
    if tree_sha256(hashes) != manifest.weights_sha256:
        raise CheckpointError(f"{folder / MANIFEST}: weights_sha256 is not that of the nodes it speaks of")
    return TreeFiles(actors, weights, origins, manifest.weights_sha256)


def read_node(folder: Path, follow_links: bool = True) -> NodeFiles:
    """Read a node; raises ``CheckpointError`` where it is missing or damaged."""
    for name in (MANIFEST, WEIGHTS):
        require_file(folder, name)
    path = folder / MANIFEST
    try:
        said = read_fields(NodeManifest, read_json(read_limited(path, MOST_JSON, follow_links), str(path)))
    except FileError as error:
        raise CheckpointError(f"node is damaged: {error}") from None
    own = read_weights(folder / WEIGHTS, {said.node: said.actor}, said.weights_sha256, follow_links)
    return NodeFiles(said, below(f"{said.node}.", own))


def require_place(node: NodeSpec, said: NodeManifest, task: TaskSpec) -> None:
    """Raise ``CheckpointError``, naming the node, unless what lies there can take a node's place."""
    observation = tuple(element.name for element in task.observation)
    for what, ours, theirs in (
        ("observation", observation, said.observation),
        ("children" if node.children else "actions", outputs(node, task), said.chooses),
    ):
        if ours != theirs:
            raise CheckpointError(
                f"{node.name}: {what}: the tree has {len(ours)} ({_some(ours, theirs)}), the node {len(theirs)} "
                f"({_some(theirs, ours)}); it was trained for another place"
            )
    require_node(node, said.actor, task)


_MEASURED = ("held_out/", "evaluation/")
_FIGURES = "README.md"
"""What an exported policy says of itself, figures included."""


def swap_node(folder: Path, name: str, source: Path) -> tuple[NodeManifest, NodeManifest]:
    """Put a node in the place of the one of that name; every other node's files stay as they are.

    What was measured of the tree as it was is told no more. Where the node that comes acts as the one that is there,
    nothing changes.

    Args:
        folder: of the tree.
        name: of the node.
        source: folder of a node, or of a tree that has one of that name.

    Returns:
        What was there, and what is there now; equal where nothing has changed.

    Raises:
        CheckpointError: there is no such node, or what lies in ``source`` does not fit its place; nothing has changed.
    """
    manifest = read_manifest(folder)
    if not manifest.nodes:
        raise CheckpointError(f"{folder} is no tree: its policy has no nodes to exchange")
    tree, task = read_tree(folder), parse_task(read_task_file(folder / _TASK), str(folder / _TASK))
    before = read_nodes(folder, manifest, task, tree, follow_links=True)
    if name not in manifest.nodes:
        raise CheckpointError(f"'{name}' is no node{did_you_mean(name, manifest.nodes)}: {', '.join(manifest.nodes)}")
    new = read_node(_node_folder(source, name))
    require_place(tree[name], new.said, task)
    there = read_node(_within(folder, manifest.nodes[name]))
    if _acts_alike(there, new):
        return there.said, there.said
    said = dataclasses.replace(new.said, node=name)
    place, sha256 = _write_node(folder, NodeFiles(said, new.weights))
    hashes = {n: read_node(_within(folder, at)).said.weights_sha256 for n, at in manifest.nodes.items()}
    told = json.loads((folder / MANIFEST).read_text())
    told["nodes"] = {**told["nodes"], name: place}
    told["weights_sha256"] = tree_sha256({**hashes, name: sha256})
    # Who is told of a new policy by its number takes only a higher one.
    told["version"] = manifest.version + 1
    # Figures are of the nodes that they were measured with.
    told["metrics"] = {name: value for name, value in told["metrics"].items() if not name.startswith(_MEASURED)}
    (folder / _FIGURES).unlink(missing_ok=True)
    told["provenance"] = {**told["provenance"], NODES: {**before.origins, name: _origin(said)}}
    write_whole(folder / MANIFEST, json.dumps(told, indent=2) + "\n")
    if manifest.nodes[name] != place:
        shutil.rmtree(_within(folder, manifest.nodes[name]), ignore_errors=True)
    return there.said, said


def _acts_alike(one: NodeFiles, other: NodeFiles) -> bool:
    """Whether two nodes have the same network and weights, wherever those were trained."""
    bits = [{name: (array.shape, array.tobytes()) for name, array in node.weights.items()} for node in (one, other)]
    return one.said.actor == other.said.actor and bits[0] == bits[1]


def _write_node(folder: Path, files: NodeFiles) -> tuple[str, str]:
    """Write a node beside those that are there, under a name that its weights decide; returns where, and their hash."""
    name = files.said.node
    (folder / NODES).mkdir(exist_ok=True)
    part = partial_folder(folder / NODES / name)
    try:
        save_weights(prefixed(f"{name}.", files.weights), part / WEIGHTS)
        sha256 = hashlib.sha256((part / WEIGHTS).read_bytes()).hexdigest()
        said = dataclasses.asdict(dataclasses.replace(files.said, weights_sha256=sha256))
        (part / MANIFEST).write_text(json.dumps(said, indent=2) + "\n")
        place = f"{NODES}/{name}.{sha256[:8]}"
        put_in_place(part, folder / place)
        return place, sha256
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _node_folder(source: Path, name: str) -> Path:
    """Folder of the node that is meant: ``source`` itself, or the one of that name of the tree there."""
    if (source / TREE).is_file():
        nodes = read_manifest(source).nodes
        if name not in nodes:
            raise CheckpointError(f"{source}: '{name}' is no node of that tree: {', '.join(nodes)}")
        return _within(source, nodes[name])
    return source


def _within(folder: Path, place: str) -> Path:
    """Where a node lies; a manifest points nowhere else."""
    parts = Path(place).parts
    if len(parts) != 2 or parts[0] != NODES or parts[1] in (".", ".."):
        raise CheckpointError(f"{folder / MANIFEST}: nodes: '{place[:60]}' is no folder of {NODES}/")
    return folder / place


def _origin(said: NodeManifest) -> dict[str, Any]:
    return {name: getattr(said, name) for name in ORIGIN}


def _some(ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    """The first that differ."""
    differing = [one for k, one in enumerate(ours) if k >= len(theirs) or theirs[k] != one]
    return ", ".join(differing[:4]) or "the same so far"


def _without_defaults(node: NodeSpec) -> dict[str, Any]:
    rows = dataclasses.fields(NodeSpec)
    return {r.name: getattr(node, r.name) for r in rows if getattr(node, r.name) != r.default}
