"""What the seeds of a configuration have reached, each for itself and taken together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl.results.curves import LIVE, Group, Run, goals, has_success
from hrl_core.errors import HrlError
from hrl_core.statistics import STATISTICS, Statistic, bootstrap_interval
from hrl_core.training.headline import IN_PLACE, RETURN, headline_figure, headline_measure
from hrl_core.training.progress import OWN_GOALS

MEASURES = {
    "success_rate": "success at the last step",
    "ever_within": "ever within the success radius",
    "final_distance": "mean final distance [unit of the goal]",
    "return": "mean return",
}
"""Of an evaluation, as they are told."""
ALL_GOALS = "all_goals"
"""Stands for all that a task with groups is evaluated at, which count alike."""
TITLES = {
    OWN_GOALS: "own goals",
    LIVE: "newest 20 live episodes, exploring",
    ALL_GOALS: "mean over all goals",
}
_WORDS = {**MEASURES, IN_PLACE: "groups in place at the last step"}
_EVALUATION = "evaluation/"
BOOTSTRAP_SEED = 0
"""The same runs have the same interval whenever they are looked at."""


class Headline(NamedTuple):
    """What a run is judged and its best policy chosen by (``headline_figure``)."""

    goal: str
    measure: str

    def __str__(self) -> str:
        """For people."""
        return ", ".join(filter(None, (_WORDS[self.measure], goal_title(self.goal, self.measure))))

    @property
    def is_share(self) -> bool:
        """Whether it is the share of episodes in which something holds."""
        return self.measure not in (RETURN, IN_PLACE)


class SeedOutcome(NamedTuple):
    """What one run has reached."""

    seed: int
    headline: Headline
    last: float
    """Of its last evaluation."""
    best: float
    """Of the evaluation whose policy is kept as the best."""
    episodes: int
    """Of an evaluation, at the headline goal or all of them."""
    env_steps: int
    cpu_minutes: float
    finished: bool
    """Whether it has made all its steps."""


class Figures(NamedTuple):
    """Statistics over seeds."""

    mean: float
    median: float
    iqm: float
    """Interquartile mean."""
    worst: float
    best: float
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap interval of each of ``STATISTICS``; none of a single seed, which says nothing of others."""


def goal_title(goal: str, measure: str) -> str:
    """A goal's name in the metrics for people: ``goal (0, 16)``; empty where a return is all that there is."""
    if measure == "return" and goal == OWN_GOALS:
        return ""
    return TITLES.get(goal, f"goal ({goal.replace('_', ', ')})")


def headline_of(runs: Sequence[Run]) -> Headline:
    """The headline measure of runs of one task.

    Raises:
        HrlError: none of them has been evaluated.
    """
    names = goals(runs)
    if not names:
        raise HrlError("none of the runs has been evaluated yet; look again later")
    grouped = any(IN_PLACE in figures for run in runs for row in run.rows for figures in _by_goal(row).values())
    return Headline(ALL_GOALS if grouped else names[0], headline_measure(grouped, has_success(runs, names[0])))


def headlines(groups: Sequence[Group]) -> str:
    """What groups are judged by, for people; those of other tasks by something else.

    Raises:
        HrlError: none of them has been evaluated.
    """
    evaluated = [group.runs for group in groups if group.runs] or [()]
    return " / ".join(dict.fromkeys(str(headline_of(runs)) for runs in evaluated))


def outcomes(group: Group) -> list[SeedOutcome]:
    """What each run of a group has reached."""
    return [_outcome(run, headline_of(group.runs)) for run in group.runs]


def _outcome(run: Run, headline: Headline) -> SeedOutcome:
    judged = [counting for row in run.rows if (counting := _counting(row, headline))]
    values = [headline_figure(headline.measure, counting) for counting in judged]
    newest = run.rows[-1]
    return SeedOutcome(
        run.config["seed"],
        headline,
        values[-1] if values else math.nan,
        max(values, default=math.nan),
        int(sum(figures["episodes"] for figures in judged[-1])) if judged else 0,
        newest["env_steps"],
        newest["cpu_seconds"] / 60,
        newest["env_steps"] >= run.config["steps"],
    )


def _counting(row: Mapping[str, Any], headline: Headline) -> list[Mapping[str, float]]:
    """Of a line of metrics, the figures at each goal that the headline is about; none: it tells nothing of it."""
    found = _by_goal(row)
    if headline.measure == IN_PLACE:
        return [figures for goal, figures in found.items() if goal != LIVE]
    return [found[headline.goal]] if headline.measure in found.get(headline.goal, {}) else []


def _by_goal(row: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The evaluation in a line of metrics, goal by goal."""
    found: dict[str, dict[str, float]] = {}
    for name, value in row.items():
        if name.startswith(_EVALUATION):
            goal, measure = name.removeprefix(_EVALUATION).rsplit("/", 1)
            found.setdefault(goal, {})[measure] = float(value)
    return found


def figures(scores: Sequence[float]) -> Figures:
    """Statistics over seeds, at least one."""
    values = np.array(scores, float)
    found = {name: float(statistic(values)) for name, statistic in STATISTICS.items()}
    several = STATISTICS if len(values) > 1 else {}
    intervals = {name: _interval(values, statistic) for name, statistic in several.items()}
    return Figures(**found, worst=float(values.min()), best=float(values.max()), intervals=intervals)


def _interval(values: npt.NDArray[np.float64], statistic: Statistic) -> tuple[float, float]:
    low, high = bootstrap_interval([values], statistic, np.random.default_rng(BOOTSTRAP_SEED))
    return float(low), float(high)


def with_interval(found: Figures, statistic: str = "iqm") -> str:
    """One of ``STATISTICS`` for people: ``0.95 [0.90, 0.98]``; of a single seed the figure alone."""
    value = f"{getattr(found, statistic):.3g}"
    if statistic not in found.intervals:
        return f"{value} (single run)"
    low, high = found.intervals[statistic]
    return f"{value} [{low:.3g}, {high:.3g}]"
