"""What an algorithm is to the training loop: a learner that acts, observes and updates, and what it is made from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import GREEDY
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
Metrics = dict[str, float]


class Update(NamedTuple):
    """A gradient step, or another piece of learning, that was made."""

    level: str
    metrics: Metrics
    """The divergence guard looks at all, and at ``value`` and ``target``, which critics tell, for their size."""
    batch: Mapping[str, torch.Tensor | None]
    """What was learned from, for a post-mortem; updates drawn together share it."""


def as_tensors(rows: tuple[Any, ...]) -> dict[str, torch.Tensor]:
    """The arrays of a named tuple by their names, for the batch of an ``Update``; what they hold is not copied."""
    return {name: torch.from_numpy(part) for name, part in rows._asdict().items()}  # pyright: ignore[reportAttributeAccessIssue]


Work = Callable[[], list[Update]]
"""Makes updates whose batches are drawn."""


def done_in_turn(work: Iterable[Work]) -> list[Update]:
    """Do one piece after the other."""
    return [update for piece in work for update in piece()]


class OneActor(Protocol):
    """A learner of one level."""

    actor_config: ActorConfig
    updates: int
    """Updates so far."""

    def actor_arrays(self) -> dict[str, Float32]:
        """The actor's parameters as arrays of their own."""
        ...


class LevelWeights(NamedTuple):
    """What a checkpoint keeps of one level."""

    actor: ActorConfig
    weights: Mapping[str, Float32]
    updates: int
    """Updates so far."""

    @classmethod
    def of(cls, learner: OneActor) -> "LevelWeights":
        """What it has learned by now."""
        return cls(learner.actor_config, learner.actor_arrays(), learner.updates)


def acting_weights(levels: Mapping[str, LevelWeights]) -> dict[str, Float32]:
    """The weights of all levels as a checkpoint holds them: ``<level>.<parameter>`` -> array."""
    return {f"{level}.{name}": array for level, kept in levels.items() for name, array in kept.weights.items()}


def untrained_checkpoint(
    algorithm: str,
    spec: TaskSpec,
    hierarchy: HierarchySpec,
    levels: Mapping[str, LevelWeights],
    seed: int,
    evaluation: str = GREEDY,
) -> Checkpoint:
    """The policy of a learner at the beginning of its training, which explores as in training."""
    return Checkpoint(
        task=spec,
        hierarchy=hierarchy,
        algorithm=algorithm,
        trained=False,
        version=0,
        env_steps=0,
        seed=seed,
        git_commit="",
        actors={name: level.actor for name, level in levels.items()},
        weights=acting_weights(levels),
        evaluation=evaluation,
    )


class Stateful(Protocol):
    """A part of a run that a resume needs."""

    def state_dict(self) -> Mapping[str, Any]:
        """Tensors, arrays and plain data (of JSON) by name."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        ...


class Learner(Protocol):
    """Networks and memory, wherever the experience comes from."""

    def levels(self) -> Mapping[str, LevelWeights]:
        """The present policy, level by level."""
        ...

    def parts(self) -> Mapping[str, Stateful]:
        """Everything that a resume needs, in the order in which it is restored."""
        ...


class ActingLearner(Learner, Protocol):
    """Lives in environments: exploration, and its own schedule of updates."""

    def act(self) -> npt.NDArray[np.float64]:
        """Actions (num_envs, action_dim) of all environments, exploring."""
        ...

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Take in what ``act`` led to; figures of each level."""
        ...

    def update(self) -> Iterator[Update]:
        """Make the updates that are due now."""
        ...


@runtime_checkable
class OverlappingLearner(Protocol):
    """Can learn while the environments step, from what was remembered before."""

    def meanwhile(self) -> Sequence[Work]:
        """Work due between ``act`` and ``observe``; ``update`` makes what is not among it.

        Pieces touch nothing that another one, or a step of the environments, touches: whether they are done at once or
        in any order, the same bits come of it.
        """
        ...


@runtime_checkable
class OwnEnvironments(Protocol):
    """A module ``learner`` whose learner lives in other environments than the task's."""

    def environments(self, spec: TaskSpec, config: Any, num_envs: int, seed: int) -> Environments:  # noqa: ANN401 - each has its own
        """Environments to learn in; raises ``HrlError`` where the switches do not fit the task."""
        ...


@runtime_checkable
class KnowsOrigins(Protocol):
    """A learner whose parts have not all been trained in this run."""

    def provenance(self) -> Mapping[str, Any]:
        """Where they come from, as plain data."""
        ...


class Training(Protocol):
    """The module ``learner`` of an algorithm."""

    def hierarchy(self, spec: TaskSpec, config: Any) -> HierarchySpec:  # noqa: ANN401 - each has its own
        """What the levels above the worker choose."""
        ...

    def learner(self, spec: TaskSpec, config: Any, envs: Environments, seed: int) -> ActingLearner:  # noqa: ANN401 - each has its own
        """A learner at the beginning of a run.

        Raises:
            TaskError: the task lacks what a switch needs.
        """
        ...
