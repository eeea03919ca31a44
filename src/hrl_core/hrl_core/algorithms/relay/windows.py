"""Relay data: rows drawn from episodes, never stored (arXiv 1910.11956, section 3.2, algorithm 2).

Whoever was somewhere w steps later can be said to have been on the way there; t is drawn by step, not by episode.
What is cloned is what was really done, noise and all: that is what led there.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.replay.episode_slots import Index
from hrl_core.replay.episode_store import EpisodeStore

Float32 = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """What a level is to clone; leading axis (batch,)."""

    states: Float32
    pursued: Float32
    """What was on the way to: an offset in the goal space, or a task goal."""
    done: Float32
    """The action, or the subgoal, that led there."""


def worker_rows(store: EpisodeStore, slots: Index, steps: Index, window: int, rng: np.random.Generator) -> Rows:
    """Rows of a worker.

    w ~ U{1 ... min(W_l, T - t)}:   (s_t, phi(s_{t+w}) - phi(s_t)) -> a_t
    """
    later = steps + _ahead(store, slots, steps, window, rng)
    states = store.states[slots, steps]
    offsets = store.positions(store.states[slots, later]) - store.positions(states)
    return Rows(states, offsets, store.actions[slots, steps])


def manager_rows(
    store: EpisodeStore, slots: Index, steps: Index, window: int, horizon: int, rng: np.random.Generator
) -> Rows:
    """Rows of a manager.

    w ~ U{1 ... min(W_h, T - t)}:   (s_t, psi(s_{t+w})) -> phi(s_{t + min(w, W_l)}) - phi(s_t)
    """
    ahead = _ahead(store, slots, steps, window, rng)
    states = store.states[slots, steps]
    soon = store.states[slots, steps + np.minimum(ahead, horizon)]
    goals = store.achieved_goals(slots, steps + ahead)
    return Rows(states, goals, store.positions(soon) - store.positions(states))


def flat_rows(store: EpisodeStore, slots: Index, steps: Index, last: bool, rng: np.random.Generator) -> Rows:
    """Rows of goal-conditioned cloning.

    w ~ U{1 ... T - t}, or w = T - t where goals are the episode's last state:   (s_t, psi(s_{t+w})) -> a_t
    """
    later = store.lengths[slots] if last else steps + _ahead(store, slots, steps, 0, rng)
    return Rows(store.states[slots, steps], store.achieved_goals(slots, later), store.actions[slots, steps])


def _ahead(store: EpisodeStore, slots: Index, steps: Index, window: int, rng: np.random.Generator) -> Index:
    """Steps ahead, at most ``window`` (0: no bound) and never beyond the end of the episode, (batch,)."""
    left = store.lengths[slots] - steps
    return rng.integers(1, (np.minimum(left, window) if window else left) + 1)
