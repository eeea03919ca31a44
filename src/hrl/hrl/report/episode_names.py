"""What the episodes of a report are called: by their number, and where that names several, by robot and run as well."""

from collections.abc import Mapping, Sequence

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.keys import EpisodeKey
from hrl_core.task.spec import TaskSpec

Names = Mapping[EpisodeKey, str]


def episode_names(episodes: Sequence[BagEpisode]) -> Names:
    """Of all episodes of a recording: ``3``, or ``run 00000000000000a1, robot_2, 3``."""
    keys = [episode.key for episode in episodes]
    several_runs, several_robots = (len(set(column)) > 1 for column in list(zip(*keys, strict=True))[:2])
    return {
        key: ", ".join([f"run {key.run:016x}"] * several_runs + [key.robot] * several_robots + [str(key.episode)])
        for key in keys
    }


def in_words(episode: BagEpisode, names: Names, between: str = ", ") -> str:
    """``episode 3``, or ``run 00000000000000a1, robot_2, episode 3``."""
    *before, number = names[episode.key].split(", ")
    return between.join([*before, f"episode {number}"])


def episode_title(spec: TaskSpec, episode: BagEpisode, names: Names) -> str:
    """Name of an episode and, where the task has a goal, whether it was reached; of a long one in several lines."""
    outcome = ": success" if episode.success[-1] else ": no success"
    return in_words(episode, names, "\n") + (outcome if spec.goal else "")
