"""The pictures of a report."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from hrl_core.messages import SubgoalKind

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from hrl.report.document import embedded
from hrl.report.findings import Relabelling
from hrl.report.skill_figures import color, episode_title
from hrl.report.skills import SkillUse, skill_segments
from hrl_core.bags.episodes import BagEpisode
from hrl_core.task.spec import TaskSpec
from hrl_viz import palette
from hrl_viz.places import TaskPlaces
from hrl_viz.scene_model import STATIC, SceneModel
from hrl_viz.shapes import FLOOR, ShapeKind

SHOWN = 6
"""Episodes drawn; the table lists them all."""
GOAL, SUBGOAL, TRAIL, MOVED = map(
    palette.hexadecimal, (palette.GOAL, palette.SUBGOAL, palette.TRAIL, palette.RELABELLED)
)


def paths(
    spec: TaskSpec, subgoal: tuple[str, ...], episodes: Sequence[BagEpisode], skills: SkillUse | None = None
) -> str:
    """Top-down ways over the scene, as an image for a page.

    Args:
        spec: the task.
        subgoal: elements of the subgoals that are drawn; none: they are no places.
        episodes: whose ways.
        skills: whose colours the ways have; None: one for all.

    Returns:
        The image; empty where neither robot nor goal nor subgoals have a place.
    """
    model, places = SceneModel(spec), TaskPlaces(spec, subgoal)
    if not places.any:
        return ""
    columns = min(3, len(episodes))
    rows = -(-len(episodes) // columns)
    # Where walls do not say how far the scene reaches, the episodes do, all to the same scale.
    sizes = {"figsize": (4.3 * columns, 4.4 * rows), "sharex": not model.bounded, "sharey": not model.bounded}
    figure, axes = plt.subplots(rows, columns, squeeze=False, **sizes)
    for ax in axes.flat[len(episodes) :]:
        ax.axis("off")
    for ax, episode in zip(axes.flat, episodes, strict=False):
        _scene(ax, model)
        _way(ax, places, spec, episode, skills)
        ax.set_title(episode_title(spec, episode), fontsize=11)
    handles = _explained(places, skills)
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False)
    figure.tight_layout(rect=(0, 0.35 / figure.get_size_inches()[1], 1, 0.99), pad=1.5)
    return embedded(figure)


def _explained(places: TaskPlaces, skills: SkillUse | None) -> list[Line2D]:
    """The legend: what is drawn, and nothing else."""
    named = {} if skills is None else {name: color(skill) for skill, name in enumerate(skills.names)}
    ways = [plt.Line2D([], [], color=shade, label=name) for name, shade in (named or {"path": TRAIL}).items()]
    marks = [
        (places.robot, "start", "black", "s"),
        (places.subgoal, "subgoal target", SUBGOAL, "o"),
        (places.goal, "goal and success radius", GOAL, "*"),
    ]
    drawn = [(name, shade, mark) for place, name, shade, mark in marks if place.exists]
    return ways + [plt.Line2D([], [], color=c, marker=m, ls="", ms=12 if m == "*" else 6, label=n) for n, c, m in drawn]


def series(spec: TaskSpec, episodes: Sequence[BagEpisode]) -> str:
    """Distance and reward over time, and intrinsic reward where a worker has any."""
    tables = [episode.segments.get(0) for episode in episodes]
    intrinsic = any(table is not None and np.nan_to_num(table.intrinsic_sums).any() for table in tables)
    rows = 3 if intrinsic else 2
    figure, axes = plt.subplots(rows, 1, figsize=(9.5, 2.3 * rows), sharex=True)
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.85, len(episodes)))
    for episode, shade in zip(episodes, shades, strict=True):
        seconds = spec.control_period * np.arange(episode.steps + 1)
        label = f"episode {episode.key.episode}"
        left = np.linalg.norm(episode.achieved_goals - episode.desired_goals, axis=1)
        axes[0].plot(seconds, left, color=shade, label=label)
        axes[1].plot(seconds[1:], episode.rewards, color=shade, lw=1)
        segments = episode.segments.get(0)
        if intrinsic and segments is not None:
            mean = segments.intrinsic_sums / np.maximum(segments.steps_used, 1)
            axes[2].step(spec.control_period * segments.steps, mean, where="pre", color=shade)
    if spec.success.radius > 0:
        axes[0].axhline(spec.success.ball(len(spec.goal)), color=GOAL, ls="--", lw=1, label="success radius")
    unit = spec.goal[0].unit if spec.goal else "1"
    axes[0].set_ylabel(f"distance to goal [{unit}]")
    axes[1].set_ylabel("reward per step")
    if intrinsic:
        axes[2].set_ylabel("intrinsic reward\nper step, by subgoal")
    axes[-1].set_xlabel("time in the episode [s]")
    axes[0].legend(frameon=False, ncols=min(4, len(episodes) + 1), fontsize=9)
    for ax in axes:
        ax.grid(alpha=0.3)
    figure.tight_layout()
    return embedded(figure)


def latency(edges_ms: Sequence[float], counts: Sequence[int], marks: dict[str, float]) -> str:
    """Histogram of the time from an observation to its action."""
    figure, ax = plt.subplots(figsize=(8.0, 3.0))
    edges, numbers = np.asarray(edges_ms), np.asarray(counts)
    ax.bar(edges[:-1], numbers, width=np.diff(edges), align="edge", color=SUBGOAL)
    for name, value in marks.items():
        ax.axvline(value, color="black", lw=1, ls=":")
        label = ax.annotate(f" {name} {value:.2f} ms", (value, numbers.max() or 1), fontsize=9, va="top")
        label.set_bbox({"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1})
    taken = np.flatnonzero(numbers)
    ax.set_xscale("log")
    ax.set_xlim(edges[max(0, taken[0] - 2)], edges[min(len(edges) - 1, taken[-1] + 3)])
    ax.set_xlabel("observation to action [ms]")
    ax.set_ylabel("actions")
    ax.grid(alpha=0.3)
    figure.tight_layout()
    return embedded(figure)


def relabelling(found: Relabelling, unit: str) -> str:
    """Which candidate wins how often, and how far goals move."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    names = ["recorded", "displacement", *(f"draw {k}" for k in range(1, len(found.wins) - 1))]
    colors = [SUBGOAL, TRAIL, *[MOVED] * (len(found.wins) - 2)]
    left.bar(range(len(found.wins)), found.wins / max(1, found.wins.sum()), color=colors)
    left.set_xticks(range(len(found.wins)), names, rotation=45, ha="right", fontsize=9)
    left.set_ylabel("share of subgoals")
    left.set_title("winning candidate", fontsize=11)
    right.hist(found.moved, bins=30, color=MOVED)
    right.set_xlabel(f"distance from recorded to chosen subgoal [{unit}]")
    right.set_ylabel("subgoals")
    right.set_title("how far subgoals move", fontsize=11)
    for ax in (left, right):
        ax.grid(alpha=0.3, axis="y")
    figure.tight_layout()
    return embedded(figure)


