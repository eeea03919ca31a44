"""What a report tells: read from bags, and from the run's own files where they are."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hrl.policies.shipped import resolve_policy
from hrl.report.episode_names import Names, episode_names
from hrl.report.run_files import LaunchRecord, SimulatorReport, Summary, read_run_file
from hrl.report.skills import SkillUse, skill_uses
from hrl.report.way_to_goal import common_unit
from hrl_core.algorithms.hiro.relabel_episodes import Relabelled
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.reader import Recording, read_bags
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.messages import ActionSource
from hrl_core.statistics import wilson_interval
from hrl_core.task.spec import TaskSpec

SIMULATOR_REPORT, LAUNCH_RECORD, SUMMARY = "simulator.json", "launch.json", "summary.json"


@dataclass(frozen=True)
class Relabelling:
    """What the off-policy correction makes of the recorded subgoals."""

    policy: str
    wins: npt.NDArray[np.int64]
    """How often each candidate won, shape (candidates,)."""
    moved: npt.NDArray[np.float64]
    """Distance from recorded to chosen subgoal in the goal space, shape (transitions,)."""
    unit: str
    """Of ``moved``."""


@dataclass(frozen=True)
class Findings:
    """Everything on the page."""

    source: Path
    recording: Recording
    task: TaskSpec
    simulator: SimulatorReport
    launch: LaunchRecord
    summary: Summary
    relabelling: Relabelling | None = None
    relabelling_missing: str = ""
    """Why there is none."""

    @property
    def episodes(self) -> list[BagEpisode]:
        """The sound ones, in order."""
        return self.recording.episodes

    @property
    def hierarchy(self) -> HierarchySpec | None:
        """As the first episode's run has it; None: not known."""
        return self.recording.hierarchies.get(self.episodes[0].key.run)

    @cached_property
    def skills(self) -> list[SkillUse]:
        """By level, of the episodes whose policy had the hierarchy of the first; none: it has no skills."""
        hierarchies = self.recording.hierarchies
        alike = [episode for episode in self.episodes if hierarchies.get(episode.key.run) == self.hierarchy]
        return skill_uses(self.hierarchy, alike)

    @cached_property
    def names(self) -> Names:
        """What each episode is called."""
        return episode_names(self.episodes)

    @property
    def subgoals(self) -> dict[int, tuple[str, ...]]:
        """By run, the elements of its worker's subgoals; none: they are no places, or nothing tells them."""
        return {run: _elements(hierarchy) for run, hierarchy in self.recording.hierarchies.items()}

    @property
    def successes(self) -> int:
        """Episodes whose last step was a success."""
        return sum(bool(episode.success[-1]) for episode in self.episodes if episode.finished)

    @property
    def finished(self) -> int:
        """Episodes whose end is recorded."""
        return sum(episode.finished for episode in self.episodes)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the success rate."""
        return wilson_interval(self.successes / self.finished, self.finished) if self.finished else (math.nan, math.nan)

    @property
    def demonstrated(self) -> bool:
        """Whether somebody who is no policy did all of it."""
        return all((episode.sources == ActionSource.TELEOP).all() for episode in self.episodes)

    def policy_steps(self) -> Counter[int]:
        """Steps that each version of the worker acted in."""
        versions = np.concatenate([episode.policy_versions for episode in self.episodes])
        return Counter(versions.tolist())


def gather(source: Path, policy: str) -> Findings:
    """Read a bag or the folder of a run.

    Args:
        source: bag directory, folder of bags, or run folder.
        policy: whose worker relabels: folder, shipped name, ``auto`` for the run's own, or empty for none.

    Raises:
        HrlError: there is no bag, no episode, no task in it, a file of the run is damaged, or the policy is no use.
    """
    recording = read_bags([source])
    if not recording.episodes:
        problems = "; ".join(str(problem) for problem in recording.problems[:3])
        raise HrlError(f"{source} holds no sound episode to report on{': ' + problems if problems else ''}")
    if recording.task is None:
        raise HrlError(f"{source}: no RunInfo is recorded, so the task is unknown and nothing can be drawn")
    folder = _folder_of(recording.episodes[0].key.run, source.resolve())
    launch = read_run_file(LaunchRecord, folder, LAUNCH_RECORD)
    relabelling, why = None, ""
    try:
        checkpoint, name = _policy(policy, launch)
        checkpoint.require_task(recording.task)
        relabelling = _relabelled(checkpoint, name, recording)
    except HrlError as error:
        if policy not in ("", "auto"):
            raise
        why = "not asked for" if policy == "" else str(error)
    return Findings(
        source,
        recording,
        recording.task,
        read_run_file(SimulatorReport, folder, SIMULATOR_REPORT),
        launch,
        read_run_file(Summary, folder, SUMMARY),
        relabelling,
        why,
    )


def _elements(hierarchy: HierarchySpec) -> tuple[str, ...]:
    levels = hierarchy.levels
    return tuple(levels[0].elements) if levels and levels[0].has_target else ()


def _folder_of(run: int, source: Path) -> Path | None:
    """Where the files of a run are, beside its bag or above; None: those that are there are another run's."""
    folder = source if (source / SUMMARY).is_file() or (source / LAUNCH_RECORD).is_file() else source.parent
    known = read_run_file(SimulatorReport, folder, SIMULATOR_REPORT).run
    return folder if known in (None, run) else None


def _policy(policy: str, launch: LaunchRecord) -> tuple[Checkpoint, str]:
    named = launch.policy if policy == "auto" else policy
    if not named:
        raise TaskError("the policy of the run is not known here; name one with --policy")
    folder = resolve_policy(named, None)
    return load_checkpoint(folder), folder.name


def _relabelled(checkpoint: Checkpoint, name: str, recording: Recording) -> Relabelling:
    from hrl_viz.relabelling import relabel

    space = checkpoint.goal_space()
    # Other subgoals are none that this worker pursues.
    alike = {run for run, hierarchy in recording.hierarchies.items() if _elements(hierarchy) == space.names}
    result: Relabelled = relabel(checkpoint, [e for e in recording.episodes if e.subgoals and e.key.run in alike])
    wins = np.bincount(result.candidate, minlength=result.candidates.shape[1])
    moved = np.linalg.norm(result.chosen.astype(np.float64) - result.original, axis=1)
    unit = common_unit(recording.task.observation[k] for k in space.indices) if recording.task else ""
    return Relabelling(f"{name} (version {checkpoint.version})", wins, moved, unit)
