"""What was done in a recording is done again: from the same seed it leads to the same states."""

from pathlib import Path

from hrl_core.bags.description import describe
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.errors import HrlError
from hrl_core.hierarchy.policies import ActionChoice
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Vector
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec


class Replay:
    """Acts in the place of a policy as was acted in the recording, episode by episode and step by step."""

    def __init__(self, task: TaskSpec, recording: Path, version: int = 0) -> None:
        """Read the actions that were really applied.

        Args:
            task: the task.
            recording: one run: a bag, or a folder of its bags.
            version: of the policy in whose place it acts.

        Raises:
            HrlError: there is no sound episode of the task, there are episodes of several runs, or it was no
                simulator of this stack that they were recorded from.
        """
        self.version, self._path = version, recording
        read = read_bags([recording], task)
        episodes = read.episodes
        if not episodes:
            raise HrlError(f"{recording}: holds no sound episode of task '{task.name}'")
        if len({episode.key.run for episode in episodes}) > 1:
            raise HrlError(f"{recording}: holds several runs; give the bag of one")
        self._actions = {episode.key.episode: episode.applied_actions for episode in episodes}
        custom = describe(find_bags([recording])[0]).custom
        if origin := custom.get("imported_from"):
            raise HrlError(
                f"{recording}: is imported from {origin}: no seed leads to its states again; it can be learned from "
                "(hrl train --demos)"
            )
        self.randomised = ", ".join(read.randomised)
        """How its episodes differ from the task; empty: they do not."""
        self.seed = int(custom["seed"]) if custom.get("seed") else None
        """Of the run that was recorded; None: it does not tell."""

    @property
    def episodes(self) -> int:
        """Episodes that can be done again, from the first on without a gap."""
        return next(k for k in range(len(self._actions) + 1) if k not in self._actions)

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Do what was done; raises ``HrlError`` where nothing was."""
        del state, task
        actions = self._actions.get(draws.episode)
        if actions is None or draws.step >= len(actions):
            raise HrlError(f"{self._path}: nothing is recorded of episode {draws.episode}, step {draws.step}")
        value = actions[draws.step]
        return ActionChoice(value, intended=value)

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False
