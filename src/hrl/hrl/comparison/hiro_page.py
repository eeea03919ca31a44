"""The table of the runs that there are, beside the paper's figures, as a page in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from hrl.comparison.hiro_rows import Row
from hrl.results.curves import Group
from hrl.results.markdown import over_seeds, table
from hrl.results.over_seeds import SeedOutcome, headline_of, outcomes
from hrl_core.wording import counted

_HEADS = ("", "paper, 10 M steps", "best evaluation", "last evaluation", "seeds", "steps", "CPU hours")
_NOTES = (
    "The paper's figures are means of the best policies within 10 M steps of ten seeds ± standard error. Ours are "
    "means over seeds: of the evaluation that a run's best policy was chosen by, which flatters, and of its last, in "
    "brackets the 95 % bootstrap interval of the mean, which of three seeds says little. Success counts at the last "
    "step; of ant_gather it is the return. Steps are those made of those to be made; of SNN4HRL those of its skills "
    "come on top. CPU hours are of all seeds, evaluations included."
)


@dataclass(frozen=True)
class Cell:
    """A row on a task: the runs that have been evaluated, or why there are none."""

    task: str
    row: Row
    group: Group
    seeds: int
    """To be made."""
    steps: int
    """Of a run, to be made."""
    why_not: str = ""
    """Why it cannot run."""


def page(cells: Sequence[Cell], command: str) -> str:
    """A table for each task; ``command`` has made it."""
    tasks = dict.fromkeys(cell.task for cell in cells)
    parts = ["# HIRO's table", _NOTES, f"```bash\n{command}\n```"]
    for task in tasks:
        of_task = [cell for cell in cells if cell.task == task]
        measured = [run for cell in of_task for run in cell.group.runs]
        parts.append(f"## {task}" + (f": {headline_of(measured)}" if measured else ""))
        parts.append(table(_HEADS, [_told(cell) for cell in of_task]))
    return "\n\n".join(parts) + "\n"


def _told(cell: Cell) -> list[str]:
    head = [cell.row.title, cell.row.paper.get(cell.task, "")]
    if cell.why_not:
        return [*head, f"cannot run: {cell.why_not}", "", "", "", ""]
    if not cell.group.runs:
        return [*head, "not yet run", "", f"0 of {cell.seeds}", "", ""]
    found = outcomes(cell.group)
    best, last = (over_seeds([getattr(one, name) for one in found]) for name in ("best", "last"))
    hours = sum(one.cpu_minutes for one in found) / 60
    count = len([one for one in found if one.finished])
    seeds = counted(count, "run") if count == cell.seeds == 1 else f"{count}" if count == cell.seeds else ""
    return [*head, best, last, seeds or f"{count} of {cell.seeds}", _steps(found, cell.steps), f"{hours:.2f}"]


def _steps(found: Sequence[SeedOutcome], steps: int) -> str:
    made = min(one.env_steps for one in found)
    return _short(steps) if made >= steps else f"{_short(made)} of {_short(steps)}"


def _short(steps: int) -> str:
    return f"{steps / 1e6:.2f} M" if steps >= 1_000_000 else f"{steps / 1e3:g} k"
