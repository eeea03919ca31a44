"""Recordings of demonstrations as a store of episodes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hrl_core.bags.reader import read_bags
from hrl_core.bags.store_filling import fill_store
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import LevelSpec
from hrl_core.messages import Mode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec


def demonstrated(
    task: TaskSpec, level: LevelSpec | None, folders: Sequence[str], intended: bool = False, count: int = 0
) -> EpisodeStore | None:
    """Episodes of mode DEMO in bags or folders of bags; None where there are no folders.

    Args:
        task: what they are of.
        level: whose subgoals are stored; None: there are none.
        folders: bags, or folders of bags.
        intended: whether actions are those before noise was added on purpose instead of those that were done.
        count: of episodes, the first ones; 0: all.

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
    if len(episodes) < count:
        raise HrlError(f"--demos_episodes {count}: there are {len(episodes)} in {', '.join(folders)}")
    episodes = episodes[: count or None]
    if intended:
        episodes = [replace(episode, applied_actions=episode.intended) for episode in episodes]
    store = EpisodeStore(task, level, sum(episode.steps for episode in episodes) + task.max_episode_steps, 0)
    problems = fill_store(store, task, episodes)
    if not len(store):
        raise HrlError(f"--demos {', '.join(folders)}: {problems[0].text}")
    return store
