"""Laws of relay data, and of who demonstrates."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.algorithms.relay import learner as relay_learner
from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.algorithms.relay.config import LAST, RelayConfig, hierarchy
from hrl_core.algorithms.relay.learner import RelayLearner
from hrl_core.algorithms.relay.windows import Goals, flat_rows, manager_rows, worker_rows, worker_transitions
from hrl_core.demonstrations import EXPERTS, expert_of
from hrl_core.demonstrations.demonstrator import Demonstrator
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT, hierarchy_of
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.messages import ActionSource, Mode
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.fast_actor import FastActor
from hrl_core.randomness import Draws, Purpose
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task

TASK = load_task("push_point")
LEVEL = hierarchy_of(TASK, horizon=10).levels[0]
LENGTHS = (7, 40, 200)


def counting(terminated: bool = False) -> EpisodeStore:
    """Episodes whose state, action and goal are the number of the step."""
    store = EpisodeStore(TASK, LEVEL, 1000, 0)
    for length in LENGTHS:
        steps = np.arange(length + 1.0)
        periods = -(-length // LEVEL.horizon)
        nothing = np.zeros((periods, LEVEL.dim))
        states, actions = np.tile(steps[:, None], 8), np.tile(steps[:-1, None], 2)
        store.add(StoredEpisode(states, actions, np.zeros(length), nothing, nothing, np.zeros(2), True, terminated))
    return store


def shown_by(rng: np.random.Generator) -> Goals:
    return Goals(TASK, 0.0, rng)


@settings(max_examples=30, deadline=None)
@given(window=st.integers(1, 60), reach=st.integers(0, 60), seed=st.integers(0, 2**32 - 1))
def test_rows_say_what_was_done_and_where_it_led(window: int, reach: int, seed: int) -> None:
    """Law L1: on episodes that count steps an offset is the way ahead, and never leads beyond the end."""
    store, rng = counting(), np.random.default_rng(seed)
    slots, steps = store.draw_steps(200, rng)
    left = store.lengths[slots] - steps
    low = worker_rows(store, slots, steps, window, rng)
    ahead = low.pursued[:, 0]
    np.testing.assert_array_equal(low.done[:, 0], steps)
    assert np.all((ahead >= 1) & (ahead <= np.minimum(left, window)))
    asked = RelayConfig(horizon=window, manager_window=reach)
    high = manager_rows(store, slots, steps, asked, shown_by(rng))
    further = high.pursued[:, 0] - steps
    assert np.all((further >= 1) & (further <= (np.minimum(left, reach) if reach else left)))
    np.testing.assert_array_equal(high.done[:, 0], np.minimum(further, window))
    flat = flat_rows(store, slots, steps, RelayConfig(), shown_by(rng))
    assert np.all((flat.pursued[:, 0] > steps) & (flat.pursued[:, 0] <= store.lengths[slots]))
    last = flat_rows(store, slots, steps, RelayConfig(flat_goals=LAST), shown_by(rng))
    np.testing.assert_array_equal(last.pursued[:, 0], store.lengths[slots])


def test_every_way_ahead_is_drawn_equally_often() -> None:
    store, rng = counting(), np.random.default_rng(0)
    slots, steps = np.full(100_000, 2), np.zeros(100_000, np.int64)
    counts = np.bincount(worker_rows(store, slots, steps, 10, rng).pursued[:, 0].astype(int), minlength=11)[1:]
    # Chi-square with 9 degrees of freedom: 27.9 is passed once in a thousand times.
    assert float(((counts - 1e4) ** 2 / 1e4).sum()) < 27.9


def test_a_window_that_nothing_leaves_makes_the_managers_goal_its_subgoal() -> None:
    """Law L2; and with a window of 1 it says the next state."""
    store, rng = counting(), np.random.default_rng(0)
    slots, steps = store.draw_steps(500, rng)
    rows = manager_rows(store, slots, steps, RelayConfig(horizon=200), shown_by(rng))
    np.testing.assert_array_equal(rows.done[:, 2:], rows.pursued - steps[:, None])
    at_once = manager_rows(store, slots, steps, RelayConfig(horizon=1), shown_by(rng))
    assert set(at_once.done.ravel().tolist()) == {1.0}


def test_what_the_manager_asks_for_leads_to_the_goal_that_it_is_shown() -> None:
    """Also where that is the one that was pursued, which is reached at the end, however near another one was drawn."""
    store, rng = counting(), np.random.default_rng(0)
    store.task_goals[:] = store.lengths[:, None]
    slots, steps = store.draw_steps(500, rng)
    rows = manager_rows(store, slots, steps, RelayConfig(horizon=10, manager_window=20), Goals(TASK, 0.5, rng))
    further = rows.pursued[:, 0] - steps
    assert (further > 20).any(), "a goal that was pursued"
    np.testing.assert_array_equal(rows.done[:, 0], np.minimum(further, 10))


@pytest.mark.parametrize("flat", [False, True])
def test_the_goal_that_was_pursued_counts_where_the_rule_says_that_it_was_reached(flat: bool) -> None:
    """Its share of rows, of episodes that ended near enough to it; of no other."""
    store, rng = counting(), np.random.default_rng(0)
    store.task_goals[:] = store.lengths[:, None] + np.array([0.2, -0.2])
    store.task_goals[2] += 1.0
    slots, steps = rng.integers(0, 3, 6000), np.zeros(6000, np.int64)
    task = dataclasses.replace(TASK, success=dataclasses.replace(TASK.success, radius=0.5))
    rows = (flat_rows if flat else manager_rows)(store, slots, steps, RelayConfig(), Goals(task, 0.4, rng))
    own = (rows.pursued == store.task_goals[slots]).all(1)
    assert not own[slots == 2].any(), "it missed its goal by more than the rule allows"
    assert own[slots < 2].mean() == pytest.approx(0.4, abs=0.03)
    assert np.all(rows.pursued[~own] == rows.pursued[~own].round())


def test_a_centre_is_taken_off_before_scaling_whoever_acts() -> None:
    """Centred inputs are those that a network without a centre is given less the centre."""
    centre, scale = (1.6, -2.0, 0.5, 0.0), (50.0, 0.5, 1.0, 2.0)
    plain = ActorConfig(4, (8,), (-1.0,), (1.0,), input_scale=scale, differences=((0, 1, 0.0),))
    config = dataclasses.replace(plain, input_centre=centre)
    actor = Actor(config, torch.Generator().manual_seed(0))
    weights = {name: tensor.detach().numpy() * 100 for name, tensor in actor.state_dict().items()}
    inputs = np.random.default_rng(0).normal(centre, 1.0, (20, 4)).astype(np.float32)
    expected = Actor.of_arrays(plain, weights)(torch.from_numpy(inputs - np.array(centre, np.float32))).numpy()
    np.testing.assert_allclose(Actor.of_arrays(config, weights)(torch.from_numpy(inputs)).numpy(), expected, atol=1e-4)
    fast = FastActor(config, weights)
    np.testing.assert_allclose([fast(row) for row in inputs], expected, atol=1e-3)
    assert np.abs(expected).max() > 0.1


@settings(max_examples=30, deadline=None)
@given(own=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_a_worker_is_paid_by_where_its_step_led(own: float, seed: int) -> None:
    """Law L3: on episodes that count steps, of goals w steps ahead those of w = 1 are reached, and no others."""
    store, rng = counting(terminated=True), np.random.default_rng(seed)
    slots, steps = store.draw_steps(500, rng)
    near = np.full(LEVEL.dim, 0.5, np.float32)
    rows = worker_transitions(store, slots, steps, RelayConfig(horizon=10), near, own, rng)
    led = rows.meant == 1
    ahead = rows.pursued[led, 0]
    assert np.all((ahead >= 1) & (ahead <= np.minimum(10, store.lengths[slots] - steps)[led]))
    np.testing.assert_array_equal(rows.rewards[led], np.where(ahead == 1, 0, -1))
    np.testing.assert_array_equal(rows.next_pursued[led], rows.pursued[led] - 1)
    # Subgoals were lived under whose targets are all 0.
    np.testing.assert_array_equal(rows.pursued[~led, 0], -steps[~led])
    np.testing.assert_array_equal(rows.rewards, np.where(np.abs(rows.next_pursued[:, 0]) <= 0.5, 0, -1))
    np.testing.assert_array_equal(rows.terminated, steps + 1 == store.lengths[slots])


@pytest.mark.parametrize("switches", [{}, {"finetuning": "offpolicy"}, {"finetuning": "ppo"}, {"flat": True}])
def test_demonstrations_keep_their_share_of_every_batch(switches: dict) -> None:
    """Law L8: however much was lived, half of each batch is of what was shown."""
    config = RelayConfig(**switches)
    agent = RelayAgent(TASK, config, torch.Generator().manual_seed(0))
    lived, shown = counting(), counting()
    shown.states += 1000.0
    for updates in (agent.update_worker, agent.update_manager):
        for update in updates(lived, np.random.default_rng(0), updates=3, shown=shown):
            inputs = update.batch["inputs"]
            assert inputs is not None
            for one in inputs.chunk(3):
                assert (one[:, 0] >= 1000).float().mean() == 0.5


def test_a_worker_that_values_clones_alone_at_first() -> None:
    """Law L9, with the first part of L8: the weight of values is next to nothing until imitation ends."""
    config = RelayConfig(finetuning="offpolicy", imitation_updates=2)
    agent = RelayAgent(TASK, config, torch.Generator().manual_seed(0))
    weights = []
    for _ in range(3):
        agent.update_worker(counting(), np.random.default_rng(0))
        weights.append(agent.worker.config.bc_alpha)  # pyright: ignore[reportAttributeAccessIssue]
    assert weights == [1e-3, 1e-3, 1.0]


@pytest.mark.parametrize("finetuning", ["offpolicy", "ppo", "npg"])
def test_a_manager_that_would_never_learn_is_refused(finetuning: str) -> None:
    with pytest.raises(HrlError, match=f"--finetuning {finetuning} leaves the manager .*: give --demos FOLDER, or --f"):
        RelayLearner(TASK, RelayConfig(finetuning=finetuning), VectorEnv(TASK, 1, 0), 0)


def test_a_stretch_that_is_lived_on_policy_is_a_subgoal_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps pursue one target, those that end near it are paid 0, and nothing is cut off at its end."""
    monkeypatch.setattr(relay_learner, "demonstrated", lambda *_: counting())
    envs = VectorEnv(TASK, 2, 0)
    config = RelayConfig(finetuning="ppo", rollout_steps=50, learning_starts=0, demos=("shown",))
    learner = RelayLearner(TASK, config, envs, 0)
    for _ in range(25):
        learner.observe(envs.step(learner.act()))
    assert learner._drawing is not None
    rows = learner._drawing.rollout.take()
    places = [0, 1, 4, 5]
    targets = rows.inputs[:, 8:] + rows.inputs[:, places]
    ends = np.flatnonzero(rows.boundary[:25])
    np.testing.assert_array_equal(ends, [9, 19, 24])
    for begin, end in ((0, 10), (10, 20), (20, 25)):
        np.testing.assert_allclose(targets[begin:end], targets[begin : begin + 1].repeat(end - begin, 0), atol=1e-6)
    left = np.abs(rows.next_inputs[:, 8:]) <= 0.125 * 1.2
    np.testing.assert_array_equal(rows.rewards, np.where(left.all(1), 0, -1))
    assert not rows.terminal.any()


