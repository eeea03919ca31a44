"""Relay data: rows drawn from episodes, never stored (arXiv 1910.11956, section 3.2, algorithm 2).

Whoever was somewhere w steps later can be said to have been on the way there; t is drawn by step, not by episode.
What is cloned is what was really done, noise and all: that is what led there.
"""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.relay.config import LAST, RelayConfig
from hrl_core.replay.episode_slots import Index
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
R = TypeVar("R", bound=tuple)


class Rows(NamedTuple):
    """What a level is to clone; leading axis (batch,)."""

    states: Float32
    pursued: Float32
    """What was on the way to: an offset in the goal space, or a task goal."""
    done: Float32
    """The action, or the subgoal, that led there."""


class Transitions(NamedTuple):
    """What a worker is to value; leading axis (batch,)."""

    states: Float32
    pursued: Float32
    """What is left of the way to the subgoal's target."""
    done: Float32
    rewards: Float32
    terminated: npt.NDArray[np.bool_]
    next_states: Float32
    next_pursued: Float32
    """What is left of it then; a subgoal's end is a clock's, and cuts nothing off."""
    meant: Float32
    """1 where what was done led to the target; 0 where it is the one that was lived under."""


def worker_rows(store: EpisodeStore, slots: Index, steps: Index, window: int, rng: np.random.Generator) -> Rows:
    """Rows of a worker.

    w ~ U{1 ... min(W_l, T - t)}:   (s_t, phi(s_{t+w}) - phi(s_t)) -> a_t
    """
    later = steps + _ahead(store, slots, steps, window, rng)
    states = store.states[slots, steps]
    offsets = store.positions(store.states[slots, later]) - store.positions(states)
    return Rows(states, offsets, store.actions[slots, steps])


def worker_transitions(
    store: EpisodeStore,
    slots: Index,
    steps: Index,
    config: RelayConfig,
    near: Float32,
    own: float,
    rng: np.random.Generator,
) -> Transitions:
    """Steps under a target g that was reached later, or, a share ``own`` of them, the one they were lived under.

    g = phi(s_{t+w}), w ~ U{1 ... min(W_l, T - t)}
    (s_t, g - phi(s_t)), a_t, r_t, (s_{t+1}, g - phi(s_{t+1})),   r_t = 0 if |phi(s_{t+1}) - g| <= near, else -1

    Args:
        store: of the episodes.
        slots: which ones, (batch,).
        steps: t, (batch,).
        config: switches.
        near: of every element, (subgoal_dim,).
        own: from 0 to 1; steps that were lived under none are not of them.
        rng: source of randomness.
    """
    lived = store.steps_at(slots, steps)
    later = steps + _ahead(store, slots, steps, config.horizon, rng)
    at, then = store.positions(lived.states), store.positions(lived.next_states)
    keep = (rng.random(len(slots)) < own) & np.isfinite(lived.subgoals).all(1)
    targets = np.where(keep[:, None], lived.subgoals + at, store.positions(store.states[slots, later]))
    there = (np.abs(targets - then) <= near).all(1)
    rewards, meant = there.astype(np.float32) - 1, 1 - keep.astype(np.float32)
    pursued, left = targets - at, targets - then
    return Transitions(lived.states, pursued, lived.actions, rewards, lived.terminated, lived.next_states, left, meant)


def manager_rows(store: EpisodeStore, slots: Index, steps: Index, config: RelayConfig, goals: "Goals") -> Rows:
    """Rows of a manager.

    w ~ U{1 ... min(W_h, T - t)}:   (s_t, psi(s_{t+w})) -> phi(s_{t + min(w, W_l)}) - phi(s_t)

    Under the goal that was pursued w is T - t, when it was reached.
    """
    ahead = _ahead(store, slots, steps, config.manager_window, goals.rng)
    states = store.states[slots, steps]
    shown, pursued = goals.of(store, slots, steps + ahead)
    ahead = np.where(pursued, store.lengths[slots] - steps, ahead)
    soon = store.states[slots, steps + np.minimum(ahead, config.horizon)]
    return Rows(states, shown, store.positions(soon) - store.positions(states))


def flat_rows(store: EpisodeStore, slots: Index, steps: Index, config: RelayConfig, goals: "Goals") -> Rows:
    """Rows of goal-conditioned cloning.

    w ~ U{1 ... T - t}, or w = T - t where goals are the episode's last state:   (s_t, psi(s_{t+w})) -> a_t
    """
    last = config.flat_goals == LAST
    later = store.lengths[slots] if last else steps + _ahead(store, slots, steps, 0, goals.rng)
    shown, _ = goals.of(store, slots, later)
    return Rows(store.states[slots, steps], shown, store.actions[slots, steps])


class Goals(NamedTuple):
    """Which task goals an episode can be said to have pursued."""

    task: TaskSpec
    share: float
    """Of those that it did pursue, where it ended with them reached: all that the rule counts as reached are one."""
    rng: np.random.Generator

    def of(self, store: EpisodeStore, slots: Index, later: Index) -> tuple[Float32, npt.NDArray[np.bool_]]:
        """psi(s_later), or the goal G that was pursued if psi(s_T) is within G's reach; (batch, goal_dim).

        And where it is G, (batch,).
        """
        shown = store.achieved_goals(slots, later)
        if not self.share:
            return shown, np.zeros(len(slots), np.bool_)
        pursued, ended = store.task_goals[slots], store.achieved_goals(slots, store.lengths[slots])
        own = self.task.success_holds(ended, pursued) & (self.rng.random(len(slots)) < self.share)
        return np.where(own[:, None], pursued, shown), own


def _ahead(store: EpisodeStore, slots: Index, steps: Index, window: int, rng: np.random.Generator) -> Index:
    """Steps ahead, at most ``window`` (0: no bound) and never beyond the end of the episode, (batch,)."""
    left = store.lengths[slots] - steps
    return rng.integers(1, (np.minimum(left, window) if window else left) + 1)


def side_by_side(parts: list[R], updates: int) -> R:
    """Rows of several sources as batches of ``updates`` updates, each with its share of every source."""
    if len(parts) == 1:
        return parts[0]
    columns = [
        np.concatenate([array.reshape(updates, -1, *array.shape[1:]) for array in arrays], axis=1)
        for arrays in zip(*parts, strict=True)
    ]
    return type(parts[0])(*(column.reshape(-1, *column.shape[2:]) for column in columns))
