"""What learning from recordings has in common, whatever the algorithm."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import Learner, LevelWeights, Stateful, Update
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.learners.transitions import OffPolicyLearner
from hrl_core.messages import WORKER_LEVEL
from hrl_core.randomness import Purpose, step_generator, step_seed
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.store import Piece, RecordedStore, Refusal, StoredPiece

GROUP = 8
"""Worker updates whose batches are drawn together; the unit in which training is counted."""


class Agent(Stateful, Protocol):
    """Networks that learn from a store of episodes."""

    @property
    def worker(self) -> OffPolicyLearner:
        """The level that acts."""
        ...

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int, /) -> list[Update]:
        """Gradient steps of the worker."""
        ...

    def level_weights(self) -> Mapping[str, LevelWeights]:
        """What a checkpoint keeps."""
        ...


AnyAgent = TypeVar("AnyAgent", bound=Agent)


class Memory(Protocol):
    """What a run tells of the recordings that its learner draws from."""

    pieces: dict[int, StoredPiece]
    """What each slot holds."""

    @property
    def lengths(self) -> Sequence[int] | npt.NDArray[np.int64]:
        """Environment steps of each slot."""
        ...

    @property
    def segments(self) -> int:
        """Something to learn from; 0: there is not enough yet."""
        ...

    def __len__(self) -> int:
        """Environment steps."""
        ...


class FromRecordings(Learner, Protocol):
    """What ``recordings.trainer.BagTrainer`` asks of a learner."""

    on_policy: bool
    """Whether it only learns from its newest policy, so that robots need every one."""
    frozen_worker: bool
    """Whether the worker stays as it is."""

    @property
    def warm_start_steps(self) -> int:
        """Environment steps up to which the untrained policy explores better than the one that is learned."""
        ...

    @property
    def store(self) -> Memory:
        """Its memory."""
        ...

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        ...

    @property
    def relabelled(self) -> int:
        """Recorded subgoals that relabelled ones stand in for."""
        ...

    def paid(self, env_steps: int) -> int:
        """Worker updates that so many recorded steps pay for."""
        ...

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Take in recorded stretches while the policy is at ``version``; returns what has no place."""
        ...

    def update(self, env_steps: int) -> Iterator[Update]:
        """Make some worker updates, and what goes with them, after ``env_steps`` recorded steps."""
        ...


@runtime_checkable
class Explores(Protocol):
    """A learner whose collectors act otherwise than its policies do by themselves."""

    def exploring(self, policy: Checkpoint, env_steps: int) -> Checkpoint:
        """The policy as it collects after so many environment steps."""
        ...


@runtime_checkable
class ReadsSubgoals(Protocol):
    """A learner that learns from recorded subgoals, which have to mean what its own do."""

    def foreign(self, hierarchy: HierarchySpec) -> str:
        """In what subgoals that were recorded under a hierarchy are not such; empty: in nothing, or there are none."""
        ...


class RecordedLearner(Generic[AnyAgent]):
    """An agent and its store of episodes, which is filled from recordings; a ``FromRecordings``."""

    on_policy = False
    frozen_worker = False
    warm_start_steps = 0
    """Environment steps up to which the untrained policy explores better than the one that is learned."""
    learning_starts = 0
    """First environment steps, which pay for nothing: by rounds those of the policy that has learned nothing. Who
    learns from recordings that are there already need not wait for more."""
    rested = 0
    """Updates that the worker stayed as it was in, counted like others: the rest of the policy learned."""

    def __init__(
        self,
        spec: TaskSpec,
        level: LevelSpec | None,
        agent: AnyAgent,
        capacity: int,
        seed: int,
        noise: torch.Generator,
        worker_updates: float,
    ) -> None:
        """Begin with an empty store.

        Args:
            spec: the task.
            level: whose subgoals are learned from; None: from none.
            agent: at its beginning.
            capacity: environment steps kept.
            seed: what batches are drawn by.
            noise: what the agent draws smoothing noise from.
            worker_updates: per recorded step.
        """
        self.agent, self.store = agent, RecordedStore(spec, level, capacity)
        self._spec, self._seed, self._noise, self._worker_updates = spec, seed, noise, worker_updates

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        return self.agent.worker.updates + self.rested

    @property
    def relabelled(self) -> int:
        """Recorded subgoals that relabelled ones stand in for."""
        return 0

    def paid(self, env_steps: int) -> int:
        """Worker updates that so many recorded steps pay for."""
        return int(max(0, env_steps - self.learning_starts) * self._worker_updates)

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Take in recorded stretches, none or more, while the policy is at ``version``; returns what has no place."""
        return self.store.take(pieces)

    def update(self, env_steps: int) -> Iterator[Update]:
        """Make a group of worker updates, and what goes with them, after ``env_steps`` recorded steps."""
        group = self.updates // GROUP
        # Generators of the group, not of the process: whoever resumes draws the same.
        self._noise.manual_seed(step_seed(self._seed, Purpose.UPDATE, WORKER_LEVEL, 0, group))
        rng = step_generator(self._seed, Purpose.BATCH, WORKER_LEVEL, 0, group)
        due = self._worker_due()
        if due:
            yield from self.agent.update_worker(self.store, rng, due)
        self.rested += GROUP - due
        yield from self._update_others(env_steps, rng)

    def levels(self) -> Mapping[str, LevelWeights]:
        """The present policy, level by level; it is another one though its worker rested."""
        levels = self.agent.level_weights()
        return {**levels, "worker": levels["worker"]._replace(updates=self.updates)}

    def parts(self) -> Mapping[str, Stateful]:
        """What a resume needs besides the recordings, which fill the store again."""
        return {"agent": self.agent}

    def _worker_due(self) -> int:
        """Updates of a group that the worker makes; it rests in the others."""
        return GROUP

    def _update_others(self, env_steps: int, rng: np.random.Generator) -> Iterator[Update]:
        """What goes with a group of worker updates."""
        yield from ()
