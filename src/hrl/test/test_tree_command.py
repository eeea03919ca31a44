"""Trees from the command line: trained, one node alone, exchanged, shown, refused in a sentence."""

import shutil
from pathlib import Path

import pytest

from hrl import cli
from hrl_core.algorithms.tree.lessons import LESSONS
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.checkpoints.tree_files import NODES

SHORT = ["--evaluation_episodes", "2", "--num_envs", "16"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """A tree of which one node is trained, and another whose Avoid is."""
    folder = tmp_path_factory.mktemp("runs")
    one, other = folder / "one", folder / "other"
    common = ["train", "--algorithm", "tree", "--task", "lane_drive", "--steps", "2000", *SHORT]
    assert cli.main([*common, "--leaf_rollout", "900", "--out", str(one)]) == 0
    more = ["--node", "Avoid", "--tree", str(one), "--composite_rollout", "50", "--seed", "4"]
    assert cli.main([*common, *more, "--out", str(other)]) == 0
    return {"one": one, "other": other}


def test_a_single_node_is_trained_over_those_of_a_tree_that_is_there(runs):
    one, other = (load_checkpoint(folder / "last") for folder in (runs["one"], runs["other"]))
    assert one.hierarchy == other.hierarchy
    changed = [name for name in LESSONS if any((one.level(name)[k] != w).any() for k, w in other.level(name).items())]
    assert changed == ["Avoid"]
    origins = other.provenance[NODES]
    assert origins["StayInLane"] == one.provenance[NODES]["StayInLane"]
    assert origins["StayInLane"]["version"] == 2
    assert origins["Avoid"]["seed"] == 4
    assert other.version > one.version
    assert 0 < origins["Avoid"]["env_steps"] <= 2000


def test_a_node_is_exchanged_and_the_tree_shows_where_its_nodes_are_from(runs, capsys):
    before = read_manifest(runs["one"] / "best")
    assert cli.main(["policy", "swap", str(runs["one"]), "Avoid", str(runs["other"])]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "(0 steps, seed 0) ->" in said
    assert "seed 4)" in said
    after = read_manifest(runs["one"] / "best")
    assert [name for name in after.nodes if after.nodes[name] != before.nodes[name]] == ["Avoid"]
    assert cli.main(["policy", "show", str(runs["one"])]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Nav: Avoid, Cross, Recover" in shown
    assert "node StayInLane" in shown


def test_an_exchange_says_what_it_removes_or_that_it_changes_nothing(runs, tmp_path, capsys):
    tree = tmp_path / "tree"
    shutil.copytree(runs["one"] / "last", tree)
    (tree / "README.md").write_text("figures")
    metrics = read_manifest(tree).metrics
    figures = sum(name.startswith(("held_out/", "evaluation/")) for name in metrics)
    assert cli.main(["policy", "swap", str(tree), "Nav", str(runs["one"] / "last")]) == 0
    assert "is there already; nothing has changed" in capsys.readouterr().out
    assert (tree / "README.md").exists()
    node, source = "Avoid", runs["other"] / "last"
    assert cli.main(["policy", "swap", str(tree), node, str(source)]) == 0
    assert f"removed, for they told of the tree before: README.md and {figures} figure" in capsys.readouterr().out
    assert len(read_manifest(tree).metrics) == len(metrics) - figures > 0


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("lane_drive_shipped", "cp -r {}/lane_drive_shipped my_lane_drive_shipped"),
        ("auto", "there is no folder auto"),
        ("nowhere", "there is no folder nowhere"),
    ],
)
def test_a_shipped_tree_is_not_rewritten(runs, tmp_path, monkeypatch, capsys, tree, words):
    root = tmp_path / "prefix" / "share" / "hrl" / "policies"
    shutil.copytree(runs["one"] / "last", root / "lane_drive_shipped")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert cli.main(["policy", "swap", tree, "Avoid", str(runs["other"])]) == 2
    assert words.format(root) in capsys.readouterr().err
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("node", "source", "words"),
    [
        ("Avoyd", "other", "'Avoyd' is no node; did you mean Avoid"),
        ("Avoid", "nowhere", "is neither a folder nor a shipped policy"),
        ("Avoid", "one/best/nodes", "policy.json is missing"),
    ],
)
def test_an_exchange_that_cannot_be_is_refused_in_a_sentence(runs, capsys, node, source, words):
    assert cli.main(["policy", "swap", str(runs["one"]), node, str(runs["one"].parent / source)]) != 0
    said = capsys.readouterr().err
    assert words in " ".join(said.split())
    assert "Traceback" not in said


def test_a_policy_that_is_no_tree_has_no_nodes_to_exchange(tmp_path, capsys):
    assert cli.main(["policy", "init", "--task", "PointMaze", "--out", str(tmp_path / "plain")]) == 0
    assert cli.main(["policy", "swap", str(tmp_path / "plain"), "Avoid", str(tmp_path / "plain")]) != 0
    assert "is no tree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--task", "grid_world"], "algorithm 'tree' has lessons for the nodes of task lane_drive"),
        (["--task", "lane_drive", "--node", "Avoyd"], "'Avoyd' is no node; did you mean Avoid"),
        (["--task", "lane_drive", "--randomise", "noise=0.1"], "environments of its own: leave randomise out"),
        (["--task", "lane_drive", "--tree", "/nowhere"], "tree.yaml is missing"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(tmp_path, capsys, words, told):
    assert cli.main(["train", "--algorithm", "tree", *words, "--out", str(tmp_path / "run")]) != 0
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
