"""The adjacency penalty of HRAC tells what is within reach."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.hiro.extras import adjacency
from hrl_core.algorithms.hiro.extras.adjacency import AdjacencyPenalty, adjacency_table
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


def test_table_holds_what_was_seen_within_reach() -> None:
    centres, adjacent = adjacency_table(_corridor_store(), SPACE.indices, reach=10)
    at = {tuple(c): i for i, c in enumerate(centres.tolist())}
    assert adjacent[at[0.5, 0.5], at[2.5, 0.5]]
    assert not adjacent[at[0.5, 0.5], at[4.5, 0.5]]
    assert not adjacent[at[0.5, 0.5], at[0.5, 5.5]]
    assert (adjacent == adjacent.T).all()


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