def _scene(ax: Axes, model: SceneModel) -> None:
    for shape in model.static_shapes():
        if shape.kind == ShapeKind.CUBE and shape.group == STATIC and shape.number != FLOOR:
            (x, y, _), (width, depth, _) = shape.position, shape.scale
            ax.add_patch(Rectangle((x - width / 2, y - depth / 2), width, depth, fc=palette.WALL[:3], ec="none"))
    if model.bounded:
        low, high = model.inner_extent
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    ax.set_xlabel("x [m]")
    ax.set_ylabel("y [m]")


def _way(ax: Axes, places: TaskPlaces, spec: TaskSpec, episode: BagEpisode, skills: SkillUse | None) -> None:
    if places.robot.exists:
        way = np.array([places.robot.of(state, 0.0)[:2] for state in episode.states])
        parts = [] if skills is None else skill_segments(episode, skills.level).stretches
        for start, stop, skill in parts:
            ax.plot(*way[start : stop + 1].T, color=color(skill), lw=2.4, zorder=3)
        if not parts:
            ax.plot(*way.T, color=TRAIL, lw=1.8, zorder=3)
        ax.plot(*way[0], "s", color="black", ms=5, zorder=5)
    table = episode.subgoals.get(0)
    if table is not None and places.subgoal.exists:
        relative = table.kinds[:, None] == SubgoalKind.RELATIVE
        targets = np.where(relative, table.anchors + table.values, table.values)
        ends = np.array([places.subgoal.of(target, 0.0)[:2] for target in targets])
        starts = np.array([places.subgoal.of(anchor, 0.0)[:2] for anchor in table.anchors])
        for start, end in zip(starts, ends, strict=True):
            ax.plot(*np.stack((start, end)).T, color=SUBGOAL, lw=0.8, alpha=0.6, zorder=2)
        ax.plot(*ends.T, "o", color=SUBGOAL, ms=3.5, zorder=4)
    if places.goal.exists:
        for goal in np.unique(episode.desired_goals, axis=0):
            x, y, _ = places.goal.of(goal, 0.0)
            ax.plot(x, y, "*", color=GOAL, ms=14, zorder=5)
            if spec.success.radius > 0:
                ax.add_patch(Circle((x, y), spec.success.ball(len(spec.goal)), fc=GOAL, alpha=0.15, ec=GOAL))
