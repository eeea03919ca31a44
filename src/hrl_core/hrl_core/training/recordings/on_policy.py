"""On-policy learning from recordings: whole episodes of the learner's own present policy, each learned from once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from hrl_core.algorithms.protocols import LevelWeights, Update, acting_weights
from hrl_core.bags.description import custom_metadata
from hrl_core.bags.episodes import BagEpisode, Bool, Int64
from hrl_core.bags.errors import BagError
from hrl_core.bags.store_filling import decisions
from hrl_core.checkpoints.weights import weights_sha256
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import Rollout
from hrl_core.messages import WORKER_LEVEL, SubgoalKind
from hrl_core.networks.actor_config import Float32
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.store import Piece, Refusal, WholeEpisodes

Rows = TypeVar("Rows")
ANOTHER = "another {} than the one that learns"


class OwnEpisodes(ABC, Generic[Rows]):
    """Keeps what the present policy lived until it is enough for an update; a ``learner.FromRecordings`` in the making.

    What acted in an episode, at every level, must be of the version that learns, and of its weights where the recorder
    says which those were: other policies have such versions, too.
    """

    on_policy = True
    frozen_worker = False
    warm_start_steps = 0
    """Nobody else's policy is learned from."""
    relabelled = 0
    """Subgoals are learned from as they were chosen, or not at all."""

    def __init__(self, config: BagTrainConfig, rollout_steps: int) -> None:
        """Begin without any.

        Args:
            config: of the run.
            rollout_steps: environment steps that each update learns from, at least; whole episodes.
        """
        self.store = WholeEpisodes()
        self._first_version, self._rollout_steps = config.first_version, rollout_steps
        self._waiting: list[Rows] = []
        self._steps = 0

    @property
    @abstractmethod
    def updates(self) -> int:
        """Updates so far."""

    @abstractmethod
    def levels(self) -> Mapping[str, LevelWeights]:
        """The present policy."""

    @abstractmethod
    def rows(self, episode: BagEpisode) -> Rows | str:
        """What the policy lived through in a whole episode; words where it cannot be learned from: why."""

    @abstractmethod
    def learn(self, lived: Sequence[Rows]) -> Iterator[Update]:
        """One update."""

    def paid(self, env_steps: int) -> int:
        """Updates that the recorded episodes pay for: one more, when there are enough of the present policy."""
        del env_steps
        return self.updates + self._ready

    @property
    def _ready(self) -> bool:
        return self._steps >= self._rollout_steps

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Keep the whole episodes of the present policy; returns the others.

        What was taken in at an earlier version, before a resume, has been learned from.
        """
        if version != self._first_version + self.updates:
            return []
        refused: list[Refusal] = []
        of_others = self._bags_of_others({piece.episode.bag for piece in pieces}, version)
        for piece in pieces:
            episode = piece.episode
            if piece.start or not episode.finished or np.isnan(episode.actions).any():
                refused.append(Refusal.of(episode, "is not whole: its end or an action of the policy is missing"))
                continue
            foreign = ANOTHER.format("policy") if episode.bag in of_others else _strange(episode, version)
            rows = foreign or self.rows(episode)
            if isinstance(rows, str):
                refused.append(Refusal(episode.bag, episode.steps, None, rows))
                continue
            self._waiting.append(rows)
            self._steps += episode.steps
            self.store.note(piece)
        self.store.segments = int(self._ready)
        return refused

    def _bags_of_others(self, bags: Iterable[Path], version: int) -> set[Path]:
        """Those whose recorder says that the present version was one of other weights."""
        told = {bag: sha256 for bag in bags if (sha256 := _told_weights(bag, version))}
        own = weights_sha256(acting_weights(self.levels())) if told else ""
        return {bag for bag, sha256 in told.items() if sha256 != own}

    def update(self, env_steps: int) -> Iterator[Update]:
        """One, from all that waits, which is then forgotten; none where it is not enough."""
        del env_steps
        if self._ready:
            lived, self._waiting, self._steps = self._waiting, [], 0
            self.store.forget()
            yield from self.learn(lived)


def lived_in(episode: BagEpisode, *beside: Float32) -> Rollout:
    """The rows of a whole episode, its actions as they were drawn, not as they were applied.

    Args:
        episode: whole.
        beside: what networks see behind the state of a step, and behind the one that it led to, (T, ...) each.
    """
    states, last = to_float32(episode.states), np.arange(episode.steps) == episode.steps - 1
    return Rollout(
        inputs=np.concatenate((states[:-1], *beside), axis=1),
        actions=to_float32(episode.actions),
        rewards=to_float32(episode.rewards),
        next_inputs=np.concatenate((states[1:], *beside), axis=1),
        terminal=last & episode.terminated,
        boundary=last,
    )


def joined(rollouts: Sequence[Rollout]) -> Rollout:
    """Episodes one after the other."""
    return Rollout._make(np.concatenate(columns) for columns in zip(*rollouts, strict=True))


def _strange(episode: BagEpisode, version: int) -> str:
    """Whose an episode is instead of the learner's, in words; empty: it is its own."""
    if (episode.policy_versions != version).any():
        return ANOTHER.format("policy")
    chosen = [table.policy_versions for table in episode.subgoals.values()]
    return ANOTHER.format("manager") if any((versions != version).any() for versions in chosen) else ""


def _told_weights(bag: Path, version: int) -> str:
    """SHA-256 of a version, as the recorder of a bag says; empty: nobody does, as of blocks of rounds."""
    try:
        told = custom_metadata(bag).get("policy_sha256")
    except BagError:
        return ""
    return str(told.get(str(version), "")) if isinstance(told, dict) else ""


class SkillSteps(NamedTuple):
    """The skills of an episode, step by step; leading axis (T,)."""

    skills: Int64
    """Number of the one that acted."""
    begins: Bool
    """Where it was chosen, anew or again."""


def skill_steps(episode: BagEpisode, count: int) -> SkillSteps | str:
    """Which of ``count`` skills acted when; words where that is not known of every step: why."""
    table, results = decisions(episode), episode.segments.get(WORKER_LEVEL)
    if table is None or results is None:
        return "no skills are recorded"
    if (table.kinds != SubgoalKind.SKILL).any() or (table.skill_ids >= count).any() or (table.skill_ids < 0).any():
        return "other skills than those that are learned"
    # Every segment begins where the one before ended, the last one ends with the episode.
    stops = np.append(table.steps[1:], episode.steps)
    answered = np.array_equal(results.seqs, table.seqs) and np.array_equal(results.steps, stops)
    if not answered or table.steps[0] != 0:
        return "a skill, or the end of one, is missing"
    begins = np.zeros(episode.steps, np.bool_)
    begins[table.steps] = True
    return SkillSteps(np.repeat(table.skill_ids, stops - table.steps), begins)
