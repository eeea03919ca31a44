"""The tree in the viewer: exactly the nodes of the newest path are lit."""

import re

from hrl_core.hierarchy.spec import hierarchy_of_tree
from hrl_core.hierarchy.tree import NodeSpec, Tree
from hrl_core.messages import SubgoalKind
from hrl_core.task.text import load_task
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel
from hrl_viz.tree_panel import TreePanel, tree_html

TREE = Tree(
    (
        NodeSpec("top", ("careful", "near")),
        NodeSpec("careful", ("near", "far")),
        NodeSpec("near"),
        NodeSpec("far"),
    )
)


def places(html):
    """Depth, name and whether it is lit, line by line."""
    found = re.findall(r'padding-left: ([0-9.]+)em; ([^"]+)">([^<]+)<', html)
    return [(round(float(depth) / 1.2), name, "bold" in style) for depth, style, name in found]


def test_nodes_are_lit_along_the_path_and_nowhere_else():
    dark = [(0, "top"), (1, "careful"), (2, "near"), (2, "far"), (1, "near")]
    assert places(tree_html(TREE, [])) == [(*place, False) for place in dark]
    for path, lit in ((["top", "near"], {0, 4}), (["top", "careful", "near"], {0, 1, 2})):
        assert places(tree_html(TREE, path)) == [(*place, k in lit) for k, place in enumerate(dark)]


def test_the_newest_path_counts_in_whatever_order_its_subgoals_come(choose):
    leaf = choose(kind=SubgoalKind.SKILL, seq=1, skill_id=1)
    above = choose(kind=SubgoalKind.SKILL, seq=1, level=1, skill_id=0)
    old = choose(kind=SubgoalKind.SKILL, seq=0, skill_id=0)
    for order in ((leaf, above, old), (old, above, leaf)):
        panel = TreePanel(TREE)
        for subgoal in order:
            panel.on_subgoal(subgoal)
        assert panel.path == ["top", "careful", "far"]
        # A shorter path leaves nothing of the one before.
        panel.on_subgoal(old._replace(seq=2))
        assert panel.path == ["top", "near"]
    panel.on_subgoal(old._replace(episode=1))
    panel.on_subgoal(leaf)
    assert panel.path == ["top", "near"]


def test_a_recording_that_goes_back_is_followed(choose):
    panel = TreePanel(TREE)
    panel.on_observation(3, 40)
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, episode=3, seq=5, skill_id=0))
    assert panel.path == ["top", "near"]
    for episode, step in ((0, 0), (0, 0)):
        panel.on_observation(episode, step)
        assert panel.path == []
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, episode=0, seq=0, skill_id=1))
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, episode=0, seq=0, level=1, skill_id=0))
    panel.on_observation(0, 1)
    assert panel.path == ["top", "careful", "far"]


def test_a_path_is_shown_once_it_is_known_down_to_its_leaf(choose):
    panel = TreePanel(TREE)
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, seq=0, skill_id=0))
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, seq=1, level=1, skill_id=0))
    assert panel.path == ["top", "near"], "of the next one only the upper part has come"
    panel.on_subgoal(choose(kind=SubgoalKind.SKILL, seq=1, skill_id=1))
    assert panel.path == ["top", "careful", "far"]


def test_words_above_the_robot_name_the_path_and_nothing_that_was_in_control_before(choose):
    task = load_task("lane_drive")
    hierarchy = hierarchy_of_tree(TREE)
    scene = Scene(task, SceneModel(task), hierarchy)
    for subgoal in (
        choose(kind=SubgoalKind.SKILL, seq=0, skill_id=1),
        choose(kind=SubgoalKind.SKILL, seq=0, level=1, skill_id=0),
    ):
        scene.on_subgoal(subgoal)
    assert scene.skills == ["top", "careful", "far"]
    scene.on_subgoal(choose(kind=SubgoalKind.SKILL, seq=1, skill_id=0))
    assert scene.skills == ["top", "near"]
