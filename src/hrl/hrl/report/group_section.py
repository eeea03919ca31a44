"""Of a task of several things: which were brought into place in each episode, when, and which were missed."""

from collections.abc import Iterator

import numpy as np

from hrl.report.document import table, text
from hrl.report.findings import Findings
from hrl_core.bags.episodes import BagEpisode
from hrl_core.task.spec import TaskSpec


def group_section(findings: Findings) -> Iterator[str]:
    """A table of episodes and one line about all of them; nothing where the task's success has no groups."""
    task = findings.task
    if not task.success.groups:
        return
    yield "<h2>What was brought into place</h2>"
    told = [brought(task, episode) for episode in findings.episodes]
    asked = sum(len(done) + len(missed) for done, missed in told)
    yield f"<p>{sum(len(done) for done, _ in told)} of {asked} in place at the last step.</p>"
    rows = (
        (
            text(findings.names[episode.key]),
            text(", ".join(f"{name} (step {step})" for name, step in done.items()) or "-"),
            text(", ".join(missed) or "-"),
        )
        for episode, (done, missed) in zip(findings.episodes, told, strict=True)
    )
    yield table(("episode", "in place, in this order", "missed"), rows)


def brought(task: TaskSpec, episode: BagEpisode) -> tuple[dict[str, int], list[str]]:
    """Groups that an episode asks for: those in place at its last step, and those that are not.

    Of the former the step since when they are, in this order.
    """
    done: dict[str, int] = {}
    missed: list[str] = []
    for name, within in task.groups_within(episode.achieved_goals, episode.desired_goals).items():
        if within[0]:
            continue
        if within[-1]:
            done[name] = 1 + int(np.flatnonzero(~within)[-1])
        else:
            missed.append(name)
    return dict(sorted(done.items(), key=lambda item: item[1])), missed
