"""The pictures of a report."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np

from hrl_core.messages import SubgoalKind

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from hrl.report.document import embedded
from hrl.report.episode_names import Names, episode_title, in_words
from hrl.report.findings import Relabelling
from hrl.report.skill_figures import color
from hrl.report.skills import SkillUse, skill_segments
from hrl.report.way_to_goal import success_line, way_name, way_to_goal
from hrl_core.bags.episodes import BagEpisode, Float64, Int64
from hrl_core.task.spec import TaskSpec
from hrl_viz import palette
from hrl_viz.places import TaskPlaces
from hrl_viz.scene_model import STATIC, SceneModel
from hrl_viz.shapes import FLOOR, ShapeKind

SHOWN = 6
"""Episodes drawn; the table lists them all."""
_SHORT = 12
"""Letters of an episode's name, four of which fit side by side."""
GOAL, SUBGOAL, TRAIL, MOVED = map(
    palette.hexadecimal, (palette.GOAL, palette.SUBGOAL, palette.TRAIL, palette.RELABELLED)
)


def paths(
    spec: TaskSpec,
    subgoals: Mapping[int, Sequence[str]],
    episodes: Sequence[BagEpisode],
    names: Names,
    skills: SkillUse | None = None,
) -> str:
    """Top-down ways over the scene, as an image for a page.

    Args:
        spec: the task.
        subgoals: by run, elements of the subgoals that are drawn; none: they are no places.
        episodes: whose ways.
        names: of the episodes.
        skills: whose colours the ways of its episodes have; None: one for all.

    Returns:
        The image; empty where neither robot nor goal nor subgoals have a place.
    """
    model = SceneModel(spec)
    places = [TaskPlaces(spec, subgoals.get(episode.key.run, ())) for episode in episodes]
    if not any(each.any for each in places):
        return ""
    used = [skills if skills and episode in skills.episodes else None for episode in episodes]
    columns = min(3, len(episodes))
    rows = -(-len(episodes) // columns)
    # Where walls do not say how far the scene reaches, the episodes do, all to the same scale.
    sizes = {"figsize": (4.3 * columns, 4.4 * rows), "sharex": not model.bounded, "sharey": not model.bounded}
    figure, axes = plt.subplots(rows, columns, squeeze=False, **sizes)
    for ax in axes.flat[len(episodes) :]:
        ax.axis("off")
    for ax, episode, own, use in zip(axes.flat, episodes, places, used, strict=False):
        _scene(ax, model)
        _way(ax, own, spec, episode, use)
        ax.set_title(episode_title(spec, episode, names), fontsize=11)
    handles = _explained(places, used)
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False)
    figure.tight_layout(rect=(0, 0.35 / figure.get_size_inches()[1], 1, 0.99), pad=1.5)
    return embedded(figure)


def _explained(places: Sequence[TaskPlaces], used: Sequence[SkillUse | None]) -> list[Line2D]:
    """The legend: what is drawn, and nothing else."""
    ways = {name: color(skill) for use in used if use for skill, name in enumerate(use.names)}
    ways |= {"path": TRAIL} if None in used else {}
    marks = [
        ([each.robot for each in places], "start", "black", "s"),
        ([each.subgoal for each in places], "subgoal target", SUBGOAL, "o"),
        ([each.goal for each in places], "goal and success radius", GOAL, "*"),
    ]
    drawn = [mark for found, *mark in marks if any(place.exists for place in found)]
    lines = [plt.Line2D([], [], color=shade, label=name) for name, shade in ways.items()]
    return lines + [
        plt.Line2D([], [], color=c, marker=m, ls="", ms=12 if m == "*" else 6, label=n) for n, c, m in drawn
    ]


def series(spec: TaskSpec, episodes: Sequence[BagEpisode], names: Names) -> str:
    """Reward over time, before it the way to the goal where there is one, after it a worker's intrinsic reward."""
    tables = [episode.segments.get(0) for episode in episodes]
    panels: dict[str, Callable[[TaskSpec, BagEpisode], tuple[Int64, Float64]]] = {}
    if spec.goal:
        panels[way_name(spec)] = _way_left
    panels["reward per step"] = _rewards
    if any(table is not None and np.nan_to_num(table.intrinsic_sums).any() for table in tables):
        panels["intrinsic reward\nper step, by subgoal"] = _intrinsic
    figure, axes = plt.subplots(len(panels), 1, figsize=(9.5, 2.3 * len(panels)), sharex=True, squeeze=False)
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.85, len(episodes)))
    for ax, (label, values_of) in zip(axes[:, 0], panels.items(), strict=True):
        for episode, shade in zip(episodes, shades, strict=True):
            steps, values = values_of(spec, episode)
            style = "steps-pre" if values_of is _intrinsic else "default"
            name = in_words(episode, names)
            ax.plot(spec.control_period * steps, values, color=shade, lw=1.2, drawstyle=style, label=name)
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
    top = axes[0, 0]
    line = success_line(spec) if spec.goal else None
    if line is not None:
        name = "all in place" if spec.success.groups else "success radius"
        top.axhline(line, color=GOAL, ls="--", lw=1, label=name)
    axes[-1, 0].set_xlabel("time in the episode [s]")
    longest = max(len(names[episode.key]) for episode in episodes)
    top.legend(frameon=False, ncols=4 if longest <= _SHORT else 2, fontsize=9)
    figure.tight_layout()
    return embedded(figure)


def _way_left(spec: TaskSpec, episode: BagEpisode) -> tuple[Int64, Float64]:
    return np.arange(episode.steps + 1), way_to_goal(spec, episode)


def _rewards(_: TaskSpec, episode: BagEpisode) -> tuple[Int64, Float64]:
    return np.arange(1, episode.steps + 1), episode.rewards


def _intrinsic(_: TaskSpec, episode: BagEpisode) -> tuple[Int64, Float64]:
    """Mean of each subgoal, at its end; that of the first at its start as well, or nothing would be seen of it."""
    table = episode.segments.get(0)
    if table is None:
        return np.zeros(0, np.int64), np.zeros(0)
    mean = table.intrinsic_sums / np.maximum(table.steps_used, 1)
    start = table.steps[:1] - table.steps_used[:1]
    return np.append(start, table.steps), np.append(mean[:1], mean)


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


def relabelling(found: Relabelling) -> str:
    """Which candidate wins how often, and how far goals move."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    names = ["recorded", "displacement", *(f"draw {k}" for k in range(1, len(found.wins) - 1))]
    colors = [SUBGOAL, TRAIL, *[MOVED] * (len(found.wins) - 2)]
    left.bar(range(len(found.wins)), found.wins / max(1, found.wins.sum()), color=colors)
    left.set_xticks(range(len(found.wins)), names, rotation=45, ha="right", fontsize=9)
    left.set_ylabel("share of subgoals")
    left.set_title("winning candidate", fontsize=11)
    right.hist(found.moved, bins=30, color=MOVED)
    right.set_xlabel(f"distance from recorded to chosen subgoal [{found.unit}]")
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
