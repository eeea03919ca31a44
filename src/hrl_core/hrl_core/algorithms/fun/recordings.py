"""FuN from recordings: whole episodes of the present version, gone through again from their first step.

Bags hold no hidden states: they come of the observations and of the directions that were issued.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hrl_core.algorithms.fun.agent import Fun
from hrl_core.algorithms.fun.config import FunConfig, hierarchy
from hrl_core.algorithms.fun.lived import Float32, Lived, side_by_side
from hrl_core.algorithms.protocols import LevelWeights, Stateful, Update, untrained_checkpoint
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.store_filling import decisions
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.messages import SubgoalKind
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.on_policy import OwnEpisodes


class RecordedFun(OwnEpisodes[Lived]):
    """Manager and worker, from recorded episodes of their own present version."""

    def __init__(self, task: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise networks from ``seed``; an update learns from as many episodes as in training environments."""
        # Of steps there is no number: what counts are episodes.
        super().__init__(config, rollout_steps=0)
        self.agent = Fun(task, agent_config(config), seed)
        self._episodes = config.training.num_envs

    @property
    def updates(self) -> int:
        """Updates so far."""
        return self.agent.updates

    @property
    def _ready(self) -> bool:
        return len(self._waiting) >= self._episodes

    def rows(self, episode: BagEpisode) -> Lived | str:
        """A whole episode; words where a direction of a step is missing."""
        directions = self._directions(episode)
        if isinstance(directions, str):
            return directions
        inputs = to_float32(episode.states)
        if self.agent.config.flat:
            inputs = np.concatenate((inputs, to_float32(episode.desired_goals)), axis=1)
        return Lived(
            inputs[:, None],
            directions[:, None],
            episode.actions.astype(np.int64),
            to_float32(episode.rewards)[:, None],
            np.array([episode.steps]),
            np.array([episode.terminated]),
        )

    def learn(self, lived: Sequence[Lived]) -> Iterator[Update]:
        """One update of both levels."""
        yield self.agent.learn(side_by_side(lived))

    def levels(self) -> Mapping[str, LevelWeights]:
        """Manager and worker."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """The networks; the recordings give the episodes again."""
        return {"agent": self.agent}

    def _directions(self, episode: BagEpisode) -> Float32 | str:
        """The direction that was issued at each step, (T, d)."""
        config, steps = self.agent.config, episode.steps
        if config.flat:
            return np.zeros((steps, 0), np.float32)
        table = decisions(episode)
        # One for the last observation may be there too, at which nothing is done any more.
        if table is None or not np.array_equal(table.steps[:steps], np.arange(steps)):
            return "the direction of a step is missing"
        if (table.kinds != SubgoalKind.DIRECTION).any() or table.values.shape[1] != config.size:
            return "other directions than those that are learned"
        return to_float32(table.values[:steps])


learner = RecordedFun
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(task: TaskSpec, config: FunConfig, seed: int) -> Checkpoint:
    """The very networks that learn; who evaluates them draws too."""
    levels = Fun(task, config, seed).levels()
    return untrained_checkpoint("fun", task, hierarchy(task, config), levels, seed, SAMPLED)
