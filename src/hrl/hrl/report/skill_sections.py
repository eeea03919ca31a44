"""What the page about a recording says of skills."""

from collections.abc import Iterator, Sequence

from hrl.report import skill_figures
from hrl.report.document import picture, table, text
from hrl.report.findings import Findings
from hrl.report.skills import SkillUse
from hrl_core.bags.episodes import BagEpisode
from hrl_core.wording import counted

MOST_GOALS = 12
"""Task goals up to which skills are held against them; where each episode has its own, that says nothing."""


def skill_sections(findings: Findings) -> Iterator[str]:
    """A section for each level of skills, and for a tree one that shows who was in control."""
    for use in findings.skills:
        yield f"<h2>Skills: {text(use.space)}</h2>"
        yield _table(use)
        if any(len(use.lengths(skill)) for skill in range(len(use.names))):
            image = skill_figures.lengths(use)
            yield picture(image, "lengths of segments by skill", "How long a skill kept control.")
        yield from _by_goal(use)
    if findings.hierarchy is not None and findings.hierarchy.tree is not None and findings.skills:
        shown = _told(findings.skills[0].episodes, bool(findings.task.goal))
        image = skill_figures.strips(findings.task, findings.hierarchy.tree, shown, findings.names)
        words = "Each node of the tree while it was on the path; composites in one colour, each leaf in its own."
        yield "<h2>Who was in control</h2>"
        yield picture(image, "nodes of the tree in control over time", words)


def _told(episodes: Sequence[BagEpisode], judged: bool) -> list[BagEpisode]:
    """The first episode, and the first that failed, if they are judged."""
    failed = [episode for episode in episodes[1:] if judged and episode.finished and not episode.success[-1]]
    return [episodes[0], *failed[:1]]


def _table(use: SkillUse) -> str:
    skills = range(len(use.names))
    ends = [use.ends(skill) for skill in skills]
    reasons = sorted({reason for each in ends for reason in each})
    total = max(1, int(use.steps.sum()))

    def row(skill: int) -> list[str]:
        lengths = use.lengths(skill)
        mark = f'<span style="color:{skill_figures.color(skill)}">&#9632;</span> {text(use.names[skill])}'
        mean = f"{lengths.mean():.1f}" if len(lengths) else "-"
        share = f"{use.steps[:, skill].sum() / total:.0%}"
        return [mark, share, str(len(lengths)), mean, *(str(ends[skill][reason]) for reason in reasons)]

    head = ("skill", "share of time", "segments", "mean length [steps]", *(f"ended by: {reason}" for reason in reasons))
    return table(head, map(row, skills))


def _by_goal(use: SkillUse) -> Iterator[str]:
    found = use.by_goal()
    count = len(found.goals)
    if count > MOST_GOALS:
        yield f'<p class="small">{counted(count, "task goal")}: too many to hold skills against them.</p>'
    elif count > 1:
        image = skill_figures.by_goal(found, use.names)
        yield picture(image, "skills against task goals", "Skills against the task goals they were used for.")
