"""Managers and workers whose subgoals are offsets in a space that was learned: f(s) of a network, not parts of s."""

from typing import Any

from hrl_core.hierarchy.policies import ActorManager, ActorWorker, Manager, Worker
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.messages import Vector
from hrl_core.networks.fast_actor import FastActor


class Embedded:
    """Knows where a state lies in the space."""

    embedding: FastActor

    def position(self, state: Vector) -> Vector:
        """F(s) of a state (observation_dim,), shape (subgoal_dim,)."""
        return self.embedding(to_float32(state)).astype(float)


class EmbeddedManager(Embedded, ActorManager):
    """A manager that chooses where to in a learned space."""

    def __init__(self, *own: Any, embedding: FastActor) -> None:  # noqa: ANN401 - those of ``ActorManager``
        """Take over weights as ``ActorManager`` does, and the embedding."""
        super().__init__(*own)
        self.embedding = embedding


class EmbeddedWorker(Embedded, ActorWorker):
    """A worker that is told where to in a learned space."""

    def __init__(self, *own: Any, embedding: FastActor) -> None:  # noqa: ANN401 - those of ``ActorWorker``
        """Take over weights as ``ActorWorker`` does, and the embedding."""
        super().__init__(*own)
        self.embedding = embedding


def position(space: GoalSpace, state: Vector, policy: Manager | Worker) -> Vector:
    """Where a state (observation_dim,) lies in the goal space of a level, by the policy that acts there."""
    if isinstance(policy, Embedded):
        return policy.position(state)
    return state[space.indices]
