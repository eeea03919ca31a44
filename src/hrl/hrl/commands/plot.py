"""``hrl plot``: success curves of training runs and sweeps as a picture."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hrl.results.curve_figure import AUTO, OVER, RANGE, choose_statistic, curve_figure
from hrl.results.curves import Group, labels, read_run, same_but_for_the_seed
from hrl.results.lines import tell
from hrl.results.over_seeds import MEASURES
from hrl.results.pictures import write_picture
from hrl.results.sweep_record import is_sweep, sweep_groups
from hrl_core.errors import HrlError
from hrl_core.statistics import STATISTICS
from hrl_core.wording import counted

_NARROWEST, _WIDEST = 1.0, 100.0
"""Inches of a picture."""


@dataclass(frozen=True)
class Plot:
    """Draw the evaluations of training runs over environment steps or updates, one panel per evaluation goal.

    Runs of one configuration are one curve, and so is each combination of a sweep.
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of training runs, or of sweeps."""
    out: Path = Path("curves.png")
    """Picture to write; its ending chooses the format (png, pdf, svg)."""
    measure: str = "success_rate"
    """success_rate, ever_within, final_distance or return."""
    statistic: str = ""
    """mean, median or iqm (interquartile mean) over seeds, shaded with its 95 % bootstrap interval; range: mean, shaded
    from the worst to the best seed. None: range of runs; of a sweep iqm if every combination has 4 seeds or more,
    else mean."""
    over: str = "env_steps"
    """env_steps, or updates (of the worker): runs on recordings have all their environment steps from the start."""
    title: str = ""
    """Title of the picture."""
    width: Annotated[float, tyro.conf.arg(metavar="INCHES")] = 0.0
    """Width of the picture [inch]; 0: by the number of panels."""


def plot(words: list[str]) -> int:
    """Run ``hrl plot`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Plot, prog="hrl plot", args=words)
    _check(arguments)
    groups = _groups(_each_once(arguments.runs))
    draw(groups, arguments)
    count = counted(sum(len(group.runs) for group in groups), "run")
    tell(f"curves of {count} written to {arguments.out}")
    return 0


def _check(arguments: Plot) -> None:
    """Raise ``HrlError`` for what can be told without looking at a run."""
    if not arguments.runs:
        raise HrlError("hrl plot: name at least one run folder")
    # A name without one would be given another: nobody would find the picture.
    if not arguments.out.suffix:
        raise HrlError(f"--out {arguments.out}: the ending must say what is written, as .png, .pdf or .svg")
    if not (arguments.width == 0 or _NARROWEST <= arguments.width <= _WIDEST):
        raise HrlError(
            f"--width {arguments.width:g}: must be {_NARROWEST:g} to {_WIDEST:g} inches, or 0 for the number of panels"
        )
    if arguments.measure not in MEASURES:
        raise HrlError(f"--measure '{arguments.measure}' is none of {', '.join(MEASURES)}")
    if arguments.over not in OVER:
        raise HrlError(f"--over '{arguments.over}' is none of {', '.join(OVER)}")
    if arguments.statistic not in ("", RANGE, *STATISTICS):
        raise HrlError(f"--statistic '{arguments.statistic}' is none of {', '.join([*STATISTICS, RANGE])}")


def _each_once(folders: Sequence[Path]) -> list[Path]:
    """Without those that come again under the same or another name: they would count as further seeds."""
    return list({os.path.realpath(folder): folder for folder in reversed(folders)}.values())[::-1]


def _groups(folders: Sequence[Path]) -> list[Group]:
    """Combinations of sweeps and groups of other runs; what has not been evaluated yet is left out of a sweep.

    Raises:
        HrlError: a folder is neither, or there is nothing to draw.
    """
    sweeps = [folder for folder in folders if is_sweep(folder)]
    groups = [
        group if len(folders) == 1 else Group(_of_sweep(group.label, folder), group.runs)
        for folder in sweeps
        for group in sweep_groups(folder)
        if group.runs
    ]
    if sweeps and not groups:
        raise HrlError(f"{sweeps[0]}: no run has been evaluated yet; plot it later")
    others = same_but_for_the_seed([read_run(folder) for folder in folders if folder not in sweeps])
    return groups + [Group(label, runs) for label, runs in zip(labels(others), others, strict=True)]


def _of_sweep(label: str, folder: Path) -> str:
    """The label of a combination, where it stands beside other folders."""
    name = folder.resolve().name
    return label if label == name else f"{name}: {label}"


def draw(groups: Sequence[Group], arguments: Plot) -> None:
    """Write the picture.

    Raises:
        HrlError: nothing to draw, or the picture cannot be written.
    """
    statistic = arguments.statistic or (AUTO if any(is_sweep(folder) for folder in arguments.runs) else RANGE)
    figure = curve_figure(
        groups,
        arguments.measure,
        arguments.over,
        choose_statistic(statistic, groups),
        arguments.title,
        arguments.width,
    )
    write_picture(figure, arguments.out, dpi=150)
