"""Recordings of demonstrations as a store of episodes."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.problems import Problem
from hrl_core.bags.reader import read_bags
from hrl_core.bags.store_filling import add_episode
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import LevelSpec
from hrl_core.messages import Mode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

_LOG = logging.getLogger(__name__)


def demonstrated(
    task: TaskSpec, level: LevelSpec | None, folders: Sequence[str], intended: bool = False, count: int = 0
) -> EpisodeStore | None:
    """Episodes of mode DEMO in bags or folders of bags; None where there are no folders.

    Args:
        task: what they are of.
        level: whose subgoals are stored; None: there are none.
        folders: bags, or folders of bags.
        intended: whether actions are ``as_intended`` instead of those that were done.
        count: of episodes, the first ones that can be learned from; 0: all of them.

    Raises:
        HrlError: there is no bag, or no demonstration of the task in them that can be learned from.
    """
    if not folders:
        return None
    recording = read_bags(map(Path, folders), task)
    episodes = [episode for episode in recording.episodes if episode.mode == Mode.DEMO]
    if not episodes:
        raise HrlError(
            f"--demos {', '.join(folders)}: of {len(recording.episodes)} episodes none is a demonstration (mode DEMO)"
        )
    if intended:
        episodes = [as_intended(episode) for episode in episodes]
    store = EpisodeStore(task, level, sum(episode.steps for episode in episodes) + task.max_episode_steps, 0)
    problems, stored = [], 0
    for episode in episodes:
        outcome = add_episode(store, task, episode)
        if isinstance(outcome, Problem):
            problems.append(outcome)
            continue
        stored += 1
        if stored == count:
            break
    if not stored:
        raise HrlError(f"--demos {', '.join(folders)}: {problems[0].text}")
    if stored < count:
        raise HrlError(f"--demos_episodes {count}: there are {stored} in {', '.join(folders)}")
    for problem in problems:
        _LOG.warning("%s", problem)
    return store


def as_intended(episode: BagEpisode) -> BagEpisode:
    """The episode with the actions before noise was added on purpose; where none was told, with what was done."""
    told = np.where(np.isnan(episode.intended), episode.applied_actions, episode.intended)
    return replace(episode, applied_actions=told)
