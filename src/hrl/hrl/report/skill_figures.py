"""The pictures of a report on skills; colours as the viewer has them."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hrl.report.document import embedded
from hrl.report.episode_names import Names, episode_title
from hrl.report.skills import ByGoal, SkillUse, in_control
from hrl_core.bags.episodes import BagEpisode, Float64, Int64
from hrl_core.hierarchy.tree import Tree
from hrl_core.task.spec import TaskSpec
from hrl_viz import palette
from hrl_viz.tree_panel import node_color

_BINS = 40


def color(skill: int) -> str:
    """Of a skill, by its number."""
    return palette.hexadecimal(palette.of_skill(skill))


def lengths(use: SkillUse) -> str:
    """How long segments lasted, a row for each skill that was chosen, as an image for a page."""
    each = {skill: use.lengths(skill) for skill in range(len(use.names))}
    chosen = [skill for skill, own in each.items() if len(own)]
    figure, axes = plt.subplots(len(chosen), 1, figsize=(8.0, 0.7 + 0.75 * len(chosen)), sharex=True, squeeze=False)
    longest = max(int(own.max(initial=1)) for own in each.values())
    # Every bin holds the same number of whole lengths, so that none looks fuller than it is.
    width = -(-longest // _BINS)
    bins = np.arange(0.5, longest + width + 0.5, width)
    for ax, skill in zip(axes[:, 0], chosen, strict=True):
        ax.hist(each[skill], bins=bins.tolist(), color=color(skill))
        ax.set_ylabel(use.names[skill], rotation=0, ha="right", va="center", labelpad=12)
        ax.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        ax.grid(alpha=0.3, axis="y")
    axes[-1, 0].set_xlabel("length of a segment [steps]")
    figure.suptitle("segments", fontsize=11)
    figure.tight_layout()
    return embedded(figure)


def by_goal(found: ByGoal, names: Sequence[str]) -> str:
    """Skills against task goals: how much of the time, and what episodes returned."""
    goals = [f"({', '.join(f'{part:g}' for part in goal)})" for goal in found.goals]
    height = 1.6 + 0.45 * len(names)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, height))
    _matrix(left, found.shares, names, goals, [[f"{x:.0%}" for x in row] for row in found.shares])
    left.set_title("share of time", fontsize=11)
    words = [
        [f"{value:.1f}\n({n})" if n else "" for value, n in zip(*row, strict=True)]
        for row in zip(found.returns, found.episodes, strict=True)
    ]
    _matrix(right, found.returns, names, goals, words)
    right.set_title("mean return where used most (episodes)", fontsize=11)
    figure.tight_layout()
    return embedded(figure)


def _matrix(
    ax: Axes, values: Float64, names: Sequence[str], goals: Sequence[str], words: Sequence[Sequence[str]]
) -> None:
    """Rows are skills, columns goals; the darker, the more."""
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    # Kept pale, so that black words can be read everywhere.
    ax.imshow(values, cmap="Blues", vmin=low, vmax=high + 0.8 * max(high - low, 1e-9), aspect="auto")
    for row, said in enumerate(words):
        for column, one in enumerate(said):
            ax.text(column, row, one, ha="center", va="center", fontsize=9)
    ax.set_xticks(range(len(goals)), goals, fontsize=9)
    ax.set_yticks(range(len(names)), names, fontsize=9)
    for label, skill in zip(ax.get_yticklabels(), range(len(names)), strict=True):
        label.set_color(color(skill))
        label.set_fontweight("bold")
    ax.set_xlabel("task goal")


def strips(spec: TaskSpec, tree: Tree, episodes: Sequence[BagEpisode], titles: Names) -> str:
    """Who was in control of each episode: a row for each node, coloured while it was on the path."""
    names = [node.name for node in tree.nodes]
    size = 9.5, len(episodes) * (0.9 + 0.24 * len(names))
    figure, axes = plt.subplots(len(episodes), 1, figsize=size, squeeze=False)
    for ax, episode in zip(axes[:, 0], episodes, strict=True):
        for row, active in enumerate(in_control(tree, episode).values()):
            ax.broken_barh(
                [(spec.control_period * first, spec.control_period * steps) for first, steps in _stretches(active)],
                (row - 0.4, 0.8),
                facecolors=palette.hexadecimal(node_color(tree, names[row])),
            )
        ax.set_yticks(range(len(names)), names, fontsize=9)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.set_xlim(0, spec.control_period * episode.steps)
        ax.set_title(episode_title(spec, episode, titles), fontsize=11)
        ax.grid(alpha=0.3, axis="x")
    axes[-1, 0].set_xlabel("time in the episode [s]")
    figure.tight_layout()
    return embedded(figure)


def _stretches(active: np.ndarray) -> list[tuple[int, int]]:
    """First step and number of steps of each time that something was active, (T,)."""
    edges: Int64 = np.flatnonzero(np.diff(active.astype(np.int64), prepend=0, append=0))
    return [(int(first), int(stop - first)) for first, stop in edges.reshape(-1, 2)]
