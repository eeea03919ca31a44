"""A report on skills: every step belongs to the skill that had control of it, by whatever name and colour."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from hrl.cli import main
from hrl.report.findings import gather
from hrl.report.skill_sections import MOST_GOALS
from hrl.report.skills import NOT_RECORDED, SkillUse, in_control, skill_segments
from hrl_core.bags.episodes import SegmentTable, SubgoalTable
from hrl_core.bags.reader import read_bags
from hrl_core.hierarchy.tree import Tree
from hrl_core.messages import SegmentEnd, SubgoalKind
from hrl_viz import palette
from hrl_viz.tree_panel import node_color, tree_html

OPTIONS, WALKS, TREE = "option_critic_four_rooms_point", "mlsh_ant_two_walks", "tree_lane_drive"
EAST, NORTH = (1.0, 0.0, 1.0), (0.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def options(record, tmp_path_factory):
    return record(tmp_path_factory.mktemp("options") / "bag", OPTIONS, episodes=8)


@pytest.fixture(scope="module")
def roads(record, tmp_path_factory):
    return record(tmp_path_factory.mktemp("roads") / "bag", TREE, episodes=2)


def tree_of(bag) -> Tree:
    hierarchy = gather(bag, "").hierarchy
    assert hierarchy is not None
    assert hierarchy.tree is not None
    return hierarchy.tree


def told(episode, chosen, ended):
    """The episode with other segments: (step, kind, skill) of each subgoal, (seq, step, end) of each result."""
    table, results = episode.subgoals[0], episode.segments[0]
    rows, ends = np.zeros(len(chosen), np.int64), np.zeros(len(ended), np.int64)
    steps, kinds, skills = map(np.array, zip(*chosen, strict=True))
    subgoals = SubgoalTable._make(column[rows] for column in table)
    subgoals = subgoals._replace(seqs=np.arange(len(chosen)), steps=steps, kinds=kinds, skill_ids=skills)
    seqs, stops, reasons = map(np.array, zip(*ended, strict=True))
    segments = SegmentTable._make(column[ends] for column in results)
    segments = segments._replace(seqs=seqs, steps=stops, end_reasons=reasons)
    return dataclasses.replace(episode, subgoals={0: subgoals}, segments={0: segments})


def test_a_skill_has_control_up_to_its_result_or_to_the_next_one(options):
    skill, goes_on = SubgoalKind.SKILL, SubgoalKind.CONTINUE
    episode = read_bags([options]).episodes[0]
    assert episode.steps == 6
    chosen = [(0, skill, 2), (1, skill, 0), (2, goes_on, -1), (4, skill, 2)]
    mended = told(episode, chosen, [(0, 1, SegmentEnd.WORKER_TERMINATED), (3, 5, SegmentEnd.HORIZON)])
    found = skill_segments(mended, 0)
    assert found.stretches == [(0, 1, 2), (1, 4, 0), (4, 5, 2)]
    assert found.ends == ("worker terminated", NOT_RECORDED, "horizon")
    assert skill_segments(mended, 1).stretches == []
    use = SkillUse(0, "options", tuple("abcd"), [mended])
    assert use.steps.tolist() == [[3, 0, 2, 0]]
    assert use.lengths(2).tolist() == [1, 1]
    assert use.ends(2) == {"worker terminated": 1, "horizon": 1}


def test_every_step_belongs_to_exactly_one_skill(options, roads):
    for bag in (options, roads):
        found = gather(bag, "")
        (use,) = found.skills
        assert use.steps.sum(axis=1).tolist() == [episode.steps for episode in found.episodes]
        assert (use.steps > 0).any(axis=0).sum() > 1, "one skill alone proves nothing"


def test_a_path_of_the_tree_leads_from_the_root_to_one_leaf_at_every_step(roads):
    found, tree = gather(roads, ""), tree_of(roads)
    for episode in found.episodes:
        active = in_control(tree, episode)
        assert active[tree.root].all()
        assert (np.sum([active[leaf] for leaf in tree.leaves], axis=0) == 1).all()
        for node in tree.nodes[1:]:
            above = [active[parent.name] for parent in tree.nodes if node.name in parent.children]
            assert (active[node.name] <= np.logical_or.reduce(above)).all()


def test_skills_are_held_against_task_goals(record, tmp_path):
    for run, goal in ((1, EAST), (2, NORTH)):
        record(tmp_path / str(run), WALKS, goal=goal, run=run, seed=run)
    (use,) = gather(tmp_path, "").skills
    found = use.by_goal()
    assert found.goals.tolist() == [list(NORTH), list(EAST)]
    assert found.shares.sum(axis=0) == pytest.approx([1, 1])
    assert found.episodes.sum(axis=0).tolist() == [1, 1]
    returns = [episode.rewards.sum() for episode in use.episodes]
    assert np.nansum(found.returns, axis=0) == pytest.approx(returns[::-1])
    one = dataclasses.replace(use, episodes=use.episodes[:1])
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0
    assert "skills against task goals" in (tmp_path / "page.html").read_text()
    assert len(one.by_goal().goals) == 1 <= MOST_GOALS


def test_the_page_shows_each_skill_in_the_viewers_colour(options, roads, tmp_path):
    for bag, wanted in ((options, "skills over the scene"), (roads, "nodes of the tree in control")):
        page = tmp_path / "page.html"
        assert main(["report", str(bag), "--out", str(page), "--policy", ""]) == 0
        text = page.read_text()
        assert wanted in text
        (use,) = gather(bag, "").skills
        for number, name in enumerate(use.names):
            shade = palette.hexadecimal(palette.of_skill(number))
            assert re.search(rf'color:{shade}">&#9632;</span> {name}</td>', text)
    # The road has no places; the page says nothing of paths rather than showing empty ones.
    assert "from above" not in text
    tree = tree_of(roads)
    lit = tree_html(tree, [tree.root, "Recover"])
    assert f'{palette.hexadecimal(node_color(tree, "Recover"))}; font-weight: bold">Recover' in lit
    assert node_color(tree, "Recover") == palette.of_skill(tree.leaves.index("Recover"))


def test_files_of_another_run_tell_nothing_of_a_bag(roads, tmp_path, monkeypatch):
    bag = shutil.copytree(roads, tmp_path / "out" / "bag")
    run = gather(bag, "").episodes[0].key.run
    (bag.parent / "summary.json").write_text(json.dumps({"env_steps_per_s": 321.0}))
    for owner, told in ((run, 321.0), (2**64 - 1, None)):
        (bag.parent / "simulator.json").write_text(json.dumps({"run": owner}))
        assert gather(bag, "").summary.env_steps_per_s == told
        monkeypatch.chdir(bag)
        assert gather(Path(), "").summary.env_steps_per_s == told
        assert gather(bag.parent, "").summary.env_steps_per_s == told
