"""Flat policies from recordings: off-policy learners whoever acted in them, on-policy ones from their own policy's."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import torch

from hrl_core.algorithms.flat.agent import FlatAgent, OffPolicyConfig
from hrl_core.algorithms.flat.config import AnyFlatConfig, OnPolicyFlatConfig
from hrl_core.algorithms.flat.learner import hierarchy
from hrl_core.algorithms.flat.on_policy import OnPolicyAgent
from hrl_core.algorithms.protocols import LevelWeights, Stateful, Update, untrained_checkpoint
from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import Checkpoint, random_checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import Rollout
from hrl_core.replay.hindsight import Hindsight
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.learner import RecordedLearner
from hrl_core.training.recordings.on_policy import OwnEpisodes, joined, lived_in
from hrl_core.training.recordings.recorded_reward import RecordedReward
from hrl_core.training.recordings.store import Piece, Refusal


def learner(spec: TaskSpec, config: BagTrainConfig, seed: int) -> "RecordedFlatLearner | RecordedOnPolicyLearner":
    """A learner at the beginning of a run.

    Raises:
        HrlError: switches contradict each other.
    """
    agent = agent_config(config)
    hierarchy(spec, agent)
    if isinstance(agent, OnPolicyFlatConfig):
        return RecordedOnPolicyLearner(spec, config, agent, seed)
    return RecordedFlatLearner(spec, agent, seed)


def untrained(spec: TaskSpec, config: AnyFlatConfig, seed: int) -> Checkpoint:
    """A policy that explores until there is one that has learned; on-policy, the very one that learns."""
    if not isinstance(config, OnPolicyFlatConfig):
        return random_checkpoint(spec, seed, hierarchy=hierarchy(spec, config))
    levels = OnPolicyAgent(spec, config, seed).levels()
    return untrained_checkpoint("flat", spec, hierarchy(spec, config), levels, seed)


class RecordedFlatLearner(RecordedLearner[FlatAgent]):
    """A worker that learns from one store of recorded episodes."""

    def __init__(self, spec: TaskSpec, config: OffPolicyConfig, seed: int) -> None:
        """Initialise networks from ``seed``; raises ``TaskError`` where goals are to be relabelled and cannot be."""
        self._reward, self._relabels = RecordedReward(spec), config.her
        hindsight = Hindsight(spec, config.hindsight_goals, self._reward.compute_reward) if config.her else None
        generator = torch.Generator().manual_seed(seed)
        agent = FlatAgent(spec, config, generator, hindsight)
        super().__init__(spec, None, agent, config.replay, seed, generator, config.worker_updates)
        self._chance = config.random_chance

    def exploring(self, policy: Checkpoint, env_steps: int) -> Checkpoint:
        """The policy with its present chance of a uniformly random action (``random_starts``, ``random_steps``)."""
        chance, worker = self._chance(env_steps), policy.actors["worker"]
        if not chance:
            return policy
        # An untrained policy's choices are drawn by logits, which know no such chance.
        head = "values" if worker.head == "categorical" else worker.head
        chance += (1 - chance) * worker.random_probability
        worker = dataclasses.replace(worker, head=head, random_probability=chance)
        return dataclasses.replace(policy, actors={**policy.actors, "worker": worker})

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Fill the store, and see what the rewards are."""
        self._reward.learn(piece.episode for piece in pieces)
        return super().take(pieces, version)

    def update(self, env_steps: int) -> Iterator[Update]:
        """A group of updates; raises ``HrlError`` where goals are to be relabelled and their reward is not known."""
        if self._relabels and not self._reward.known:
            raise HrlError(
                f"recorded rewards of task '{self._spec.name}' are neither minus the distance to the goal nor -1 until "
                "success: task goals cannot be relabelled; leave --her out"
            )
        yield from super().update(env_steps)

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, and what the rewards are."""
        return {**super().parts(), "reward": self._reward}


class RecordedOnPolicyLearner(OwnEpisodes[Rollout]):
    """Learns from recorded episodes of its own present policy, once; ``training.recordings.learner.FromRecordings``."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, agent: OnPolicyFlatConfig, seed: int) -> None:
        """Initialise networks from ``seed``."""
        super().__init__(config, agent.rollout_steps)
        self.agent = OnPolicyAgent(spec, agent, seed)

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        return self.agent.worker.updates

    def rows(self, episode: BagEpisode) -> Rollout:
        """What the policy lived through in one whole episode."""
        return lived_in(episode, to_float32(episode.desired_goals[:-1]))

    def learn(self, lived: Sequence[Rollout]) -> Iterator[Update]:
        """One update."""
        yield self.agent.learn(joined(lived))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, and what states are worth to it."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """The networks; the recordings give the episodes again."""
        return self.agent.parts()
