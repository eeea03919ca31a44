"""A tree on disk: every node alone, exchanged alone, and refused by its name where it does not fit."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import yaml

from hrl_core.algorithms.frozen_skills import load_skills
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy
from hrl_core.checkpoints.checkpoint import load_checkpoint, load_hierarchy, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.checkpoints.tree_files import swap_node
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.spec import hierarchy_of_tree
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.hierarchy.tree import NodeSpec, Tree
from hrl_core.hierarchy.tree_policies import masked
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.text import load_task
from hrl_core.typed_fields import FieldError

TASK = load_task("lane_drive")
HIERARCHY = hierarchy(TASK, TreeConfig())
assert HIERARCHY.tree is not None
TREE: Tree = HIERARCHY.tree


@pytest.fixture
def trees(tmp_path):
    """Two trees of other weights."""
    folders = tmp_path / "one", tmp_path / "other"
    for seed, folder in enumerate(folders):
        save_checkpoint(random_checkpoint(TASK, seed, hierarchy=HIERARCHY), folder)
    return folders


def hashes(folder):
    """Of every file but the manifest of the tree, by the node that it belongs to."""
    places = {name: folder / place for name, place in read_manifest(folder).nodes.items()}
    files = {(name, path.name): path for name, place in places.items() for path in place.iterdir()}
    files |= {("", name): folder / name for name in ("tree.yaml", "task.yaml")}
    return {key: hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}


@pytest.mark.parametrize("name", ["../../pwned", "turn/left", "back\\slash", ".hidden", "..", " "])
def test_no_node_has_a_name_that_leads_out_of_its_folder(name):
    """Files are named after nodes, and trees come from anywhere."""
    with pytest.raises(FieldError, match="name: must be text that can name a file"):
        NodeSpec(name)


def test_a_tree_that_is_saved_and_loaded_is_the_same(trees):
    one = random_checkpoint(TASK, 0, hierarchy=HIERARCHY)
    loaded = load_checkpoint(trees[0])
    assert loaded.hierarchy == load_hierarchy(trees[0]) == HIERARCHY
    assert loaded.actors == one.actors
    assert {name: w.tobytes() for name, w in loaded.weights.items()} == {n: w.tobytes() for n, w in one.weights.items()}
    assert {path.name for path in trees[0].iterdir()} == {"policy.json", "task.yaml", "tree.yaml", "nodes"}


def test_the_leaves_of_a_tree_are_no_skills_for_others(trees):
    with pytest.raises(HrlError, match="has no network for each of its skills"):
        load_skills(str(trees[0]), TASK, 3)


@pytest.mark.parametrize("name", ["tree.yaml", "task.yaml", "policy.json", "nodes/StayInLane.*/policy.json"])
def test_a_tree_that_was_announced_opens_nothing_outside_its_folder(trees, tmp_path, name):
    (inside,), outside = trees[0].glob(name), tmp_path / "private"
    inside.rename(outside)
    inside.symlink_to(outside)
    load_checkpoint(trees[0])
    with pytest.raises(HrlError, match=f"{inside.name} is a link"):
        load_checkpoint(trees[0], follow_links=False)


def test_a_leaf_under_several_parents_is_one_set_of_weights(trees):
    parents = [node.name for node in TREE.nodes if "StayInLane" in node.children]
    assert parents == ["Avoid", "Cross"]
    assert len(list((trees[0] / "nodes").glob("StayInLane*"))) == 1


@pytest.mark.parametrize("name", HIERARCHY.networks)
def test_exchanging_a_node_changes_the_files_of_no_other(trees, name):
    one, other = trees
    before, of_other = hashes(one), hashes(other)
    version = read_manifest(one).version
    swap_node(one, name, other)
    after = hashes(one)
    assert {key for key in before if before[key] != after.get(key)} == {
        (name, "weights.safetensors"),
        (name, "policy.json"),
    }
    assert after[name, "weights.safetensors"] == of_other[name, "weights.safetensors"]
    assert read_manifest(one).version == version + 1
    mixed, theirs = load_checkpoint(one), load_checkpoint(other)
    assert mixed.weights_sha256 == read_manifest(one).weights_sha256
    own = load_checkpoint(one).level(name)
    assert all(np.array_equal(own[key], array) for key, array in theirs.level(name).items())
    # The old one back: the tree that it was.
    save_checkpoint(random_checkpoint(TASK, 0, hierarchy=HIERARCHY), other)
    swap_node(one, name, other)
    assert hashes(one) == before
    assert sorted(p.name for p in (one / "nodes").iterdir()) == sorted(p.name for p in (other / "nodes").iterdir())


def test_an_exchanged_tree_tells_no_figures_of_the_one_before(trees):
    one, other = trees
    measured = {"held_out/own_goals/success_rate": 0.9, "evaluation/own_goals/return": 1.0, "worker/updates": 3.0}
    save_checkpoint(dataclasses.replace(load_checkpoint(one), metrics=measured), one)
    (one / "README.md").write_text("0.9 of 200 held-out episodes")
    swap_node(one, "Cross", other)
    assert load_checkpoint(one).metrics == {"worker/updates": 3.0}
    assert not (one / "README.md").exists()


def test_a_node_is_also_exchanged_from_its_folder_alone(trees):
    one, other = trees
    old, new = swap_node(one, "Cross", other / read_manifest(other).nodes["Cross"])
    assert (old.seed, new.weights_sha256) != (new.seed, old.weights_sha256)
    assert load_checkpoint(one).weights_sha256 == read_manifest(one).weights_sha256


@pytest.mark.parametrize("name", ["Nav", "Cross"])
def test_exchanging_a_node_for_its_like_changes_nothing(trees, name):
    one, other = trees
    save_checkpoint(random_checkpoint(TASK, 0, "of_another_commit", HIERARCHY), other)
    save_checkpoint(dataclasses.replace(load_checkpoint(one), metrics={"held_out/own_goals/return": 0.9}), one)
    (one / "README.md").write_text("0.9")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in one.rglob("*") if path.is_file()}
    for source in (other, one, one / read_manifest(one).nodes[name]):
        old, new = swap_node(one, name, source)
        assert old == new
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in one.rglob("*") if p.is_file()} == before


def refused(trees, name, words):
    before = {path: path.read_bytes() for path in trees[0].rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match=words):
        swap_node(trees[0], name, trees[1])
    assert {path: path.read_bytes() for path in trees[0].rglob("*") if path.is_file()} == before


def changed(folder, name, **values):
    path = folder / read_manifest(folder).nodes[name] / "policy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_what_does_not_fit_is_refused_by_the_name_of_its_node_and_nothing_changes(trees):
    other = trees[1]
    refused(trees, "Stay", "'Stay' is no node")
    said = json.loads((other / read_manifest(other).nodes["Avoid"] / "policy.json").read_text())
    changed(other, "Avoid", observation=[*said["observation"][:-1], "wing"])
    refused(trees, "Avoid", r"Avoid: observation: the tree has 20 \(turn_right\), the node 20 \(wing\)")
    changed(other, "Cross", chooses=["TurnLeft", "StayInLane"])
    refused(trees, "Cross", r"Cross: children: the tree has 3 \(TurnRight\), the node 2")
    actor = json.loads((other / read_manifest(other).nodes["TurnLeft"] / "policy.json").read_text())["actor"]
    changed(other, "TurnLeft", actor={**actor, "masked": [0]})
    refused(
        trees,
        "TurnLeft",
        "TurnLeft: its network is blind to 1 elements of the observation, by the tree it is to be to 7",
    )
    weights = other / read_manifest(other).nodes["Nav"] / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    refused(trees, "Nav", "weights.safetensors is damaged: SHA-256")
    weights.unlink()
    refused(trees, "Nav", r"nodes/Nav.*weights.safetensors is missing")


def with_nodes(folder, change):
    path = folder / "tree.yaml"
    nodes = yaml.safe_load(path.read_text())["nodes"]
    change({node["name"]: node for node in nodes}, nodes)
    path.write_text(yaml.safe_dump({"nodes": nodes}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda by, nodes: by["Avoid"].update(children=["StayInLane", "Fly"]), "'Fly' of 'Avoid' is no node"),
        (lambda by, nodes: by["ChangeLane"].update(children=["ChangeLeft", "Avoid"]), "comes round to itself"),
        (lambda by, nodes: nodes.append({"name": "Park"}), "'Park' is no child of any node"),
        (lambda by, nodes: by["Recover"].update(sees=["wing"]), "'Recover': wing is no element of the observation"),
        (lambda by, nodes: by["Recover"].update(sees=["d", "v"]), "Recover: its network is blind to 9"),
        (lambda by, nodes: by["Nav"].update(children=["Cross", "Recover", "Avoid"]), "Nav: children"),
        (lambda by, nodes: by["Avoid"].update(children=["StayInLane"]), "'ChangeLane' is no child of any node"),
        (lambda by, nodes: by["Nav"].update(commit=7), "is for leaves, and 'Nav' has children"),
        (lambda by, nodes: by["Avoid"].update(start=[{"d": [0.0, 1.0]}]), "of 'Nav' need one that may start anywhere"),
        (lambda by, nodes: by["Cross"].update(start=[{"d": [1.0, 0.0]}]), "the lower limit must be below"),
    ],
)
def test_what_is_no_tree_is_refused_by_the_name_of_its_node(trees, change, words):
    with_nodes(trees[0], change)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(trees[0])


def test_a_missing_node_is_named(trees):
    manifest = json.loads((trees[0] / "policy.json").read_text())
    del manifest["nodes"]["TurnRight"]
    (trees[0] / "policy.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="nodes: lacks TurnRight"):
        load_checkpoint(trees[0])


@pytest.mark.parametrize("place", ["../other/nodes/Nav", "/etc", "nodes/..", "nodes"])
def test_a_manifest_points_to_its_own_nodes_alone(trees, place):
    manifest = json.loads((trees[0] / "policy.json").read_text())
    manifest["nodes"]["Nav"] = place
    (trees[0] / "policy.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="is no folder of nodes/"):
        load_checkpoint(trees[0])


def test_a_policy_of_another_tree_is_another_hierarchy():
    nodes = TREE.nodes
    quicker = tuple(dataclasses.replace(node, commit=3) if node.name == "TurnLeft" else node for node in nodes)
    other = random_checkpoint(TASK, 0, hierarchy=hierarchy_of_tree(Tree(quicker)))
    with pytest.raises(CheckpointError, match="another hierarchy: tree"):
        other.require_hierarchy(HIERARCHY)


def test_a_root_without_children_and_a_composite_with_two_parents_are_no_trees():
    with pytest.raises(FieldError, match="the first node, 'a', is the root"):
        Tree((NodeSpec("a"),))
    nodes = (NodeSpec("a", ("b", "c")), NodeSpec("b", ("c", "d")), NodeSpec("c", ("d",)), NodeSpec("d"))
    with pytest.raises(FieldError, match="'c' is a child of a and b; only leaves"):
        Tree(nodes)


def test_a_leaf_acts_by_what_its_node_sees_and_by_nothing_else():
    node = TREE["ChangeLeft"]
    hidden = list(masked(node, TASK))
    assert {TASK.observation[i].name for i in hidden} | set(node.sees) == {e.name for e in TASK.observation}
    worker, rng = random_checkpoint(TASK, 0, hierarchy=HIERARCHY).worker(), np.random.default_rng(0)
    leaf = Assignment(skill=TREE.leaves.index(node.name))
    actions = []
    for _ in range(40):
        state = rng.normal(size=len(TASK.observation))
        other = state.copy()
        other[hidden] = rng.normal(size=len(hidden))
        one, same = (
            worker.act(s, leaf, Draws(0, Purpose.ACTION, 0, 0, 0, explore=False)).value for s in (state, other)
        )
        np.testing.assert_array_equal(one, same)
        actions.append(one[0])
    assert len(set(actions)) > 1
