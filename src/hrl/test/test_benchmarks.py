"""Benchmarks compare like with like: reference and fast path give the same numbers."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from hrl import cli
from hrl.benchmarks import measuring, relabel, sim, train, update
from hrl.benchmarks.peers import measure
from hrl.benchmarks.plain_hiro import PlainHiro
from hrl.benchmarks.update import goal_space
from hrl.commands.bench import BENCHMARKS
from hrl_core.algorithms.hiro.actor_shapes import worker_actor_config
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.learner import HiroLearner
from hrl_core.envs.vector import VectorEnv
from hrl_core.learners.td3 import TD3, Critic
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import LevelLearner
from hrl_core.task.text import load_task
from hrl_core.training import choose_products
from hrl_core.training.config import TrainConfig
from hrl_core.training.trainer import Trainer

SPACE = goal_space(load_task("ant_maze"))


class ScriptedGenerator:
    """Random numbers that depend on nothing but what is asked for, so that the order of questions is free."""

    def standard_normal(self, shape):
        return np.full(shape, 0.3)

    def random(self, size=None):
        return 1.0 if size is None else np.ones(size)

    def integers(self, low, high, size):
        return np.random.default_rng([int(high), int(size)]).integers(low, high, size)


def assert_same_weights(fast: LevelLearner, plain: TD3):
    assert isinstance(fast, FastTD3)
    for name, weight in fast.actor_weights().items():
        torch.testing.assert_close(weight, plain.actor.state_dict()[name], atol=1e-5, rtol=1e-4)
    for k in range(2):
        critic = plain.critics[k]
        assert isinstance(critic, Critic)
        for i, layer in enumerate(critic.linears):
            torch.testing.assert_close(fast.critics.weights[i][k], layer.weight.detach(), atol=1e-5, rtol=1e-4)


def test_simulation_ends_where_bare_mujoco_ends():
    sides = sim.Sides(threads=2, steps=5)
    np.testing.assert_allclose(sides.vectorised(), sides.bare(), atol=1e-5)
    sides.close()


def test_updates_on_the_benchmarks_batches_give_the_same_weights():
    store = update.filled_store(SPACE, episodes=1)
    config, actor = update.CONFIG.worker, worker_actor_config(SPACE, update.CONFIG)
    fast = FastTD3(config, actor, torch.Generator().manual_seed(0))
    plain = TD3(config, actor, torch.Generator().manual_seed(0))
    for seed in range(4):
        batch = update.fast_batch(store, np.random.default_rng(seed))
        fast.update(batch)
        plain.update(batch)
    assert_same_weights(fast, plain)


def test_rows_of_the_list_replay_are_the_transitions_of_the_store():
    store = update.filled_store(SPACE, episodes=1)
    rows = update.StepReplay(store, np.random.default_rng(0))._replay.rows
    batch = store.sample_steps(len(store), np.random.default_rng(0))
    inputs = np.concatenate((batch.states, batch.subgoals), 1)
    np.testing.assert_array_equal(np.stack([row[0] for row in rows]), inputs)
    # The intrinsic reward, from its definition: minus the distance that is left to the target.
    left = inputs[:, SPACE.indices] + batch.subgoals - batch.next_states[:, SPACE.indices]
    np.testing.assert_allclose([float(row[2]) for row in rows], -np.linalg.norm(left, axis=1), rtol=1e-5)


@pytest.mark.parametrize("drift", [relabel.LITTLE_DRIFT, 0.3, relabel.DRIFT])
def test_both_searches_choose_the_same_subgoals_with_the_same_errors(drift):
    search = relabel.Search(drift)
    choice, errors = search.pruned(), search.plain()
    assert torch.equal(choice.candidate, errors.argmin(1))
    torch.testing.assert_close(choice.error, errors.amin(1), atol=1e-5, rtol=1e-5)
    assert (search.share_relabelled > 0.2) == (drift > 0.2)


@pytest.mark.parametrize("candidates", [0, 2])
def test_trainer_and_plain_loop_live_and_learn_the_same(candidates, tmp_path):
    """Same trajectory and same weights; periods of 8 steps keep the trainer's update credits exact in binary."""
    maze = load_task("point_maze")
    spec = dataclasses.replace(maze, max_episode_steps=32)
    level = TD3Config(hidden=(16, 16), batch_size=8, target_noise=0.0)
    agent = HiroConfig(
        worker=level,
        manager=level,
        horizon=8,
        candidates=candidates,
        worker_replay=0,
        replay=600,
        learning_starts=1,
        overlap=False,
    )
    config = TrainConfig(agent=agent, num_envs=1, stagger=False)
    envs = VectorEnv(spec, 1, seed=4)
    trainer = Trainer(spec, config, envs, envs, tmp_path, seed=4)
    plain = PlainHiro(goal_space(spec, agent), agent, 4, ScriptedGenerator())  # pyright: ignore[reportArgumentType]
    learner = trainer.learner
    assert isinstance(learner, HiroLearner)
    learner._rng = learner._acting._rng = ScriptedGenerator()  # pyright: ignore[reportAttributeAccessIssue]
    for _ in range(80):
        trainer.iterate()
        plain.step()
        np.testing.assert_allclose(envs.states[0], plain._state, atol=1e-5)
    assert learner.agent.levels["worker"].updates == 80
    assert learner.agent.levels["manager"].updates == 10
    for name, level_ in (("worker", plain.worker), ("manager", plain.manager)):
        assert_same_weights(learner.agent.levels[name], level_)