def demonstrated(episodes: int, noise: float = 0.3, task: TaskSpec = TASK) -> list:
    runner = EnvRunner(task, 3, Mode.DEMO)
    stack = Hierarchy(WorkerSession(task, FLAT, Demonstrator(task, noise), 3))
    return [rollout(runner, stack, episode) for episode in range(episodes)]


# The kitchen has laws of its own: test_kitchen_expert.py.
@pytest.mark.parametrize("name", [name for name in EXPERTS if name != "kitchen"])
def test_an_expert_does_its_task(name: str) -> None:
    task = load_task(name)
    traces = demonstrated(10, 0.0, task) + demonstrated(10, 0.2, task)
    assert sum(trace.observations[-1].success for trace in traces) >= 19


def test_a_demonstration_tells_what_was_intended_beside_what_was_done() -> None:
    first, again = demonstrated(1)[0], demonstrated(1)[0]
    expert = expert_of(TASK)
    for observation, action, same in zip(first.observations, first.actions, again.actions, strict=False):
        np.testing.assert_allclose(
            action.intended, expert(observation.state, observation.desired_goal).action, atol=1e-5
        )
        assert action.source == ActionSource.TELEOP
        assert action.value.tobytes() == same.value.tobytes()
    off = np.array([a.value - a.intended for a in first.actions])
    assert 0.1 < off.std() < 0.4


