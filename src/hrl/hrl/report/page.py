"""The page about a recording."""

import math
from collections.abc import Iterable, Sequence

from hrl.report import figures
from hrl.report.document import document, facts, picture, table, text
from hrl.report.episode_names import Names
from hrl.report.findings import Findings
from hrl.report.group_section import group_section
from hrl.report.skill_sections import skill_sections
from hrl.report.way_to_goal import common_unit
from hrl_core.bags.episodes import BagEpisode
from hrl_core.wording import counted


def page(findings: Findings) -> str:
    """Return the whole page."""
    task, episodes = findings.task, findings.episodes
    shown = episodes[: figures.SHOWN]
    note = f"The first {len(shown)} of {len(episodes)} episodes." if len(shown) < len(episodes) else ""
    parts = [
        f"<h1>{text(task.name)}: {counted(len(episodes), 'episode')}</h1>",
        f'<p class="small">{text(_origin(findings))}</p>',
        _facts(findings),
        *_paths(findings, shown, note),
        *skill_sections(findings),
        "<h2>Over time</h2>",
        picture(figures.series(task, shown, findings.names), "course of the episodes over time", note),
        "<h2>Episodes</h2>",
        _episodes(findings),
        *group_section(findings),
        "<h2>Action latency</h2>",
        _latency(findings),
        "<h2>Policies</h2>",
        _policies(findings),
        "<h2>Relabelling</h2>",
        _relabelling(findings),
        *_problems(findings),
    ]
    return document(f"{task.name} report", parts)


def _paths(findings: Findings, shown: Sequence[BagEpisode], note: str) -> Iterable[str]:
    """Ways from above, where the task tells where the robot is."""
    use = next(iter(findings.skills), None)
    if use is not None and note:
        shown = use.most_varied(figures.SHOWN)
        note = f"{len(shown)} of {len(findings.episodes)} episodes: those in which most skills were in control."
    image = figures.paths(findings.task, findings.subgoals, shown, findings.names, use)
    if image:
        name = "skills" if findings.skills else "subgoals"
        yield f"<h2>Paths and {name}, from above</h2>"
        yield picture(image, f"paths and {name} over the scene", note)


def _origin(findings: Findings) -> str:
    keys, summary = [episode.key for episode in findings.episodes], findings.summary
    runs, robots = {key.run for key in keys}, {key.robot for key in keys}
    words = [
        str(findings.source),
        f"run {keys[0].run:016x}" if len(runs) == 1 else counted(len(runs), "run"),
        f"robot {keys[0].robot}" if len(robots) == 1 else counted(len(robots), "robot"),
    ]
    commit = (summary.git_commit or "")[:12]
    known = {"clock": summary.clock, "seed": summary.seed, "commit": commit or None}
    return ", ".join([*words, *(f"{name} {value}" for name, value in known.items() if value is not None)])


def _facts(findings: Findings) -> str:
    episodes = findings.episodes
    mean_return = sum(float(e.rewards.sum()) for e in episodes) / len(episodes)
    found: dict[str, str] = {}
    if findings.task.goal and findings.finished:
        low, high = findings.interval
        share = f"{findings.successes / findings.finished:.0%}"
        found["success at the last step"] = f"{findings.successes} of {findings.finished} ({share})"
        found["Wilson 95 % interval"] = f"{low:.2f} to {high:.2f}"
    found |= {
        "environment steps": f"{sum(e.steps for e in episodes):,}",
        "mean return": f"{mean_return:.1f}",
    }
    if speed := findings.summary.env_steps_per_s:
        found["steps per second"] = f"{speed:.0f}"
    if (lost := findings.summary.lost_messages) is not None:
        found["lost messages"] = str(lost)
    return facts(found)


def _episodes(findings: Findings) -> str:
    head = ["episode", "seed", "steps", "return", "ended by"]
    if findings.task.goal:
        head += [f"final distance [{common_unit(findings.task.goal)}]", "success"]
    return table(head, (_episode(episode, findings.names)[: len(head)] for episode in findings.episodes))


def _episode(episode: BagEpisode, names: Names) -> Sequence[str]:
    outcome = episode.outcome
    ended = outcome.end_name.lower().replace("_", " ") if outcome else "recording"
    distance = f"{outcome.final_distance:.2f}" if outcome and math.isfinite(outcome.final_distance) else "-"
    mark = '<span class="good">yes</span>' if episode.success[-1] else '<span class="bad">no</span>'
    seed = str(outcome.seed) if outcome else "-"
    name = text(names[episode.key])
    return name, seed, str(episode.steps), f"{episode.rewards.sum():.1f}", ended, distance, mark


def _latency(findings: Findings) -> str:
    histogram = findings.simulator.action_latency_histogram
    if histogram is None or not sum(histogram.counts):
        return "<p>Not known: the simulator's own report (simulator.json) is not beside this bag.</p>"
    marks = findings.simulator.action_latency_ms
    wanted = {name: value for name in ("p50", "p99") if (value := marks.get(name))}
    image = figures.latency(histogram.edges_ms, histogram.counts, wanted)
    return picture(image, "histogram of action latency", "Wall time from an observation to its action.")


def _policies(findings: Findings) -> str:
    if findings.demonstrated:
        return "<p>None acted: these are demonstrations.</p>"
    steps = findings.policy_steps()
    rows = [(str(version), f"{count:,}") for version, count in sorted(steps.items())]
    named = findings.launch.policy
    return table(("worker version", "steps acted"), rows) + (f'<p class="small">{text(named)}</p>' if named else "")


def _relabelling(findings: Findings) -> str:
    found = findings.relabelling
    if found is None or not found.wins.sum():
        return f"<p>None: {text(findings.relabelling_missing or 'no subgoal is recorded')}.</p>"
    kept = found.wins[0] / found.wins.sum()
    words = (
        f"Worker of {found.policy}: {found.wins.sum()} subgoals, {kept:.0%} keep the recorded one, "
        f"mean move {found.moved.mean():.2f}, largest {found.moved.max():.2f}."
    )
    return picture(figures.relabelling(found), "relabelling statistics", words)


def _problems(findings: Findings) -> Iterable[str]:
    if findings.recording.problems:
        yield "<h2>Found wrong in the recording</h2><ul>"
        yield from (f"<li>{text(str(problem))}</li>" for problem in findings.recording.problems)
        yield "</ul>"
