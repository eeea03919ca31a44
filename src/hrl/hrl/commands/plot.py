"""``hrl plot``: success curves of training runs as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import tyro
from rich.console import Console

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from hrl.results.curves import LIVE, Run, curve, goals, has_success, labels, read_run, same_but_for_the_seed
from hrl_core.errors import HrlError
from hrl_core.training.progress import OWN_GOALS
from hrl_core.wording import counted

PANEL_INCHES = (4.2, 3.4)
MEASURES = {
    "success_rate": "success at the last step",
    "ever_within": "ever within the success radius",
    "final_distance": "mean final distance [unit of the goal]",
    "return": "mean return",
}
_LETTERS_PER_INCH = 10
"""Of the legend."""
OVER = {
    "env_steps": ("env_steps", "environment steps [thousands]"),
    "updates": ("worker/updates", "worker updates [thousands]"),
}
"""Counter in the metrics, and the label of the axis."""
TITLES = {OWN_GOALS: "own goals", LIVE: "newest 20 live episodes, exploring"}


@dataclass(frozen=True)
class Plot:
    """Draw the evaluations of training runs over environment steps or updates, one panel per evaluation goal.

    Runs of one configuration are one curve: mean over seeds, shaded from the worst to the best seed.
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of training runs."""
    out: Path = Path("curves.png")
    """Picture to write; its ending chooses the format (png, pdf, svg)."""
    measure: str = "success_rate"
    """success_rate, ever_within, final_distance or return."""
    over: str = "env_steps"
    """env_steps, or updates (of the worker): runs on recordings have all their environment steps from the start."""
    title: str = ""
    """Title of the picture."""
    width: Annotated[float, tyro.conf.arg(metavar="INCHES")] = 0.0
    """Width of the picture [inch]; 0: by the number of panels."""


def plot(words: list[str]) -> int:
    """Run ``hrl plot`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Plot, prog="hrl plot", args=words)
    if not arguments.runs:
        raise HrlError("hrl plot: name at least one run folder")
    if arguments.measure not in MEASURES:
        raise HrlError(f"--measure '{arguments.measure}' is none of {', '.join(MEASURES)}")
    if arguments.over not in OVER:
        raise HrlError(f"--over '{arguments.over}' is none of {', '.join(OVER)}")
    groups = same_but_for_the_seed([read_run(folder) for folder in arguments.runs])
    draw(groups, arguments)
    Console().print(
        f"curves of {counted(len(arguments.runs), 'run')} written to {arguments.out}", highlight=False, soft_wrap=True
    )
    return 0


def draw(groups: Sequence[Sequence[Run]], arguments: Plot) -> None:
    """Draw every group into a panel per goal and write the picture.

    Raises:
        HrlError: nothing to draw, or the picture cannot be written.
    """
    runs = [run for group in groups for run in group]
    panels = goals(runs)
    if not panels:
        raise HrlError("hrl plot: the metrics of these runs hold no evaluation")
    width = arguments.width or PANEL_INCHES[0] * len(panels)
    figure, axes = plt.subplots(1, len(panels), figsize=(width, PANEL_INCHES[1]), squeeze=False)
    for axis, goal in zip(axes[0], panels, strict=True):
        measure = arguments.measure if has_success(runs, goal) else "return"
        _draw_panel(axis, groups, goal, measure, arguments.over)
    handles, names = axes[0][0].get_legend_handles_labels()
    columns = 2 if len(names) > 1 and max(map(len, names)) < _LETTERS_PER_INCH * width / 2 else 1
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    if arguments.title:
        figure.suptitle(arguments.title)
    figure.set_layout_engine("constrained")
    try:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(arguments.out, dpi=150)
    except (OSError, ValueError) as error:
        raise HrlError(f"cannot write {arguments.out}: {error}") from None
    finally:
        plt.close(figure)


def _draw_panel(axis: Axes, groups: Sequence[Sequence[Run]], goal: str, measure: str, over: str) -> None:
    counter, axis_label = OVER[over]
    for i, (group, label) in enumerate(zip(groups, labels(groups), strict=True)):
        found = curve(group, goal, measure, counter)
        seeds = "1 seed" if len(group) == 1 else f"{len(group)} seeds: mean, worst to best"
        colour = f"C{i % 10}"
        steps, mean = ([], []) if found is None else (found.steps / 1e3, found.mean)
        axis.plot(steps, mean, color=colour, marker="o", markersize=2.5, label=f"{label} ({seeds})")
        if found is not None and len(group) > 1:
            axis.fill_between(
                found.steps / 1e3, found.values.min(axis=0), found.values.max(axis=0), color=colour, alpha=0.2, lw=0
            )
    axis.set_title(TITLES.get(goal, f"goal ({goal.replace('_', ', ')})"))
    axis.set_xlabel(axis_label)
    axis.set_ylabel(MEASURES[measure])
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    if measure in ("success_rate", "ever_within"):
        axis.set_ylim(-0.03, 1.03)
