"""Curves of training runs as a picture: one panel per evaluation goal, one curve per configuration."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hrl.results.curves import UPDATES, Array, Group, curve, goals, has_success
from hrl.results.over_seeds import BOOTSTRAP_SEED, MEASURES, goal_title
from hrl_core.errors import HrlError
from hrl_core.statistics import STATISTICS, bootstrap_interval

PANEL_INCHES = (4.2, 3.4)
_LETTERS_PER_INCH = 10
"""Of the legend."""
OVER = {
    "env_steps": ("env_steps", "environment steps [thousands]"),
    "updates": (UPDATES, "updates [thousands]"),
}
"""Counter in the metrics, and the label of the axis."""
RANGE = "range"
"""Mean, shaded from the worst to the best seed."""
AUTO = "auto"
"""Interquartile mean where every group has enough seeds for it, else the mean."""
ENOUGH = 4
"""Seeds from which on the interquartile mean leaves any out."""
_NAMES = {"mean": "mean", "median": "median", "iqm": "IQM"}
_COLOURS, _STYLES = 10, ("-", "--", ":", "-.")
_FEW = 3
"""Curves whose shades still show through each other."""


def choose_statistic(statistic: str, groups: Sequence[Group]) -> str:
    """What ``AUTO`` stands for; one statistic for all, or the curves would not be comparable."""
    if statistic != AUTO:
        return statistic
    return "iqm" if all(len(group.runs) >= ENOUGH for group in groups) else "mean"


def curve_figure(
    groups: Sequence[Group],
    measure: str = "success_rate",
    over: str = "env_steps",
    statistic: str = RANGE,
    title: str = "",
    width: float = 0.0,
) -> Figure:
    """Draw every group into a panel per goal.

    Args:
        groups: of runs, at least one each.
        measure: one of ``MEASURES``; where nothing can succeed the return is drawn.
        over: one of ``OVER``.
        statistic: one of ``STATISTICS``, shaded with its 95 % bootstrap interval, or ``RANGE``.
        title: of the picture.
        width: of it [inch]; 0: by the number of panels.

    Raises:
        HrlError: there is nothing to draw.
    """
    runs = [run for group in groups for run in group.runs]
    panels = goals(runs)
    if not panels:
        raise HrlError("hrl plot: the metrics of these runs hold no evaluation")
    width = width or PANEL_INCHES[0] * len(panels)
    figure, axes = plt.subplots(1, len(panels), figsize=(width, PANEL_INCHES[1]), squeeze=False)
    for axis, goal in zip(axes[0], panels, strict=True):
        _draw_panel(axis, groups, goal, measure if has_success(runs, goal) else "return", over, statistic)
    handles, names = axes[0][0].get_legend_handles_labels()
    columns = 2 if len(names) > 1 and max(map(len, names)) < _LETTERS_PER_INCH * width / 2 else 1
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    if title:
        figure.suptitle(title)
    figure.set_layout_engine("constrained")
    return figure


def _draw_panel(axis: Axes, groups: Sequence[Group], goal: str, measure: str, over: str, statistic: str) -> None:
    counter, axis_label = OVER[over]
    for i, group in enumerate(groups):
        found = curve(group.runs, goal, measure, counter)
        colour, style = f"C{i % _COLOURS}", _STYLES[i // _COLOURS % len(_STYLES)]
        steps, line = ([], []) if found is None else (found.steps / 1e3, _line(found.values, statistic))
        label = f"{group.label} ({_told(len(group.runs), statistic)})"
        axis.plot(steps, line, color=colour, ls=style, marker="o", markersize=2.5, label=label)
        if found is not None and len(group.runs) > 1:
            ends = _ends(found.values, statistic)
            axis.fill_between(found.steps / 1e3, *ends, color=colour, alpha=0.2 if len(groups) <= _FEW else 0.12, lw=0)
    axis.set_title(goal_title(goal, measure))
    axis.set_xlabel(axis_label)
    axis.set_ylabel(MEASURES[measure])
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    if measure in ("success_rate", "ever_within"):
        axis.set_ylim(-0.03, 1.03)


def _told(seeds: int, statistic: str) -> str:
    if seeds == 1:
        return "1 seed"
    return f"{seeds} seeds: {'mean, worst to best' if statistic == RANGE else f'{_NAMES[statistic]}, 95 % interval'}"


def _line(values: Array, statistic: str) -> Array:
    return STATISTICS["mean" if statistic == RANGE else statistic](values)


def _ends(values: Array, statistic: str) -> tuple[Array, Array]:
    """Lower and upper end of what is shaded, shape (steps,), of values (seeds, steps)."""
    if statistic == RANGE:
        return values.min(axis=0), values.max(axis=0)
    return bootstrap_interval([values], STATISTICS[statistic], np.random.default_rng(BOOTSTRAP_SEED))
