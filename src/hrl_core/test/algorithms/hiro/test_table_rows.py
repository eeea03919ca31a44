"""Laws of the rows of HIRO's table 1 and figure 4 that are switches: FuN's reward and correction, and the ablations."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from hrl_core.algorithms.hiro.config import PRESETS, HiroConfig
from hrl_core.algorithms.hiro.extras.random_subgoals import with_random_subgoals
from hrl_core.algorithms.hiro.learner import HiroLearner, hierarchy
from hrl_core.algorithms.hiro.relabelling import GAUSSIAN_STD, candidate_noise, gaussian_subgoals
from hrl_core.algorithms.hiro.returns import worker_rewards
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.bags.keys import EpisodeKey
from hrl_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.replay.episode_store import Windows, WorkerBatch
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import evaluate_checkpoint

TASK = load_task("point_maze")
SPACE = GoalSpace(TASK, hierarchy_of(TASK).levels[0])
SIZE = SPACE.size
COSINE = HiroConfig(worker_reward="cosine")
NUMBERS = st.floats(-50, 50, width=32).filter(lambda x: abs(x) > 0.01)


def batch_of(subgoals: np.ndarray, moved: np.ndarray) -> WorkerBatch:
    """Transitions whose subgoals are as given, and whose steps went ``moved``."""
    count, seen = len(subgoals), len(TASK.observation)
    empty, remaining = np.zeros((count, seen), np.float32), subgoals - moved
    nothing = np.zeros(count, np.float32)
    return WorkerBatch(
        states=empty,
        subgoals=subgoals,
        actions=np.zeros((count, len(TASK.action)), np.float32),
        next_states=empty,
        remaining=remaining,
        next_subgoals=remaining,
        rewards=nothing,
        task_goals=empty[:, : len(TASK.goal)],
        terminated=nothing > 0,
    )


@given(st.tuples(NUMBERS, NUMBERS), st.floats(0.1, 10), st.floats(0.1, 10))
@example((0.015625, 0.015625), 0.5, 0.25)
def test_the_cosine_reward_looks_at_directions_alone(direction, far, fast):
    """Law 5-1: the same however long subgoal and step are; 1 straight along, -1 backwards, 0 where nothing moved."""
    along = np.array([direction], np.float32)
    aside = np.array([[-direction[1], direction[0]]], np.float32)

    def reward(subgoal, moved):
        return worker_rewards(TASK, COSINE, batch_of(subgoal.astype(np.float32), moved.astype(np.float32)))[0]

    assert reward(along * far, along * fast) == pytest.approx(1, abs=1e-2)
    assert reward(along * far, -along * fast) == pytest.approx(-1, abs=1e-2)
    assert reward(along * far, aside * fast) == pytest.approx(0, abs=1e-2)
    assert reward(along * far, along * 0) == 0


def windows_of(displacement: np.ndarray) -> Windows:
    count, seen = len(displacement), len(TASK.observation)
    states, actions = np.zeros((count, 3, seen), np.float32), np.zeros((count, 3, len(TASK.action)), np.float32)
    places = np.zeros((count, 3, SIZE), np.float32)
    return Windows(states, actions, np.full(count, 3), displacement.astype(np.float32), places)


def test_gaussian_subgoals_are_drawn_about_where_the_worker_went():
    """Law 5-2: mean the displacement, deviation a tenth of the half-range, within the range."""
    count, half = 20_000, (SPACE.high - SPACE.low) / 2
    went = np.tile(0.3 * half, (count, 1))
    noise = torch.randn(count, 8, SIZE, generator=torch.Generator().manual_seed(0))
    choice = gaussian_subgoals(SPACE, windows_of(went), torch.zeros(count, SIZE), noise)
    drawn = choice.subgoals.numpy()
    np.testing.assert_allclose(drawn.mean(0), went[0], atol=4 * GAUSSIAN_STD * half.max() / count**0.5)
    np.testing.assert_allclose(drawn.std(0), GAUSSIAN_STD * half, rtol=0.03)
    assert set(choice.candidate.tolist()) == {1}
    beyond = gaussian_subgoals(SPACE, windows_of(went * 10), torch.zeros(count, SIZE), noise).subgoals.numpy()
    assert np.all(beyond <= SPACE.high.astype(np.float32))
    # The displacement itself is clipped first, so that half of the draws end at the edge.
    np.testing.assert_allclose((beyond == SPACE.high.astype(np.float32)).mean(0), 0.5, atol=0.02)


def test_a_recorded_transition_is_relabelled_alike_whichever_batch_draws_it():
    key = EpisodeKey(3, "robot", 5)
    noise = torch.from_numpy(candidate_noise(1, key, 20, 8, SIZE)[None])
    went, stored = windows_of(np.zeros((1, SIZE))), torch.zeros(1, SIZE)
    alone = gaussian_subgoals(SPACE, went, stored, noise).subgoals
    many = windows_of(np.zeros((3, SIZE)))
    among = gaussian_subgoals(SPACE, many, torch.zeros(3, SIZE), noise.expand(3, -1, -1)).subgoals
    assert torch.equal(alone[0], among[2])


def test_redrawn_subgoals_keep_the_transition_of_the_paper():
    """H(s, g, s') = s + g - s' holds under the subgoal that is put in, and the others stay as they were."""
    rng = np.random.default_rng(0)
    before = batch_of(*(rng.normal(size=(2, 500, SIZE)).astype(np.float32)))
    after, told = with_random_subgoals(SPACE, before, 0.5, rng)
    redrawn = (after.subgoals != before.subgoals).any(axis=1)
    np.testing.assert_array_equal(told, redrawn)
    assert 0.4 < redrawn.mean() < 0.6
    moved = before.subgoals - before.remaining
    np.testing.assert_allclose(after.subgoals - after.remaining, moved, atol=1e-4)
    np.testing.assert_array_equal(after.next_subgoals[redrawn], after.remaining[redrawn])
    np.testing.assert_array_equal(after.next_subgoals[~redrawn], before.next_subgoals[~redrawn])
    assert np.all((after.subgoals[redrawn] >= SPACE.low) & (after.subgoals[redrawn] <= SPACE.high))


def small(**switches) -> HiroConfig:
    """The preset of the paper with small networks that soon learn."""
    base = dataclasses.replace(PRESETS["paper"].agent, learning_starts=40, overlap=False, **switches)
    size = {"hidden": (8, 8), "batch_size": 8}
    return dataclasses.replace(
        base, **{name: dataclasses.replace(getattr(base, name), **size) for name in ("worker", "manager")}
    )


def learner_after(config: HiroConfig, steps: int) -> HiroLearner:
    envs = VectorEnv(TASK, 2, seed=0)
    learner = HiroLearner(TASK, config, envs, 0)
    for _ in range(steps // 2):
        learner.observe(envs.step(learner.act()))
        list(learner.update())
    return learner


def test_a_frozen_worker_learns_no_more_and_its_manager_does():
    config = small(worker_learning_ends=100)
    at_the_end, later = learner_after(config, 100), learner_after(config, 300)
    updates = [{name: level.updates for name, level in k.levels().items()} for k in (at_the_end, later)]
    assert updates[0]["worker"] == updates[1]["worker"] > 0
    assert updates[1]["manager"] > updates[0]["manager"]


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"correction": "tpg"}, "correction: 'tpg' is none of argmax, gaussian"),
        ({"correction": "gaussian", "candidates": 0}, "candidates of 3 or more, got 0"),
        ({"relabel_subgoals_random": 1.5}, r"must lie in \[0, 1\]"),
        ({"worker_learning_ends": -1}, "at least 0"),
        ({"embedding": 1}, "0 or at least 2"),
        ({"embedding": 8, "adjacency_weight": 20.0}, "no headings, distances"),
    ],
)
def test_switches_that_cannot_be(switches, words):
    with pytest.raises(HrlError, match=words):
        HiroConfig(**switches)


def test_a_learned_goal_space_moves_and_stored_targets_with_it():
    """Subgoals stay what they were, from where f sees today the states at which they were chosen."""
    learner = learner_after(small(embedding=3), 120)
    store, embedding = learner.store, learner.agent.embedding
    assert embedding is not None
    slots, steps = store.draw_steps(50, np.random.default_rng(0))
    before, (anchors, subgoals) = store.steps_at(slots, steps), store.chosen_at(slots, steps)
    np.testing.assert_allclose(
        before.subgoals, embedding.positions(anchors) + subgoals - embedding.positions(before.states), atol=1e-5
    )
    np.testing.assert_array_equal(anchors, store.states[slots, steps // 10 * 10])
    learner.agent.update_worker(store, np.random.default_rng(1), 20)
    after = store.steps_at(slots, steps)
    np.testing.assert_array_equal(store.chosen_at(slots, steps)[1], subgoals)
    assert np.abs(after.subgoals - before.subgoals).max() > 1e-4


def test_the_embedding_gets_what_the_loss_passes_back_to_the_subgoals_that_are_carried():
    learner = learner_after(small(embedding=3), 60)
    embedding = learner.agent.embedding
    assert embedding is not None
    slots, steps = learner.store.draw_steps(16, np.random.default_rng(0))
    states, (anchors, subgoals) = learner.store.states[slots, steps], learner.store.chosen_at(slots, steps)
    carried = embedding.carried(anchors, subgoals, states)
    target = carried.detach() + 0.1
    before = float((carried - target).detach().square().sum())
    embedding.learn(carried, 2 * (carried.detach() - target))
    assert float((embedding.carried(anchors, subgoals, states) - target).detach().square().sum()) < before


def test_a_policy_with_a_learned_goal_space_acts_by_its_sessions_and_survives_a_file(tmp_path):
    learner = learner_after(small(embedding=3), 60)
    policy = untrained_checkpoint("hiro", TASK, hierarchy(TASK, small(embedding=3)), learner.levels(), 0)
    save_checkpoint(policy, tmp_path / "policy")
    read = load_checkpoint(tmp_path / "policy")
    told = [rollout(EnvRunner(TASK, seed=0), p.stack(seed=0), 0) for p in (policy, read)]
    assert [a.value.tobytes() for a in told[0].actions] == [a.value.tobytes() for a in told[1].actions]
    first = told[0].subgoals[0]
    assert learner.agent.embedding is not None
    place = learner.agent.embedding.positions(told[0].observations[0].state)
    np.testing.assert_allclose(first.anchor, place, atol=1e-5)
    assert len(first.value) == 3
    assert math.isfinite(evaluate_checkpoint(read, VectorEnv(TASK, 1, seed=0))[0].episode_return)


def test_a_learned_goal_space_goes_on_after_a_resume_as_if_nothing_had_been():
    config = small(embedding=3)
    learner, again = learner_after(config, 60), learner_after(config, 0)
    for (name, part), other in zip(learner.parts().items(), again.parts().values(), strict=True):
        if name in ("agent", "store", "learner"):
            other.load_state_dict(copy.deepcopy(dict(part.state_dict())))
    made = [k.agent.update_worker(k.store, np.random.default_rng(1), 5) for k in (learner, again)]
    assert [u.metrics for u in made[0]] == [u.metrics for u in made[1]]
    weights = [k.levels()["embedding"].weights for k in (learner, again)]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
