"""The episode store keeps fields aligned and derives every batch."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.algorithms.hiro.agent import manager_returns, worker_rewards
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.relabel_goals import TaskGoals
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex
from hrl_core.replay.mapped_arrays import MappedArrays
from hrl_core.task.spec import TaskSpec
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task

LENGTH, PERIOD = 24, 10
LEVEL = hierarchy_of(load_task("ant_maze"), "smallest").levels[0]


def _spec(name: str = "ant_maze") -> TaskSpec:
    return dataclasses.replace(load_task(name), max_episode_steps=LENGTH)


def _state(episode: int, step: int) -> np.ndarray:
    """Identifiable values: x = episode, y = step, the rest their sum."""
    state = np.full(30, episode + step / 100)
    state[0], state[1] = episode, step
    return state


def _fill(store: EpisodeStore, envs: int, steps: int, end_early: bool = False) -> None:
    """Write steps of all environments; environment 0 terminates at step 13 if ``end_early``."""
    episode, step = list(range(envs)), [0] * envs
    for i in range(envs):
        store.begin(i, _state(i, 0), np.array([i, -i]))
    for _ in range(steps):
        deciding = np.array([i for i in range(envs) if step[i] % PERIOD == 0])
        if deciding.size:
            values = np.array([[episode[i], step[i]] for i in deciding]) / 100
            anchors = np.array([_state(episode[i], step[i])[:2] for i in deciding])
            store.set_subgoals(deciding, values, anchors + values)
        actions = np.array([[episode[i] + step[i] / 100] * 8 for i in range(envs)])
        rewards = np.array([-(episode[i] + step[i] / 100) for i in range(envs)])
        step = [s + 1 for s in step]
        terminated = np.array([end_early and i == 0 and step[i] == 13 for i in range(envs)])
        truncated = np.array([s == LENGTH for s in step]) & ~terminated
        store.append(
            actions,
            rewards,
            np.array([_state(episode[i], step[i]) for i in range(envs)]),
            terminated,
            truncated,
        )
        for i in np.flatnonzero(terminated | truncated):
            episode[i], step[i] = episode[i] + envs, 0
            store.begin(int(i), _state(episode[i], 0), np.array([episode[i], -episode[i]]))


@pytest.mark.parametrize("end_early", [False, True])
def test_fields_stay_aligned_when_the_ring_wraps(end_early: bool) -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=3 * LENGTH, num_envs=2)
    _fill(store, 2, 400, end_early)
    batch = store.sample_steps(500, np.random.default_rng(0))
    episode, step = batch.states[:, 0], batch.states[:, 1]
    np.testing.assert_allclose(batch.actions[:, 0], episode + step / 100, rtol=1e-6)
    np.testing.assert_allclose(batch.rewards, -(episode + step / 100), rtol=1e-6)
    np.testing.assert_array_equal(batch.next_states[:, 0], episode)
    np.testing.assert_array_equal(batch.next_states[:, 1], step + 1)
    np.testing.assert_array_equal(batch.task_goals, np.stack((episode, -episode), 1))
    assert batch.terminated.any() == end_early
    assert set(np.flatnonzero(batch.terminated)) <= set(np.flatnonzero(step == 12))
    assert len(store) <= 5 * LENGTH


def test_subgoal_is_carried_to_the_same_absolute_target() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=10 * LENGTH, num_envs=2)
    _fill(store, 2, 100)
    batch = store.sample_steps(300, np.random.default_rng(0))
    chosen = np.floor(batch.states[:, 1] / PERIOD) * PERIOD
    anchor = np.stack((batch.states[:, 0], chosen), 1)
    target = (anchor + anchor / 100).astype(np.float32)
    np.testing.assert_array_equal(batch.subgoals, target - batch.states[:, :2])
    np.testing.assert_array_equal(batch.next_subgoals, target - batch.next_states[:, :2])
    np.testing.assert_array_equal(batch.remaining, batch.next_subgoals)


def test_next_goal_at_a_switch_follows_paper_or_released_code() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=10 * LENGTH, num_envs=1)
    _fill(store, 1, 23)
    switched = store.sample_steps(300, np.random.default_rng(0), next_goal_at_switch=True)
    at_switch = np.isin(switched.states[:, 1], (9, 19))
    same = (switched.next_subgoals == switched.remaining).all(axis=1)
    np.testing.assert_array_equal(same, ~at_switch)


def test_worker_rewards_by_hand() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=LENGTH, num_envs=1)
    store.begin(0, np.zeros(30), np.zeros(2))
    store.set_subgoals(np.array([0]), np.array([[3.0, 0.0]]), np.array([[3.0, 0.0]]))
    after = np.zeros((1, 30))
    after[0, 1] = 4.0
    after[0, 4] = np.sqrt(0.5)
    store.append(np.zeros((1, 8)), np.zeros(1), after, np.array([False]), np.array([False]))
    batch = store.sample_steps(1, np.random.default_rng(0))
    assert worker_rewards(_spec(), HiroConfig(), batch)[0] == pytest.approx(-5.0)
    tilted = HiroConfig(tilt_penalty=0.6)
    assert worker_rewards(_spec(), tilted, batch)[0] == pytest.approx(-5.0 - 0.6 * 0.5)
    progress = HiroConfig(worker_reward="progress", progress_unit=0.2)
    assert worker_rewards(_spec(), progress, batch)[0] == pytest.approx((3 - 5) / 0.2)


class _Task:
    goal_box = (np.zeros(2), np.ones(2))

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        return -np.linalg.norm(achieved_goal - desired_goal, axis=-1)


def _index(store: EpisodeStore, start: int, segments: int, end: int, terminated: bool) -> SegmentIndex:
    slot = int(np.flatnonzero(store.finished)[0])
    return SegmentIndex(*(np.array([x]) for x in (slot, start, segments, end, terminated)))


def _goals(x: float, y: float, own: bool = False) -> TaskGoals:
    one = np.array([own])
    return TaskGoals(np.array([[x, y]], np.float32), one, one)


def test_manager_returns_by_hand_for_short_truncated_and_terminated_segments() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=4 * LENGTH, num_envs=1)
    _fill(store, 1, LENGTH)
    sums = [
        -sum(t / 100 for t in range(10)),
        -sum(t / 100 for t in range(10, 20)),
        -sum(t / 100 for t in range(20, 24)),
    ]
    goals = _goals(0.0, 0.0)
    one = manager_returns(_spec(), HiroConfig(), store, _index(store, 0, 1, 10, False), goals, _Task())
    assert one.rewards[0] == pytest.approx(0.1 * sums[0])
    assert one.discounts[0] == pytest.approx(0.99)
    short = manager_returns(_spec(), HiroConfig(), store, _index(store, 20, 1, 24, False), goals, _Task())
    assert short.rewards[0] == pytest.approx(0.1 * sums[2])
    assert short.discounts[0] == pytest.approx(0.99)
    config = HiroConfig(candidates=0, manager_n_step=3, manager_reward_offset=1.0)
    three = manager_returns(_spec(), config, store, _index(store, 0, 3, 24, True), goals, _Task())
    expected = (0.1 * sums[0] + 1) + 0.99 * (0.1 * sums[1] + 1) + 0.99**2 * (0.1 * sums[2] + 0.4)
    assert three.rewards[0] == pytest.approx(expected)
    assert three.discounts[0] == 0.0


def test_manager_returns_under_relabelled_goals_come_from_achieved_positions() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=4 * LENGTH, num_envs=1)
    _fill(store, 1, LENGTH)
    config = HiroConfig(relabel_goals_uniform=0.5)
    goals = _goals(0.0, 15.0)
    result = manager_returns(_spec(), config, store, _index(store, 10, 1, 20, False), goals, _Task())
    assert result.rewards[0] == pytest.approx(0.1 * -sum(abs(t - 15) for t in range(11, 21)))


@pytest.mark.parametrize("period", [4, 8])
def test_a_manager_earns_the_same_of_a_place_however_long_its_periods_are(period: int) -> None:
    """1 - mean distance / 10, as preset fast has it."""
    level = dataclasses.replace(LEVEL, horizon=period)
    store = EpisodeStore(_spec(), level, capacity=4 * LENGTH, num_envs=1)
    store.begin(0, np.zeros(30), np.zeros(2))
    for step in range(period):
        if step == 0:
            store.set_subgoals(np.array([0]), np.zeros((1, 2)), np.zeros((1, 2)))
        store.append(
            np.zeros((1, 8)), np.array([-6.0]), np.zeros((1, 30)), np.array([False]), np.array([step == period - 1])
        )
    config = HiroConfig(horizon=period, manager_reward_scale=0.01, manager_reward_offset=1.0)
    whole = _index(store, 0, 1, period, False)
    found = manager_returns(_spec(), config, store, whole, _goals(0.0, 0.0, own=True), _Task())
    assert found.rewards[0] == pytest.approx(1 - 6 / 10)


@pytest.mark.parametrize("ends_episode", [True, False])
def test_a_relabelled_goal_ends_an_episode_where_that_goal_is_reached_and_the_own_one_does_not(ends_episode) -> None:
    """The episode walked along y, a metre a step, and ended at y = 13, where its own goal or a fall was."""
    spec = dataclasses.replace(_spec(), success=SuccessRule(0.4, "m", ends_episode=ends_episode))
    store = EpisodeStore(spec, LEVEL, capacity=4 * LENGTH, num_envs=1)
    _fill(store, 1, 13, end_early=True)
    config = HiroConfig(candidates=0, manager_n_step=2, relabel_goals_uniform=0.5, manager_reward_offset=1.0)
    whole = _index(store, 0, 2, 13, True)

    def returned(goals: TaskGoals, reached_own: bool) -> tuple[float, float]:
        store.task_goals[whole.slots] = (0.0, 13.0) if reached_own else (99.0, 99.0)
        found = manager_returns(spec, config, store, whole, goals, _Task())
        return float(found.rewards[0]), float(found.discounts[0])

    def worth(goal: float, steps: int) -> float:
        """Of the first ``steps`` steps."""
        each = [-0.1 * abs(t - goal) + 0.1 for t in range(1, steps + 1)]
        return sum(each[:10]) + 0.99 * sum(each[10:])

    # Under its own goal it is over there, why ever; under another one only if it has fallen.
    for reached_own in (True, False):
        reward, discount = returned(_goals(0.0, 13.0, own=True), reached_own)
        assert (reward, discount) == (pytest.approx(worth(13.0, 13)), 0.0)
        reward, discount = returned(_goals(0.0, 20.0), reached_own)
        assert (reward, discount) == (pytest.approx(worth(20.0, 13)), pytest.approx(0.99**2 if reached_own else 0.0))
    # One on the way is reached, and what comes after it counts no more, if success ends episodes.
    for goal in (4.0, 12.0):
        reward, discount = returned(_goals(0.0, goal), True)
        steps = int(goal) if ends_episode else 13
        assert (reward, discount) == (
            pytest.approx(worth(goal, steps)),
            0.0 if ends_episode else pytest.approx(0.99**2),
        )


def test_sampled_segments_are_closed_and_end_where_the_episode_does() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=4 * LENGTH, num_envs=1)
    _fill(store, 1, LENGTH + 15)
    index = store.sample_segments(400, np.random.default_rng(0), n_step=2)
    found = {(int(a), int(b), int(c)) for a, b, c in zip(index.starts, index.segments, index.ends, strict=True)}
    assert found == {(0, 2, 20), (10, 2, 24), (20, 1, 24), (0, 1, 10)}
    assert store.segments == 4
    windows = store.windows(index)
    np.testing.assert_array_equal(windows.lengths, np.where(index.starts == 20, 4, 10))
    np.testing.assert_array_equal(windows.states[:, 0, 1], index.starts)
    np.testing.assert_array_equal(windows.end_positions[:, 1], index.starts + windows.lengths)


def test_shortened_runs_end_where_fewer_periods_do() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=4 * LENGTH, num_envs=1)
    _fill(store, 1, LENGTH + 15)
    rng = np.random.default_rng(0)
    whole = store.sample_segments(400, rng, n_step=3)
    wanted = rng.integers(1, 4, 400)
    short = store.shortened(whole, wanted)
    np.testing.assert_array_equal(short.starts, whole.starts)
    np.testing.assert_array_equal(short.segments, np.minimum(whole.segments, wanted))
    full = short.starts + short.segments * store.period
    np.testing.assert_array_equal(short.ends, np.minimum(full, store.lengths[short.slots]))
    for before, after in zip(whole, store.shortened(whole, np.full(400, 3)), strict=True):
        np.testing.assert_array_equal(before, after)


def test_newest_steps_only() -> None:
    store = EpisodeStore(_spec(), LEVEL, capacity=20 * LENGTH, num_envs=1)
    _fill(store, 1, 10 * LENGTH + 5)
    batch = store.sample_steps(300, np.random.default_rng(0), newest=2 * LENGTH)
    assert set(batch.states[:, 0]) == {8.0, 9.0, 10.0}


def test_restored_store_samples_the_same_and_two_million_steps_fit_in_400_mb() -> None:
    store, other = (EpisodeStore(_spec(), LEVEL, capacity=5 * LENGTH, num_envs=2) for _ in range(2))
    _fill(store, 2, 300)
    other.load_state_dict({name: array.copy() for name, array in store.state_dict().items()})
    batches = [s.sample_steps(50, np.random.default_rng(1)) for s in (store, other)]
    for a, b in zip(*batches, strict=True):
        np.testing.assert_array_equal(a, b)
    task = load_task("ant_maze")
    assert EpisodeStore(task, hierarchy_of(task, "smallest").levels[0], capacity=2_000_000, num_envs=20).nbytes < 400e6


def _lives(store: EpisodeStore, lengths: list[int]) -> None:
    """Episodes of one environment, one after the other."""
    for number, length in enumerate(lengths):
        store.begin(0, _state(number, 0), np.array([number, -number]))
        for step in range(length):
            last = np.array([step + 1 == length])
            # One more begins, as in training, before anything is drawn.
            store.append(np.zeros((1, 8)), np.zeros(1), _state(number, step + 1)[None], last, ~last & False)
    store.begin(0, _state(len(lengths), 0), np.zeros(2))


@given(st.lists(st.integers(1, LENGTH), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_as_many_steps_are_kept_as_there_is_room_for_however_short_episodes_are(lengths: list[int]) -> None:
    """The newest episodes, as long as all fit; never a hole, never fewer than one could be kept more."""
    room = 3 * LENGTH
    store = EpisodeStore(_spec(), None, capacity=room, num_envs=1)
    _lives(store, lengths)
    kept = sorted(int(store.states[slot, 0, 0]) for slot in np.flatnonzero(store.lengths))
    assert kept == list(range(len(lengths) - len(kept), len(lengths)))
    assert len(store) == sum(lengths[len(lengths) - len(kept) :]) <= room
    oldest = len(lengths) - len(kept) - 1
    assert oldest < 0 or len(store) + lengths[oldest] > room
    other = EpisodeStore(_spec(), None, capacity=room, num_envs=1)
    _lives(other, lengths[::-1])
    other.load_state_dict({name: array.copy() for name, array in store.state_dict().items()})
    for a, b in zip(*(s.sample_steps(50, np.random.default_rng(1)) for s in (store, other)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_holds_no_rows_that_are_not_written() -> None:
    store = EpisodeStore(_spec(), None, capacity=50 * LENGTH, num_envs=1)
    _lives(store, [2] * 100)
    assert len(store) == 200
    assert store.state_dict()["states"].shape == (200 + 100 + 1, 30)


def _add_stretches(store: EpisodeStore) -> None:
    """Thirty of four steps."""
    for number in range(30):
        states, nothing = np.stack([_state(number, step) for step in range(5)]), np.zeros((1, 0))
        store.add(StoredEpisode(states, np.zeros((4, 8)), np.zeros(4), nothing, nothing, np.zeros(2), True, False))


def test_files_grow_as_memory_does_and_are_there_again(tmp_path: Path) -> None:
    memory, filed, again = (EpisodeStore(_spec(), None, 4 * LENGTH, 0, weighted=True) for _ in range(3))
    files = MappedArrays(tmp_path / "store", filed.layout(), anew=True)
    filed.move_to(files)
    for store in (memory, filed):
        _add_stretches(store)
    files.seal()
    assert len(filed.lengths) == len(memory.lengths) > 4
    again.move_to(MappedArrays(tmp_path / "store", again.layout(), anew=False))
    for store in (filed, again):
        for name, array in memory.state_dict().items():
            if name not in ("begun", "writing"):
                np.testing.assert_array_equal(store.state_dict()[name], array, name)


def test_recorded_stretches_of_any_length_fill_the_store() -> None:
    store = EpisodeStore(_spec(), None, capacity=2 * LENGTH, num_envs=0)
    _add_stretches(store)
    assert len(store) == 2 * LENGTH
    assert {int(x) for x in store.sample_steps(500, np.random.default_rng(0)).states[:, 0]} == set(range(18, 30))


def test_a_store_of_a_hundred_million_steps_takes_what_is_written_of_it(tmp_path: Path) -> None:
    spec = load_task("ant_maze")
    store = EpisodeStore(spec, LEVEL, 100_000_000, 0, weighted=True)
    store.move_to(MappedArrays(tmp_path / "store", store.layout(), anew=True))
    assert store.nbytes > 15e9
    steps = spec.max_episode_steps
    nothing = np.zeros((-(-steps // LEVEL.horizon), 2))
    rows = np.zeros((steps + 1, 30)), np.zeros((steps, 8)), np.zeros(steps)
    for _ in range(3):
        store.add(StoredEpisode(*rows, nothing, nothing, np.zeros(2), True, False))
    assert sum(path.stat().st_blocks * 512 for path in (tmp_path / "store").iterdir()) < 50e6
