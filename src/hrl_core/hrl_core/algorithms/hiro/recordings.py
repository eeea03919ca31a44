"""HIRO from recordings: both levels learn from recorded segments, whose subgoals may be relabelled."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.learner import hierarchy
from hrl_core.algorithms.hiro.overlay import Overlay
from hrl_core.algorithms.hiro.relabelling import DETERMINISTIC, candidate_noise
from hrl_core.algorithms.protocols import Stateful, Update
from hrl_core.bags.store_filling import decisions
from hrl_core.checkpoints.checkpoint import Checkpoint, random_checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.text import meaning_difference
from hrl_core.replay.episode_store import SegmentIndex
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.learner import GROUP, RecordedLearner
from hrl_core.training.recordings.recorded_reward import RecordedReward
from hrl_core.training.recordings.store import Piece, Refusal

_NO_SUBGOALS = "has no subgoals, which both levels learn from: --algorithm flat or relay learns without"


class RecordedHiroLearner(RecordedLearner[HiroAgent]):
    """A manager and a worker that learn from one store of recorded episodes."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: switches contradict each other.
            TaskError: the task lacks what a switch needs.
        """
        self._config, self._task = agent_config(config), RecordedReward(spec)
        self._space = GoalSpace(spec, hierarchy(spec, self._config).levels[0])
        noise = torch.Generator().manual_seed(seed)
        agent = HiroAgent(self._space, self._config, self._task, noise, self._candidate_noise)
        super().__init__(spec, self._space.level, agent, self._config.replay, seed, noise, self._config.worker_updates)
        self.warm_start_steps = self._config.warm_start_steps
        self._overlay = Overlay(self.store, config.relabelled, config.max_relabel_lag)
        self._manager_credit = 0.0

    @property
    def relabelled(self) -> int:
        """Recorded subgoals that relabelled ones stand in for."""
        return self._overlay.count

    def foreign(self, hierarchy: HierarchySpec) -> str:
        """In what subgoals that were recorded under a hierarchy mean something else than these; empty: in nothing."""
        return meaning_difference(self._space.level, hierarchy.levels[0]) if hierarchy.levels else ""

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Fill the store, and write relabelled subgoals over the recorded ones."""
        self._task.learn(piece.episode for piece in pieces)
        usable: list[Piece] = []
        without: list[Piece] = []
        for piece in pieces:
            (without if decisions(piece.episode) is None else usable).append(piece)
        refused = super().take(usable, version)
        unread = self._overlay.apply(version)
        return [Refusal.of(piece.episode, _NO_SUBGOALS) for piece in without] + refused + unread

    def update(self, env_steps: int) -> Iterator[Update]:
        """Make a group of worker updates and the manager updates that go with them.

        Raises:
            HrlError: task goals are to be relabelled, but the recorded rewards are others than they would be given.
        """
        if self._config.relabels_goals and not self._task.known:
            raise HrlError(
                f"recorded rewards of task '{self._spec.name}' are neither minus the distance to the goal nor -1 until "
                "success: task goals cannot be relabelled; set relabel_goals_uniform and relabel_goals_future to 0"
            )
        yield from super().update(env_steps)

    def _worker_due(self) -> int:
        """Updates are for the steps that pay for them: of those after ``worker_learning_ends`` it makes none."""
        ends = self._config.worker_learning_ends
        return min(GROUP, max(0, self.paid(ends) - self.updates)) if ends else GROUP

    def _update_others(self, env_steps: int, rng: np.random.Generator) -> Iterator[Update]:
        config = self._config
        self._manager_credit += GROUP * config.manager_updates / (self._space.level.horizon * config.worker_updates)
        due, self._manager_credit = divmod(self._manager_credit, 1)
        if due and env_steps >= config.manager_learning_starts:
            yield from self.agent.update_manager(self.store, rng, int(due))
        # Its interval counts environment steps, which are what updates are made for.
        interval = config.adjacency_interval * config.worker_updates
        if self.agent.adjacency is not None and (self.updates - GROUP) // interval != self.updates // interval:
            yield Update("manager", {"adjacency_loss": self.agent.adjacency.fit(self.store, rng)}, {})

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, and how far it is; the recordings fill the store again."""
        return {**super().parts(), "learner": self, "reward": self._task}

    def state_dict(self) -> dict[str, Any]:
        """Manager updates that are paid for and not yet made; updates in which the worker rested."""
        return {"manager_credit": self._manager_credit, "rested": self.rested}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._manager_credit = state["manager_credit"]
        # States of before there were any do not have them.
        self.rested = state.get("rested", 0)

    def _candidate_noise(self, index: SegmentIndex) -> torch.Tensor:
        """Noise (batch, candidates - 2, subgoal_dim) keyed by the recorded segments, whichever slots hold them."""
        count, size = self._config.candidates - DETERMINISTIC, self._space.size
        rows = []
        for slot, step in zip(index.slots.tolist(), index.starts.tolist(), strict=True):
            key, start, _ = self.store.pieces[slot]
            rows.append(candidate_noise(self._seed, key, start + step, count, size))
        return torch.from_numpy(np.stack(rows))


learner = RecordedHiroLearner
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(spec: TaskSpec, config: HiroConfig, seed: int) -> Checkpoint:
    """A policy that explores until there is one that has learned."""
    return random_checkpoint(spec, seed, hierarchy=hierarchy(spec, config))
