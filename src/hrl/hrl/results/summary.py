"""The visible result of a run: OUT/summary.json and a table."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.graphs.demonstration_arguments import DemonstrationArguments
from hrl.graphs.run_folder import RunFolder, write_json
from hrl.results.bag_count import BagCount, count_bag
from hrl.results.tables import facts, show
from hrl_core.documents import MOST_RECORD, read_json, read_limited
from hrl_core.errors import FileError, HrlError
from hrl_core.wording import counted

_LATENCY = ("p50", "p99", "max")
_WHOLE = ("TERMINATED", "TIME_LIMIT")
"""Ends of an episode that are nothing to speak of."""
DEMONSTRATED = "no policy acted: a demonstration"
UNTRAINED = "UNTRAINED (random weights): shows that the stack works, not what a policy can do"


def write_summary(folder: RunFolder, recorded: bool, console: Console) -> dict[str, Any]:
    """Sum up a finished run, write ``summary.json`` and print the table.

    Args:
        folder: the run's folder, where the simulator has left its report and the recorder the bag.
        recorded: whether a recorder took part.
        console: where the table goes.

    Raises:
        HrlError: the simulator left no report.
    """
    report = _read_report(folder)
    count, problem = None, ""
    if recorded:
        try:
            count = count_bag(folder.bag, int(report["run"]))
        except (HrlError, LookupError, TypeError, ValueError) as error:
            problem = str(error)
    try:
        summary = _finite(summarise(report, count, folder))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise HrlError(f"no summary: {folder.simulator_report} is damaged ({problem})") from None
    write_json(folder.summary, summary)
    if problem:
        console.print(Text(f"no figures from the recording: {problem}", style="red"), soft_wrap=True)
    show(summary_table(summary), console)
    return summary


def summarise(report: Mapping[str, Any], count: BagCount | None, folder: RunFolder) -> dict[str, Any]:
    """Return the summary as plain data.

    Args:
        report: the simulator's report.
        count: what the bag holds; None without recording.
        folder: the run's folder.
    """
    episodes: Sequence[Mapping[str, Any]] = report["episodes"]
    lost = None if count is None else lost_messages(report, count)
    # Without a goal there is nothing to reach: figures of it would say that it was missed. Older reports do not tell.
    judged = episodes if report.get("has_goal", True) else ()
    return {
        "episodes": len(episodes),
        "episode_ends": dict(Counter(str(episode["end_reason"]) for episode in episodes)),
        "env_steps": report["env_steps"],
        "env_steps_per_s": report["env_steps_per_s"],
        "success_rate": _mean(judged, "success"),
        "mean_return": _mean(episodes, "episode_return"),
        "mean_final_distance": _mean(judged, "final_distance"),
        "action_latency_ms": {name: (report["action_latency_ms"] or {}).get(name) for name in _LATENCY},
        "subgoals": None if count is None else count.subgoal_total,
        "lost_messages": None if lost is None else sum(lost.values()),
        "lost": lost,
        "policy_trained": folder.policy_trained,
        "demonstration": isinstance(folder.arguments, DemonstrationArguments),
        "bag": None if count is None else str(folder.bag),
        "subgoal_results": None if count is None else count.subgoal_result_total,
        "task": report["task"],
        "task_hash": report["task_hash"],
        "robot": report["robot"],
        "run": report["run"],
        "seed": report["seed"],
        "clock": report["clock"],
        "policy": str(folder.policy),
        "git_commit": folder.git_commit,
        "missed_deadlines": report["missed_deadlines"],
        "refused_actions": report["refused_actions"],
        "failure": report.get("failure"),
    }


def lost_messages(report: Mapping[str, Any], count: BagCount) -> dict[str, int]:
    """Count by kind what was sent but is not in the bag: the simulator's counters minus what the bag holds.

    An interrupted run may leave one action more in the bag than the simulator took: it makes up for no loss.
    """
    observations = max(0, int(report["observations"]) - len(count.observations))
    actions = max(0, int(report["actions"]) - len(count.actions))
    finished = [] if report["clock"] == "realtime" else [e["episode"] for e in report["episodes"]]
    decisions = count.missing_decisions(finished)
    outcomes = max(0, len(report["episodes"]) - len(count.outcomes))
    return {
        "observation": observations,
        "action": actions,
        "subgoal message": decisions,
        "episode result": outcomes,
    }


def loss_in_words(summary: Mapping[str, Any]) -> str:
    """What is missing in the recording; empty if nothing is, or there is none."""
    kinds = ", ".join(counted(count, kind) for kind, count in (summary["lost"] or {}).items() if count)
    return f"the recording lacks {kinds}; `hrl bag check {summary['bag']}` says where" if kinds else ""


def summary_table(summary: Mapping[str, Any]) -> Table:
    """Lay the summary out for people."""
    latency = summary["action_latency_ms"]
    cut = {end: n for end, n in summary["episode_ends"].items() if end not in _WHOLE}
    losses = {"missed deadlines": summary["missed_deadlines"], "refused actions": summary["refused_actions"]}
    rows = {
        "task": f"{summary['task']}, seed {summary['seed']}, {summary['clock']}",
        "policy": f"{summary['policy']}",
        "trained": _trained(summary),
        "episodes": f"{summary['episodes']}" + "".join(f", {n} ended: {_in_words(end)}" for end, n in cut.items()),
        "env steps": f"{summary['env_steps']}, {_number(summary['env_steps_per_s'], 0)} per second",
        "success rate": _number(summary["success_rate"], 2),
        "mean return": _number(summary["mean_return"], 2),
        "mean final distance": _number(summary["mean_final_distance"], 2),
        "action latency [ms]": ", ".join(f"{name} {_number(latency[name], 2)}" for name in _LATENCY),
        "subgoals": _count(summary["subgoals"]),
        "lost messages": _count(summary["lost_messages"]),
        **{name: f"{count}" for name, count in losses.items() if count},
        "bag": summary["bag"] or "none",
    }
    return facts("Summary of the run", rows, {UNTRAINED: "bold yellow"})


def _trained(summary: Mapping[str, Any]) -> str:
    """Whose doing it was."""
    if summary.get("demonstration"):
        return DEMONSTRATED
    return "yes" if summary["policy_trained"] else UNTRAINED


def _in_words(end: str) -> str:
    return end.lower().replace("_", " ")


def _read_report(folder: RunFolder) -> dict[str, Any]:
    path = folder.simulator_report
    if not path.is_file():
        raise HrlError(f"no summary: the simulator left no report at {path}")
    try:
        return read_json(read_limited(path, MOST_RECORD), str(path), MOST_RECORD).data
    except FileError as error:
        raise HrlError(f"no summary: {error}") from None


def _mean(episodes: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return sum(float(episode[name]) for episode in episodes) / len(episodes) if episodes else None


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace NaN and infinity, which JSON does not know, by None."""
    if isinstance(value, Mapping):
        return {name: _finite(v) for name, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _count(value: int | None) -> str:
    return "not recorded" if value is None else str(value)
