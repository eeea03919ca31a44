"""Figures and table of ``hrl compare hierarchy``, of the runs that there are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as Picture

from hrl.comparison.hierarchy_rows import EPISODE_STEPS, FIGURES, FROM_DEMONSTRATIONS, ROWS, Figure
from hrl.results.curve_figure import RANGE, curve_figure
from hrl.results.curves import Group
from hrl.results.markdown import over_seeds, table
from hrl.results.over_seeds import MEASURES, outcomes
from hrl.results.pictures import write_picture
from hrl_core.training.progress import OWN_GOALS

_INCHES = 5.8
_UNKNOWN = "-"
_MEASURES = ("ever_within", "success_rate", "return")
_HEADS = ("row", *(MEASURES[name] for name in _MEASURES), "seeds", "CPU minutes a seed")
_NOTES = (
    "Means over seeds of the last evaluation, of runs that have come to their end: greedy, in episodes that nothing is "
    "learned from; in brackets the 95 % bootstrap interval of the mean, which of three seeds says little. One level "
    "makes as many updates as two levels together. CPU minutes count evaluations in."
)


def draw_figures(folder: Path, task: str, groups: Mapping[str, Group]) -> dict[str, str]:
    """Write a picture for each figure of which there is a run; returns titles by file name."""
    drawn: dict[str, str] = {}
    for figure in (*FIGURES, FROM_DEMONSTRATIONS):
        known = groups if figure is not FROM_DEMONSTRATIONS else _finished(groups)
        shown = {name: known[name] for name in figure.rows if name in known}
        if not shown:
            continue
        if figure is FROM_DEMONSTRATIONS:
            picture = _by_demonstrations(shown, figure)
        else:
            picture = curve_figure(list(shown.values()), "ever_within", "env_steps", RANGE, figure.title, _INCHES)
        name = f"{task}_{figure.name}.png"
        write_picture(picture, folder / name, dpi=110)
        drawn[name] = figure.title
    return drawn


def page(groups: Mapping[str, Group], seeds: int, pictures: Mapping[str, str], command: str) -> str:
    """Table and figures in Markdown; ``command`` has made them."""
    made = _finished(groups)
    parts = ["# Hierarchies compared", _NOTES, f"```bash\n{command}\n```"]
    for figure in (*FIGURES, FROM_DEMONSTRATIONS):
        told = [_told(name, groups[name].label, made.get(name), seeds) for name in figure.rows if name in groups]
        if told:
            parts += [f"## {figure.title}", table(_HEADS, told)]
            parts += [f"![{title}]({name})" for name, title in pictures.items() if title == figure.title]
    return "\n\n".join(parts) + "\n"


def _finished(groups: Mapping[str, Group]) -> dict[str, Group]:
    """Groups of the runs that have come to their end, the last evaluations of which are of one step."""
    made = {
        name: Group(group.label, [run for run, one in zip(group.runs, outcomes(group), strict=True) if one.finished])
        for name, group in groups.items()
    }
    return {name: group for name, group in made.items() if group.runs}


def _told(name: str, label: str, made: Group | None, seeds: int) -> Sequence[str]:
    """The row of a table; ``made``: its runs that have come to their end."""
    demonstrations = ROWS[name].demonstrations
    title = f"{label}, {demonstrations} demonstrations" if demonstrations else label
    if made is None:
        return [title, *[_UNKNOWN] * len(_MEASURES), f"0 of {seeds}", _UNKNOWN]
    minutes = np.mean([one.cpu_minutes for one in outcomes(made)])
    last = [over_seeds(_last(made, measure), 0 if measure == "return" else 2) for measure in _MEASURES]
    count = len(made.runs)
    return [title, *last, f"{count}" if count == seeds else f"{count} of {seeds}", f"{minutes:.1f}"]


def _last(group: Group, measure: str) -> list[float]:
    """Of each seed, in its last evaluation."""
    return [run.rows[-1][f"evaluation/{OWN_GOALS}/{measure}"] for run in group.runs]


def _by_demonstrations(groups: Mapping[str, Group], figure: Figure) -> Picture:
    """Success over the steps that were demonstrated."""
    picture, axis = plt.subplots(figsize=(_INCHES, 3.8))
    for number, title in enumerate(dict.fromkeys(group.label for group in groups.values())):
        rows = [(ROWS[name], group) for name, group in groups.items() if group.label == title]
        steps = [row.demonstrations * EPISODE_STEPS / 1e3 for row, _ in rows]
        values = [np.array(_last(group, "success_rate")) for _, group in rows]
        colour, style = f"C{number // 2}", ":-"[number % 2]
        axis.plot(steps, [seeds.mean() for seeds in values], marker="o", label=title, color=colour, ls=style)
        ends = [seeds.min() for seeds in values], [seeds.max() for seeds in values]
        axis.fill_between(steps, *ends, color=colour, alpha=0.12, lw=0)
    axis.set(xlabel="demonstrated steps [thousands]", ylabel=MEASURES["success_rate"], ylim=(-0.03, 1.03))
    axis.set(title=f"{figure.title}\n(mean, worst to best seed)")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    picture.set_layout_engine("constrained")
    return picture