def test_correlated_noise_has_its_deviation_and_its_correlation_and_is_the_same_whoever_asks() -> None:
    demonstrator = Demonstrator(TASK, 0.2, correlation=0.9)

    def noise(step: int) -> np.ndarray:
        draws = Draws(7, Purpose.ACTION, 0, 3, step, explore=False)
        return demonstrator._noise(draws, 2)

    drawn = np.array([noise(step) for step in range(100, 4_100)])
    assert abs(drawn.std() - 1) < 0.1
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1] - 0.9) < 0.03
    again = Demonstrator(TASK, 0.2, correlation=0.9)
    draws = Draws(7, Purpose.ACTION, 0, 3, 150, explore=False)
    assert again._noise(draws, 2).tobytes() == drawn[50].tobytes()
    white = Demonstrator(TASK, 0.2)
    draws = Draws(7, Purpose.ACTION, 0, 3, 150, explore=False)
    np.testing.assert_array_equal(white._noise(draws, 2), draws.rng.standard_normal(2))


def test_demonstrations_pursue_the_goals_that_a_task_draws() -> None:
    """Not the first evaluation goal alone: whoever learns from them is asked for others."""
    task = load_task("PointMaze")
    shown, evaluated = (EnvRunner(task, 3, mode) for mode in (Mode.DEMO, Mode.EVAL))
    assert len({shown.reset(episode).desired_goal.tobytes() for episode in range(5)}) == 5
    assert {tuple(evaluated.reset(episode).desired_goal) for episode in range(5)} == {task.evaluation_goals[0]}


