"""Which episodes of a recording are exported, and what is said of each."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.reader import Recording
from hrl_core.errors import HrlError
from hrl_core.exports.columns import Layout, layout_of
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.messages import Mode
from hrl_core.task.spec import TaskSpec
from hrl_core.wording import counted, encodable

ALL_MODES = tuple(Mode.__members__)
Fact = str | int | float | bool | None


@dataclass(frozen=True)
class Selection:
    """Episodes of one task, in canonical order; at least one."""

    episodes: list[BagEpisode]
    task: TaskSpec | None
    """None: the recording does not tell it."""
    subgoal: tuple[str, ...]
    """Elements of the worker's subgoals; none where the recording does not tell them, or its runs differ."""
    left_out: Counter[str]
    """Sound episodes that are not exported, by cause."""
    hierarchies: Mapping[int, HierarchySpec]
    """By run, what its policy chooses; of those that tell it, or whose task does."""

    @cached_property
    def layout(self) -> Layout:
        """Sizes of the columns."""
        return layout_of(self.episodes)

    @property
    def task_name(self) -> str:
        """Name of the task, or its hash."""
        return self.task.name if self.task else f"task {self.episodes[0].task_hash:016x}"

    @property
    def steps(self) -> int:
        """Environment steps of all episodes."""
        return sum(episode.steps for episode in self.episodes)

    def facts(self) -> dict[str, str]:
        """What is said of the whole, as text."""
        texts = {"hrl.task": self.task.to_yaml(), "hrl.task_sha256": self.task.sha256} if self.task else {}
        told = {f"{run:016x}": hierarchy.to_yaml() for run, hierarchy in self.hierarchies.items()}
        return {"hrl.task_hash": f"{self.episodes[0].task_hash:016x}", **texts, "hrl.hierarchies": json.dumps(told)}


def choose_episodes(recording: Recording, modes: Sequence[str] = ALL_MODES) -> Selection:
    """Choose sound episodes by the purpose they were recorded for.

    Args:
        recording: what was read.
        modes: names of ``hrl_core.messages.Mode``.

    Raises:
        HrlError: an unknown mode, no episode is left, or they are of several tasks.
    """
    unknown = set(modes) - set(ALL_MODES)
    if unknown or not modes:
        raise HrlError(f"modes: choose from {', '.join(ALL_MODES)}, got {', '.join(modes) or 'none'}")
    chosen, left_out = [], Counter[str]()
    for episode in recording.episodes:
        if Mode(episode.mode).name not in modes:
            left_out[f"mode {Mode(episode.mode).name}"] += 1
        elif not episode.steps:
            left_out["the recording ended before its first step"] += 1
        else:
            chosen.append(episode)
    if not chosen:
        causes = ", ".join(f"{count} ({cause})" for cause, count in left_out.items()) or "none"
        raise HrlError(
            f"nothing to export: {counted(len(recording.episodes), 'sound episode')}, left out: {causes}; "
            f"{counted(len(recording.problems), 'problem')}, see hrl bag check"
        )
    hashes = sorted({episode.task_hash for episode in chosen})
    if len(hashes) > 1:
        names = ", ".join(f"{value:016x}" for value in hashes)
        raise HrlError(f"the episodes are of several tasks (hashes {names}): name the one to export with --task")
    runs = sorted({episode.key.run for episode in chosen})
    told = {_elements(recording.hierarchies.get(run)) for run in runs}
    hierarchies = {run: recording.hierarchies[run] for run in runs if run in recording.hierarchies}
    return Selection(chosen, recording.task, told.pop() if len(told) == 1 else (), left_out, hierarchies)


def _elements(hierarchy: HierarchySpec | None) -> tuple[str, ...]:
    return tuple(hierarchy.levels[0].elements) if hierarchy and hierarchy.levels else ()


def episode_facts(selection: Selection) -> list[dict[str, Fact]]:
    """What is known of each episode; None where the recording ended before the episode did.

    ``run`` and ``task_hash`` are hexadecimal: not every reader knows unsigned 64-bit numbers.
    """
    return [_facts(number, episode, selection) for number, episode in enumerate(selection.episodes)]


def _facts(number: int, episode: BagEpisode, selection: Selection) -> dict[str, Fact]:
    outcome = episode.outcome
    return {
        "episode_index": number,
        "run": f"{episode.key.run:016x}",
        "robot": episode.key.robot,
        "episode": episode.key.episode,
        "mode": Mode(episode.mode).name,
        "steps": episode.steps,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "task": selection.task_name,
        "task_hash": f"{episode.task_hash:016x}",
        "bag": encodable(episode.bag),
        "outcome_seed": outcome and outcome.seed,
        "outcome_return": outcome and outcome.episode_return,
        "outcome_success": outcome and outcome.success,
        "outcome_final_distance": outcome and outcome.final_distance,
        "outcome_end": outcome and outcome.end_name,
    }
