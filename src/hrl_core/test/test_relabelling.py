"""Laws of off-policy correction."""

import numpy as np
import pytest
import torch

from hrl_core.algorithms.hiro import relabelling
from hrl_core.algorithms.hiro.relabelling import (
    DRAW_STD,
    RelabelChoice,
    best_candidates,
    candidate_errors,
    candidate_subgoals,
)
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.replay.episode_store import Windows
from hrl_core.task.text import load_task

TASK = load_task("ant_maze")
SPACE = GoalSpace(TASK, hierarchy_of(TASK).levels[0])
BATCH, PERIOD, DIM = 16, 10, 15
LOW, HIGH = (
    torch.from_numpy(SPACE.low.copy()).float(),
    torch.from_numpy(SPACE.high.copy()).float(),
)


@pytest.fixture
def policy() -> Actor:
    config = ActorConfig(45, (32, 32), tuple(TASK.action_low), tuple(TASK.action_high), masked=(0, 1))
    actor = Actor(config, torch.Generator().manual_seed(0))
    with torch.no_grad():
        actor.linears[-1].weight.mul_(100)
    return actor.requires_grad_(False)


def _subgoals(seed: int) -> torch.Tensor:
    return LOW + (HIGH - LOW) * torch.rand(BATCH, DIM, generator=torch.Generator().manual_seed(seed))


def _carried(states: torch.Tensor, subgoals: torch.Tensor, step: int) -> torch.Tensor:
    """H of the paper, written from its definition: g_(i+1) = s_i + g_i - s_(i+1)."""
    position = states[:, :, SPACE.indices]
    for i in range(step):
        subgoals = position[:, i] + subgoals - position[:, i + 1]
    return subgoals


def _windows(policy: Actor, subgoals: torch.Tensor, seed: int = 0, noise: float = 0.0) -> Windows:
    """States at random, actions that the policy takes under ``subgoals`` with Gaussian noise."""
    g = torch.Generator().manual_seed(seed)
    states = torch.randn(BATCH, PERIOD, 30, generator=g)
    actions = torch.stack(
        [policy(torch.cat((states[:, i], _carried(states, subgoals, i)), 1)) for i in range(PERIOD)], 1
    )
    actions = actions + noise * torch.randn(actions.shape, generator=g)
    ends = states[:, -1, SPACE.indices] + 0.1
    places = states[:, :, SPACE.indices].numpy()
    return Windows(states.numpy(), actions.numpy(), np.full(BATCH, PERIOD), ends.numpy(), places)


def _relabel(policy: Actor, windows: Windows, stored: torch.Tensor) -> RelabelChoice:
    proposals = candidate_subgoals(SPACE, windows, stored, 10, torch.Generator().manual_seed(0))
    return best_candidates(SPACE, windows, proposals, policy)


def _errors_one_by_one(policy: Actor, windows: Windows, proposals: torch.Tensor) -> torch.Tensor:
    """Squared errors in units of 30 N m, candidate after candidate, the way open implementations do it."""
    states, actions = torch.from_numpy(windows.states), torch.from_numpy(windows.actions)
    errors = torch.zeros(proposals.shape[:2])
    for b in range(BATCH):
        for k in range(proposals.shape[1]):
            for i in range(int(windows.lengths[b])):
                carried = _carried(states[b : b + 1], proposals[b : b + 1, k], i)
                action = policy(torch.cat((states[b : b + 1, i], carried), 1))
                errors[b, k] += ((action - actions[b : b + 1, i]) / 30).square().sum()
    return errors


def test_subgoal_that_produced_exactly_these_actions_is_kept(policy: Actor) -> None:
    subgoals = _subgoals(1)
    choice = _relabel(policy, _windows(policy, subgoals), subgoals)
    assert torch.equal(choice.subgoals, subgoals)
    assert not choice.candidate.any()


