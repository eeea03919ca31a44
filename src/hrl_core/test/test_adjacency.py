"""The adjacency penalty of HRAC tells what is within reach."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import torch

from hrl_core.algorithms.hiro.extras import adjacency
from hrl_core.algorithms.hiro.extras.adjacency import AdjacencyPenalty, visited_cells
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.text import load_task

SPEC = dataclasses.replace(load_task("ant_maze"), max_episode_steps=60)
SPACE = GoalSpace(SPEC, hierarchy_of(SPEC, "smallest").levels[0])


def _corridor_store() -> EpisodeStore:
    """Two episodes that walk +x at y = 0 and y = 5 with 0.3 m per step, never from one to the other."""
    store = EpisodeStore(SPEC, SPACE.level, 600, 1)
    for y in (0.2, 5.2):
        state = np.zeros(30)
        state[:2] = 0.1, y
        store.begin(0, state, np.zeros(2))
        for step in range(60):
            state = state.copy()
            state[0] += 0.3
            last = np.array([step == 59])
            store.append(np.zeros((1, 8)), np.zeros(1), state[None], np.array([False]), last)
    return store


def _table(cells: adjacency.Cells) -> np.ndarray:
    """All pairs, as it takes too much memory to have them."""
    table = np.zeros((len(cells.centres), len(cells.centres)), np.bool_)
    table[tuple(cells.near(np.arange(cells.near_pairs)).T)] = True
    return table


def test_near_is_what_was_seen_within_reach() -> None:
    cells = visited_cells(_corridor_store(), SPACE.indices, reach=10)
    adjacent, at = _table(cells), {tuple(c): i for i, c in enumerate(cells.centres.tolist())}
    assert adjacent[at[0.5, 0.5], at[2.5, 0.5]]
    assert not adjacent[at[0.5, 0.5], at[4.5, 0.5]]
    assert not adjacent[at[0.5, 0.5], at[0.5, 5.5]]
    assert (adjacent == adjacent.T).all()
    assert adjacent.diagonal().all()


def test_near_and_far_pairs_are_all_pairs_each_once_in_rising_order() -> None:
    cells = visited_cells(_corridor_store(), SPACE.indices, reach=3)
    adjacent = _table(cells)
    np.testing.assert_array_equal(cells.near(np.arange(cells.near_pairs)), np.argwhere(adjacent))
    np.testing.assert_array_equal(cells.far(np.arange(cells.far_pairs)), np.argwhere(~adjacent))


def test_memory_grows_with_what_was_lived_not_with_the_pairs_of_cells() -> None:
    """A walk that never comes back: 6,000 cells, of whose 36 million pairs a table would hold each."""
    task = dataclasses.replace(SPEC, max_episode_steps=6_000)
    store, states = EpisodeStore(task, SPACE.level, 6_000, 1), np.zeros((6_001, 30))
    states[:, 0] = np.arange(6_001)
    store.begin(0, states[0], np.zeros(2))
    for state in states[1:]:
        store.append(np.zeros((1, 8)), np.zeros(1), state[None], np.array([False]), np.array([False]))
    tracemalloc.start()
    cells = visited_cells(store, SPACE.indices, reach=10)
    drawn = cells.far(np.random.default_rng(0).integers(0, cells.far_pairs, 1_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(cells.centres) == 6_001
    assert (np.abs(drawn[:, 0] - drawn[:, 1]) > 10).all()
    assert peak < 20e6


def test_fitted_penalty_separates_near_from_far_and_points_back() -> None:
    penalty = AdjacencyPenalty(SPACE.indices, 10, torch.Generator().manual_seed(0))
    here = torch.zeros(2, 32)
    here[:, :2] = torch.tensor([6.0, 0.5])
    subgoals = torch.tensor([[1.0, 0.0], [9.0, 0.0]])
    assert not penalty.gradient(here, subgoals).any()
    penalty.fit(_corridor_store(), np.random.default_rng(0))
    near, far = penalty.penalty(here, subgoals).tolist()
    assert near < 0.1 < far
    gradient = penalty.gradient(here, subgoals)
    assert gradient[1, 0] > 0


def test_state_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjacency, "BATCHES", 20)
    one, other = (AdjacencyPenalty(SPACE.indices, 10, torch.Generator().manual_seed(s)) for s in (0, 1))
    one.fit(_corridor_store(), np.random.default_rng(0))
    other.load_state_dict(one.state_dict())
    here, subgoals = torch.randn(5, 32), torch.randn(5, 2)
    assert torch.equal(one.gradient(here, subgoals), other.gradient(here, subgoals))