def test_a_task_without_an_expert_is_refused_by_name() -> None:
    with pytest.raises(
        HrlError, match="task 'point_maze' has no scripted expert; those that have are: push_point, fetch_push"
    ):
        Demonstrator(load_task("point_maze"), 0.1)


@pytest.mark.parametrize(
    ("task", "words"), [("pendulum", "has no goal|does not observe"), ("grid_world", "learns actions that are vectors")]
)
def test_tasks_whose_goals_nobody_sees_are_refused(task: str, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        hierarchy(load_task(task), RelayConfig())


@pytest.mark.parametrize("finetuning", ["offpolicy", "ppo", "npg"])
def test_values_of_ways_to_subgoals_want_subgoals(finetuning: str) -> None:
    with pytest.raises(HrlError, match="--flat has none"):
        hierarchy(TASK, RelayConfig(flat=True, finetuning=finetuning))


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 0},
        {"demos_share": 2.0},
        {"flat_goals": "any"},
        {"noise": -1},
        {"finetuning": "dapg"},
        {"finetuning": "ppo", "noise": 0.0},
        {"rollout_steps": 0},
        {"cloning_weight": -0.1},
        {"own_subgoals": 1.5},
        {"tolerance": 0.0},
        {"imitation_alpha": 0.0},
    ],
)
def test_switches_that_cannot_be_are_refused(change: dict) -> None:
    with pytest.raises(HrlError, match="Relay configuration"):
        RelayConfig(**change)
    with pytest.raises(HrlError, match="Cloning configuration"):
        CloningConfig(lr=0.0)
