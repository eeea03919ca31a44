"""A fresh master over frozen skills, from recordings: what a robot did under it is what it learns from."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hrl_core.algorithms.choices import Lived, segments
from hrl_core.algorithms.frozen_skills import SameSkills
from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.groups import Group
from hrl_core.algorithms.mlsh.skills import make_skills, policy_levels
from hrl_core.algorithms.protocols import LevelWeights, Stateful, Update, as_tensors, untrained_checkpoint
from hrl_core.algorithms.skill_shapes import chooser_shapes
from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.on_policy import OwnEpisodes, joined, lived_in, skill_steps


class Master:
    """One master over skills that stay as they are, for one task."""

    def __init__(self, task: TaskSpec, config: MlshConfig, seed: int) -> None:
        """Initialise the master from ``seed``: the first of a run in training environments.

        Raises:
            HrlError: skills are to learn too, or the frozen ones do not fit the task.
        """
        if not config.frozen_skills:
            raise HrlError(
                "mlsh learns from recordings only a master over skills that stay as they are, since skills learn from "
                "several masters at once: give --frozen_skills FOLDER"
            )
        self.skills, self.same = make_skills(task, config, seed), SameSkills(config.frozen_skills)
        self.group = Group(0, config, chooser_shapes(task, config), config.goals(task), seed)

    def learn(self, lived: Lived) -> Update:
        """Theta: PPO on what its choices earned."""
        rollout = segments(lived)
        figures = self.group.master.update(rollout)
        self.group.clock += 1
        return Update("manager", figures, as_tensors(rollout))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The skills as they are, and the master."""
        return policy_levels(self.skills, self.group.master, self.group.master.updates)


class RecordedMaster(OwnEpisodes[Lived]):
    """Learns from recorded episodes of its own task under its own present version."""

    frozen_worker = True

    def __init__(self, task: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise from ``seed``; raises ``HrlError`` as ``Master`` does.

        An update learns from as many steps as one of a group does in training environments.
        """
        agent: MlshConfig = agent_config(config)
        each = max(1, config.training.num_envs // agent.groups)
        super().__init__(config, each * (agent.rollout_steps or task.max_episode_steps))
        self.master = Master(task, agent, seed)
        self._skills = agent.skills

    @property
    def updates(self) -> int:
        """Updates of the master so far."""
        return self.master.group.master.updates

    def rows(self, episode: BagEpisode) -> Lived | str:
        """The steps of a whole episode; words where it was for another task, or the skills are not known."""
        goals = episode.desired_goals
        if goals.shape[1] and not np.allclose(goals[:-1], self.master.group.goal):
            return "another task goal than the master's"
        told = skill_steps(episode, self._skills)
        return told if isinstance(told, str) else Lived(lived_in(episode), *told)

    def learn(self, lived: Sequence[Lived]) -> Iterator[Update]:
        """One update of the master."""
        rows, skills, begins = zip(*lived, strict=True)
        yield self.master.learn(Lived(joined(rows), np.concatenate(skills), np.concatenate(begins)))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The skills as they are, and the master."""
        return self.master.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """Which skills these are, and the master; the recordings give the episodes again."""
        return {"frozen_skills": self.master.same, "group_0": self.master.group}


learner = RecordedMaster
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(task: TaskSpec, config: MlshConfig, seed: int) -> Checkpoint:
    """The very master that learns, over the frozen skills; who evaluates it draws too."""
    levels = Master(task, config, seed).levels()
    return untrained_checkpoint("mlsh", task, hierarchy(task, config), levels, seed, SAMPLED)
