"""Option-Critic from recordings: what the present options lived on a graph teaches what it would have in process."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from hrl_core.algorithms.option_critic.agent import OptionCritic
from hrl_core.algorithms.option_critic.config import OptionCriticConfig, hierarchy
from hrl_core.algorithms.protocols import LevelWeights, Stateful, Update, as_tensors, untrained_checkpoint
from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import Rollout
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.on_policy import OwnEpisodes, joined, lived_in, skill_steps


class RecordedOptionCritic(OwnEpisodes[Rollout]):
    """Options, their ends and the policy over them, from recorded episodes of their own present version."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise networks from ``seed``; raises ``HrlError`` where switches contradict each other."""
        agent: OptionCriticConfig = agent_config(config)
        super().__init__(config, agent.rollout_steps)
        self.agent = OptionCritic(spec, agent, torch.Generator().manual_seed(seed))

    @property
    def updates(self) -> int:
        """Updates so far."""
        return self.agent.updates

    def rows(self, episode: BagEpisode) -> Rollout | str:
        """The steps of a whole episode, with the option of each; words where they are not known."""
        told = skill_steps(episode, self.agent.config.options)
        if isinstance(told, str):
            return told
        goals = to_float32(episode.desired_goals[:-1])
        option = np.eye(self.agent.config.options, dtype=np.float32)[told.skills]
        return lived_in(episode, goals, option)

    def learn(self, lived: Sequence[Rollout]) -> Iterator[Update]:
        """One update of everything."""
        rollout = joined(lived)
        figures = self.agent.update(rollout)
        yield Update("worker", figures, as_tensors(rollout))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The options, the policy over them, and their terminations."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """The networks; the recordings give the episodes again."""
        return {"agent": self.agent}


learner = RecordedOptionCritic
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(spec: TaskSpec, config: OptionCriticConfig, seed: int) -> Checkpoint:
    """The very options that learn; who evaluates them draws too."""
    agent = OptionCritic(spec, config, torch.Generator().manual_seed(seed))
    return untrained_checkpoint("option_critic", spec, hierarchy(spec, config), agent.levels(), seed, SAMPLED)
