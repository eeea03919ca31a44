"""Success curves of training runs: runs that differ in their seed only are one curve."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.errors import HrlError
from hrl_core.task.text import parse_task, read_task_file
from hrl_core.training.config import switch_before
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import METRICS, TASK

Array = npt.NDArray[np.float64]
_EVALUATION, _LIVE, _UPDATES = "evaluation/", "live/", "/updates"
LIVE = "live"
"""Stands for the goals of the robots' own episodes."""
_NOT_SHOWN = ("task_hash", "seed", "threads", "checkpoint_interval", "products")
"""Fields that never make a curve of its own, of the run or of a level; products each run has measured for itself."""
UPDATES = "updates"
"""Counter that stands for the updates of the worker, or of all levels where none has that name."""


class Run(NamedTuple):
    """One training run, as its folder tells."""

    folder: Path
    config: dict[str, Any]
    rows: list[dict[str, Any]]
    task_hash: str | None = None
    """Of the task beside them, whatever form it is written in; None: there is none."""

    @property
    def identity(self) -> str:
        """The whole configuration but for the seed."""
        return repr(_shown(self.config))


class Group(NamedTuple):
    """Runs that differ in their seed only: one curve."""

    label: str
    runs: Sequence[Run]


class Curve(NamedTuple):
    """A measure over environment steps or another counter, of one or several seeds."""

    steps: Array
    values: Array
    """Shape (seeds, steps)."""

    @property
    def mean(self) -> Array:
        """Mean over seeds, shape (steps,)."""
        return self.values.mean(axis=0)


def read_run(folder: Path) -> Run:
    """Read configuration and metrics.

    Raises:
        HrlError: not a run, its task is damaged, or it has not been evaluated yet.
    """
    files, task = RunFolder(folder), folder / TASK
    config, rows = files.config(), files.metrics()
    if not rows:
        raise HrlError(f"{folder}: {METRICS} has no evaluation yet; plot it later")
    task_hash = parse_task(read_task_file(task), str(task)).sha256 if task.is_file() else None
    return Run(folder, config, [_with_updates(_with_live(row)) for row in rows], task_hash)


def _with_live(row: dict[str, Any]) -> dict[str, Any]:
    """A trainer on recordings has no evaluation of its own: the newest live episodes stand as one."""
    live = {f"{_EVALUATION}{LIVE}/{key.removeprefix(_LIVE)}": v for key, v in row.items() if key.startswith(_LIVE)}
    return row | live


def _with_updates(row: dict[str, Any]) -> dict[str, Any]:
    levels = {name.removesuffix(_UPDATES): value for name, value in row.items() if name.endswith(_UPDATES)}
    return row | {UPDATES: levels.get("worker", sum(levels.values()))}


def same_but_for_the_seed(runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs of one configuration and task, in order of appearance.

    Raises:
        HrlError: two runs of one group have one seed.
    """
    groups: dict[str, list[list[Run]]] = {}
    for run in runs:
        alike = groups.setdefault(run.identity, [])
        group = next((group for group in alike if len(_tasks([*group, run])) <= 1), None)
        if group is None:
            alike.append([run])
        else:
            _require_another_seed(group, run)
            group.append(run)
    return [group for alike in groups.values() for group in alike]


def _tasks(runs: Iterable[Run]) -> set[str]:
    """Hashes of those tasks that are known."""
    return {run.task_hash for run in runs if run.task_hash}


def _require_another_seed(group: Sequence[Run], run: Run) -> None:
    seed = run.config.get("seed")
    same = [other.folder for other in group if other.config.get("seed") == seed is not None]
    if same:
        raise HrlError(
            f"{same[0]} and {run.folder} are the same run, of seed {seed} with one configuration: name one of them, "
            "or others would count for more than they are"
        )


def labels(groups: Sequence[Sequence[Run]]) -> list[str]:
    """What tells the groups apart: the fields in which they differ, else the names of the folders."""
    configs = [
        _shown(group[0].config) | {"task": name} for group, name in zip(groups, _task_names(groups), strict=True)
    ]
    configs = [{name: _value(config, name) for name in _fields(configs)} for config in configs]
    differing = [name for name in _fields(configs) if len({repr(config[name]) for config in configs}) > 1]
    if len(differing) > _MANY:
        return [_by_folder(group) for group in groups]
    texts = [", ".join(f"{short_name(name, differing)}={config[name]}" for name in differing) for config in configs]
    return [text or configs[i]["task"] for i, text in enumerate(texts)]


def _task_names(groups: Sequence[Sequence[Run]]) -> list[str]:
    """Of each group; with the beginning of its hash, where there are several of a name."""
    tasks: dict[str, set[str]] = {}
    for group in groups:
        tasks.setdefault(group[0].config["task"], set()).update(_tasks(group))
    names = [(group[0].config["task"], min(_tasks(group), default="")) for group in groups]
    return [f"{name} {known[:_DIGITS]}".strip() if len(tasks[name]) > 1 else name for name, known in names]


def goals(runs: Iterable[Run]) -> list[str]:
    """Names of the evaluation goals in the metrics, in order of appearance: ``0_16``, ``own_goals``."""
    names = [key.split("/")[1] for run in runs for row in run.rows for key in row if key.startswith(_EVALUATION)]
    return list(dict.fromkeys(names))


def has_success(runs: Iterable[Run], goal: str) -> bool:
    """Whether the success at a goal was measured; without one only the return is."""
    name = f"{_EVALUATION}{goal}/final_distance"
    return any(math.isfinite(row[name]) for run in runs for row in run.rows if name in row)


def curve(group: Sequence[Run], goal: str, measure: str, over: str = "env_steps") -> Curve | None:
    """A measure of several seeds over the range of ``over`` that all of them reached; None where it was not measured.

    Seeds evaluated at other steps are interpolated linearly.
    """
    name = f"{_EVALUATION}{goal}/{measure}"
    series = [np.array([(row[over], row[name]) for row in run.rows if name in row], float) for run in group]
    if any(len(points) == 0 for points in series):
        return None
    first, last = max(points[0, 0] for points in series), min(points[-1, 0] for points in series)
    steps = np.unique(np.concatenate([points[:, 0] for points in series]))
    steps = steps[(steps >= first) & (steps <= last)]
    values = [np.interp(steps, points[:, 0], points[:, 1]) for points in series]
    return Curve(steps, np.array(values)) if len(steps) else None


def short_name(name: str, names: Sequence[str]) -> str:
    """The last part of a switch's name, where that is no other's among ``names``: ``tau`` for ``worker.tau``."""
    last = name.rpartition(".")[2]
    if sum(other.rpartition(".")[2] == last for other in names) == 1:
        return last
    return name.removeprefix("training.").removeprefix("agent.")


_MANY = 4
"""With more differing fields than this a legend would hide the curves."""
_DIGITS = 12
"""Of a task's hash, as others tell it."""


def _value(config: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - of any switch
    """Of a switch, or what stands for it at a level that was there before it."""
    level = name.rpartition(".")[0]
    older = any(other.rpartition(".")[0] == level for other in config)
    return config.get(name, switch_before(name) if older else None)


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """What may make a curve of its own: no switch that stands at what was done before there was one."""
    shown = {name: value for name, value in _flat(config).items() if name.rpartition(".")[2] not in _NOT_SHOWN}
    return {name: value for name, value in shown.items() if value is None or value != switch_before(name)}


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _fields(configs: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for config in configs for name in config))


def _by_folder(group: Sequence[Run]) -> str:
    return f"{group[0].config['task']}: {', '.join(run.folder.name for run in group)}"