def test_the_subgoal_behind_the_actions_is_found_among_candidates(policy: Actor) -> None:
    true, stored = _subgoals(1), _subgoals(2)
    windows = _windows(policy, true)
    proposals = torch.stack((stored, _subgoals(3), true, _subgoals(4)), 1)
    assert (best_candidates(SPACE, windows, proposals, policy).candidate == 2).all()


@pytest.mark.parametrize("noise", [0.0, 1.0, 20.0])
def test_pruned_search_chooses_what_a_full_search_chooses(policy: Actor, noise: float) -> None:
    stored = _subgoals(2)
    windows = _windows(policy, _subgoals(1), noise=noise)
    windows = windows._replace(lengths=np.arange(BATCH) % PERIOD + 1)
    proposals = candidate_subgoals(SPACE, windows, stored, 10, torch.Generator().manual_seed(0))
    errors = _errors_one_by_one(policy, windows, proposals)
    choice = best_candidates(SPACE, windows, proposals, policy)
    assert torch.equal(choice.candidate, errors.argmin(1))
    torch.testing.assert_close(choice.error, errors.amin(1), atol=1e-4, rtol=1e-4)
    assert (choice.error <= errors[:, 0] + 1e-4).all()
    torch.testing.assert_close(candidate_errors(SPACE, windows, proposals, policy), errors, atol=1e-4, rtol=1e-4)


def test_candidates_are_stored_displacement_and_clipped_draws(policy: Actor) -> None:
    stored = _subgoals(2)
    windows = _windows(policy, stored)
    windows = windows._replace(end_positions=windows.end_positions + 50.0 * (np.arange(BATCH) == 0)[:, None])
    proposals = candidate_subgoals(SPACE, windows, stored, 4000, torch.Generator().manual_seed(0))
    displacement = torch.from_numpy(windows.end_positions - windows.states[:, 0, SPACE.indices])
    assert torch.equal(proposals[:, 0], stored)
    torch.testing.assert_close(proposals[:, 1], displacement.clamp(LOW, HIGH))
    assert (proposals >= LOW).all()
    assert (proposals <= HIGH).all()
    xy = proposals[1:, 2:, :2]
    assert xy.std(1).mean() == pytest.approx(DRAW_STD * 10, rel=0.1)


def test_states_beyond_a_short_segment_do_not_count(policy: Actor) -> None:
    stored = _subgoals(2)
    windows = _windows(policy, _subgoals(1), noise=1.0)._replace(lengths=np.full(BATCH, 4))
    spoilt = windows._replace(states=windows.states.copy(), actions=windows.actions.copy())
    spoilt.states[:, 4:], spoilt.actions[:, 4:] = 1e3, -1e3
    a, b = (_relabel(policy, w, stored) for w in (windows, spoilt))
    assert torch.equal(a.subgoals, b.subgoals)


@pytest.mark.parametrize("lead", [0, 1, 10, 20])
def test_choice_does_not_depend_on_when_the_leader_goes_ahead(
    policy: Actor, lead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = _subgoals(2)
    windows = _windows(policy, _subgoals(1), noise=20.0)
    expected = _relabel(policy, windows, stored)
    monkeypatch.setattr(relabelling, "LEAD", lead)
    assert torch.equal(_relabel(policy, windows, stored).candidate, expected.candidate)


def test_of_equal_candidates_the_lowest_index_is_chosen(policy: Actor) -> None:
    true, stored = _subgoals(1), _subgoals(2)
    proposals = torch.stack((stored, _subgoals(3), true, true, stored), 1)
    windows = _windows(policy, true, noise=0.1)
    assert (best_candidates(SPACE, windows, proposals, policy).candidate == 2).all()
    windows = _windows(policy, stored, noise=0.1)
    assert not best_candidates(SPACE, windows, proposals, policy).candidate.any()


def test_policy_that_yields_nan_keeps_the_stored_subgoals(policy: Actor) -> None:
    stored = _subgoals(2)
    windows = _windows(policy, _subgoals(1))
    with torch.no_grad():
        for weight in policy.parameters():
            weight.fill_(torch.nan)
    assert not _relabel(policy, windows, stored).candidate.any()