def test_a_benchmark_prints_one_json_object_and_nothing_else(capsys, monkeypatch):
    monkeypatch.setitem(measuring.best_seconds.__kwdefaults__, "repetitions", 2)
    assert cli.main(["bench", "relabel", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert {"name", "ratio", "unit", "fast", "reference", "arithmetic_limit", "threads", "machine"} <= set(outcome)
    assert outcome["identical_choice"] is True


def test_peers_do_the_same_work_and_those_that_are_missing_are_told(capsys, monkeypatch):
    monkeypatch.setitem(measuring.best_seconds.__kwdefaults__, "repetitions", 1)
    monkeypatch.setattr(measure, "SIZES", (measure.Size((8, 8), 4),))
    assert cli.main(["bench", "update", "--peers", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    (row,) = outcome["ms_per_update"].values()
    assert {"ours", "torch, as cleanrl", "the same, fused Adam"} <= set(row)
    assert set(row) | set(outcome["missing"]) == {"ours", *measure.PEERS}
    quickest = min(ms for name, ms in row.items() if name != "ours")
    assert outcome["ratio"] == pytest.approx(row["ours"] / quickest)


def test_a_device_is_measured_beside_a_core_and_one_that_is_not_there_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(measure, "REPEATED", 1)
    monkeypatch.setattr(measure, "BATCHES", (4, 8))
    assert cli.main(["bench", "update", "--device", "cpu", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert [sorted(row) for row in outcome["ms_per_update"].values()] == [["cpu", "ours"]] * 2
    assert cli.main(["bench", "update", "--device", "cuda:99"]) == 2
    assert "device 'cuda:99'" in capsys.readouterr().err


def test_iterations_of_a_preset_are_measured_on_a_device(capsys, monkeypatch):
    """A device without a preset has nothing to be the device of."""
    monkeypatch.setitem(measuring.best_seconds.__kwdefaults__, "repetitions", 1)
    made, trainer_of = [], train.preset_trainer
    monkeypatch.setattr(train, "WARM_UP", 60)
    monkeypatch.setattr(train, "preset_trainer", lambda *given: made.append(trainer_of(*given)) or made[-1])
    assert cli.main(["bench", "train", "--preset", "fast", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] == "cpu"
    assert [trainer.config.agent.overlap for trainer in made] == [True, False]
    assert cli.main(["bench", "train", "--preset", "fast", "--device", "cuda:99"]) == 2
    assert "device 'cuda:99'" in capsys.readouterr().err
    assert cli.main(["bench", "train", "--device", "cpu"]) == 2
    assert "--device cpu: give --preset paper or fast" in capsys.readouterr().err


def test_updates_are_measured_with_the_products_that_a_run_would_choose(capsys, monkeypatch):
    monkeypatch.setitem(measuring.best_seconds.__kwdefaults__, "repetitions", 1)
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda products: ["forward"])
    assert cli.main(["bench", "update", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["products_by_torch"] == ["forward"]


def test_an_unknown_benchmark_lists_those_that_exist(capsys):
    assert cli.main(["bench", "relable"]) == 2
    message = capsys.readouterr().err
    assert "did you mean relabel?" in message
    assert all(name in message for name in BENCHMARKS)
