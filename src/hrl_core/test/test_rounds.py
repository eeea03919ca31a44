"""Training by rounds: what collectors live, how it is kept, and when it is learned from."""

import dataclasses
import itertools

import numpy as np
import pytest

from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.checkpoints.manifest import RANDOMISED
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.recordings.learner import RecordedLearner
from hrl_core.training.rounds.blocks import Block, Collected, live
from hrl_core.training.rounds.config import FREE, RoundConfig, stored_round_config
from hrl_core.training.rounds.episode_file import load_episodes, save_episodes
from hrl_core.training.rounds.trainer import RoundTrainer

TASK = dataclasses.replace(load_task("PointMaze"), max_episode_steps=25)
CONFIG = RoundConfig(
    preset("paper").changed(
        {
            "steps": 600,
            "num_envs": 2,
            "candidates": 2,
            "worker_updates": 0.2,
            "learning_starts": 60,
            "warm_start_steps": 60,
            "manager_n_step": 1,
            "evaluation_interval": 200,
            "checkpoint_interval": 1,
            "worker": {"hidden": [8, 8], "batch_size": 16},
            "manager": {"hidden": [8, 8], "batch_size": 16},
        }
    ),
    round_blocks=2,
)
SEED = 5


def same(one: BagEpisode, other: BagEpisode) -> None:
    for field in dataclasses.fields(BagEpisode):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("subgoals", "segments"):
            assert ours.keys() == theirs.keys()
            for level in ours:
                for name, a, b in zip(ours[level]._fields, ours[level], theirs[level], strict=True):
                    np.testing.assert_array_equal(a, b, err_msg=name)
                    assert a.dtype == b.dtype, name
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
            assert ours.dtype == theirs.dtype, field.name
        else:
            assert ours == theirs, field.name


class Collectors:
    """Collect in this process: in order, or now the newest and now the oldest."""

    def __init__(self, orders=(0,), task=TASK):
        self._envs, self._waiting, self._orders = VectorEnv(task, 2, SEED), {}, itertools.cycle(orders)
        self.policies: dict[int, int] = {}
        self.random: dict[int, float] = {}

    def submit(self, block, policy):
        self._waiting[block] = policy
        self.policies[block.number] = policy.version
        self.random[block.number] = policy.actor("worker").random_probability

    def next(self, block):
        order = list(self._waiting)
        block = block or order[next(self._orders)]
        return Collected(block, live(block, self._waiting.pop(block), self._envs, SEED), 0.5)


def weights(run):
    """To the last bit."""
    return {name: array.tobytes() for name, array in run.checkpoint({}).weights.items()}


def trainer(folder, config=CONFIG, collectors=None):
    return RoundTrainer(TASK, config, collectors or Collectors(), folder, SEED)


def test_a_block_depends_on_its_numbers_and_the_policy_alone():
    policy = random_checkpoint(TASK, 1, hierarchy=hierarchy_of(TASK))
    envs, many = VectorEnv(TASK, 2, SEED), VectorEnv(TASK, 4, SEED)
    together = live(Block(0, 4), policy, many, SEED)
    # Whatever the environments have been used for before.
    after = live(Block(1, 2), policy, envs, SEED)
    before = live(Block(0, 2), policy, envs, SEED)
    assert [episode.key.episode for episode in together] == [0, 1, 2, 3]
    for one, other in zip(together, [*before, *after], strict=True):
        same(dataclasses.replace(one, bag=other.bag), other)


def test_episodes_come_back_from_their_file(tmp_path):
    episodes = live(
        Block(3, 2), random_checkpoint(TASK, 1, hierarchy=hierarchy_of(TASK)), VectorEnv(TASK, 2, SEED), SEED
    )
    assert episodes[0].subgoals
    assert episodes[0].segments
    save_episodes(tmp_path / "deep" / "block", episodes)
    for one, other in zip(episodes, load_episodes(tmp_path / "deep" / "block"), strict=True):
        same(one, other)
    (tmp_path / "odd").write_bytes(b"nothing")
    for name in ("odd", "missing"):
        with pytest.raises(HrlError, match=f"{name} is no block of episodes"):
            load_episodes(tmp_path / name)


def test_exact_rounds_follow_the_policy_of_the_round_before_the_last(tmp_path):
    collectors = Collectors()
    run = trainer(tmp_path, collectors=collectors)
    run.begin(resume=False)
    versions = [0]
    while run.left:
        run.iterate()
        versions.append(run.version)
    assert versions[-1] > versions[2] > 0
    rounds = len(versions) - 1
    assert collectors.policies == {
        2 * number + block: versions[max(0, number - 1)] for number in range(rounds) for block in range(2)
    }
    assert run.env_steps == 600
    # 0.2 of each step after the first 60, in groups of 8.
    assert run.learner.paid(600) == 108
    assert run.learner.updates == 112


def test_a_resumed_run_ends_in_the_same_weights(tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run()
    stopped = trainer(tmp_path / "stopped")
    turns = iter([False, False, False, True])
    stopped.run(stop=lambda: next(turns))
    assert 0 < stopped.env_steps < 600
    resumed = trainer(tmp_path / "stopped")
    resumed.run(resume=True)
    assert weights(resumed) == weights(whole)
    assert resumed.version == whole.version
    blocks = [
        sorted(path.name for path in (folder / "blocks").iterdir())
        for folder in (whole.files.folder, resumed.files.folder)
    ]
    assert blocks[0] == blocks[1]
    # Each block has cost half a second elsewhere, as the collectors say.
    assert 0.5 * len(blocks[0]) <= whole.cpu_seconds < 0.5 * len(blocks[0]) + whole.seconds + 1


def test_a_policy_says_how_the_episodes_that_were_collected_differed(tmp_path):
    assert RANDOMISED not in trainer(tmp_path).checkpoint({}).provenance
    differing = dataclasses.replace(CONFIG, training=CONFIG.training.changed({"randomise": "noise=0.01"}))
    assert trainer(tmp_path, differing).checkpoint({}).provenance[RANDOMISED] == "noise=0.01"


def test_free_rounds_take_what_comes_and_tell_so(tmp_path):
    free = dataclasses.replace(CONFIG, rounds=FREE)
    run = trainer(tmp_path, free, Collectors(orders=(-1, 0)))
    run.run()
    assert run.left == 0
    assert run.checkpoint({}).provenance["rounds"] == "free"
    taken = [number for number, _ in run.state_dict()["taken"]]
    assert taken != sorted(taken)
    again = trainer(tmp_path, free)
    again.begin(resume=True)
    assert again.env_steps == run.env_steps
    assert weights(again) == weights(run)


def learned(config, folder, collectors=None):
    """A run to its end, and by environment steps the weights of both levels and how often each has learned."""
    run, found = trainer(folder, config, collectors), {}
    run.begin(resume=False)
    while run.left:
        run.iterate()
        levels = run.learner.levels()
        arrays = {level: np.concatenate([a.ravel() for a in kept.weights.values()]) for level, kept in levels.items()}
        found[run.env_steps] = arrays | {f"{level}/updates": kept.updates for level, kept in levels.items()}
    return run, found


def test_nothing_is_learned_before_learning_starts_and_its_steps_pay_for_nothing(tmp_path):
    config = dataclasses.replace(CONFIG, training=CONFIG.training.changed({"learning_starts": 250}))
    _, found = learned(config, tmp_path)
    updates = {steps: one["worker/updates"] for steps, one in found.items()}
    assert updates == {100: 0, 200: 0, 300: 16, 400: 32, 500: 56, 600: 72}
    assert found[200]["manager/updates"] == 0 < found[600]["manager/updates"]


def test_a_worker_whose_learning_has_ended_stays_and_its_manager_goes_on(tmp_path):
    """Of the steps from 60 to 330 each pays for 0.2 updates of the worker: 54."""
    config = dataclasses.replace(CONFIG, training=CONFIG.training.changed({"worker_learning_ends": 330}))
    run, found = learned(config, tmp_path / "whole")
    assert isinstance(run.learner, RecordedLearner)
    assert run.learner.agent.worker.updates == 54
    assert not np.array_equal(found[300]["worker"], found[400]["worker"])
    np.testing.assert_array_equal(found[400]["worker"], found[600]["worker"])
    assert not np.array_equal(found[400]["manager"], found[600]["manager"])
    # Another policy has another version, also where only its manager is another one.
    assert found[400]["worker/updates"] < found[600]["worker/updates"] == run.version == 112
    assert run.checkpoint({}).version == 112
    stopped = trainer(tmp_path / "stopped", config)
    stopped.run(stop=lambda: stopped.env_steps >= 500)
    resumed = trainer(tmp_path / "stopped", config)
    resumed.run(resume=True)
    assert isinstance(resumed.learner, RecordedLearner)
    assert resumed.learner.agent.worker.updates == 54
    assert weights(resumed) == weights(run)


SWITCHES = {"steps": 600, "num_envs": 2, "learning_starts": 250, "worker_updates": 0.2, "evaluation_interval": 600}


@pytest.mark.parametrize(
    ("learner", "change", "expected"),
    [
        ("sac", {"random_starts": True}, [1.0] * 8),
        ("ddpg", {"random_starts": True, "random_steps": 500}, [1.0] * 8 + [0.4, 0.4, 0.2, 0.2]),
        ("td3", {"random_steps": 400}, [1.0] * 4 + [0.75, 0.75, 0.5, 0.5, 0.25, 0.25]),
        # Beside its own, 0.05.
        ("dqn", {"random_steps": 400}, [1.0] * 4 + [0.75, 0.75, 0.5, 0.5, 0.2875, 0.2875, 0.05, 0.05]),
    ],
)
def test_collectors_act_at_random_as_often_as_who_learns_in_process(tmp_path, learner, change, expected):
    task = dataclasses.replace(load_task("grid_world" if learner == "dqn" else "PointMaze"), max_episode_steps=25)
    training = preset(algorithm="flat", learner=learner)
    training = training.changed(SWITCHES | {"worker": {"hidden": [8], "batch_size": 16}} | change)
    collectors = Collectors(task=task)
    run = RoundTrainer(task, RoundConfig(training, round_blocks=2), collectors, tmp_path, SEED)
    assert isinstance(run.learner, RecordedLearner)
    run.begin(resume=False)
    actions = []
    while run.left:
        run.iterate()
        store = run.learner.store
        actions.append(store.actions[: len(store.lengths), :25])
    # A policy collects the round after the next: the first two rounds are known to begin with, a round is 100 steps.
    told = [collectors.random[number] for number in range(12)]
    assert told[: len(expected)] == pytest.approx(expected)
    assert not any(told[len(expected) :])
    if learner == "sac":
        first = actions[0][actions[0].any(axis=(1, 2))].reshape(-1, len(task.action))
        assert np.abs(first / task.action_high).mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("agent", "change", "why"),
    [
        (preset("paper"), {"waypoint_probability": 0.5}, "waypoint_probability 0.5: collectors act by policies"),
        (preset(algorithm="flat", learner="sac"), {"random_steps": 9}, "random_steps 9: a policy of SAC draws"),
    ],
)
def test_what_collectors_cannot_do_is_refused(agent, change, why):
    RoundConfig(agent)
    with pytest.raises(HrlError, match=why):
        RoundConfig(agent.changed(change))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rounds": "odd"}, "rounds: choose one of exact, free"),
        ({"round_blocks": 0}, "round_blocks must be at least 1"),
    ],
)
def test_impossible_rounds_are_refused(values, why):
    with pytest.raises(HrlError, match=why):
        dataclasses.replace(CONFIG, **values)


def test_a_configuration_comes_back_from_plain_data():
    assert stored_round_config(CONFIG.as_dict()) == CONFIG
    with pytest.raises(HrlError, match="round_blocks"):
        stored_round_config({"training": {}, "rounds": "exact"})


ON_POLICY = [("flat", "ppo"), ("flat", "a2c"), ("option_critic", "")]


def on_policy(algorithm, learner, **change):
    small = {"hidden": [8], "epochs": 1, "batch_size": 16}
    training = preset(algorithm=algorithm, learner=learner)
    few = {"worker": small} if algorithm == "flat" else small
    return RoundConfig(training.changed({"steps": 600, "num_envs": 2, "rollout_steps": 50, **few, **change}))


@pytest.mark.parametrize(("algorithm", "learner"), ON_POLICY)
def test_a_learner_of_its_newest_policy_alone_leaves_nothing_out_by_exact_rounds(tmp_path, algorithm, learner):
    """An update is of a whole round, 100 steps here, and of as many rounds as it has to learn from."""
    run = trainer(tmp_path / "rounds", dataclasses.replace(on_policy(algorithm, learner), round_blocks=2))
    run.run()
    assert (run.report()["steps_left_out"], run.learner.updates) == (0, 6)
    longer = dataclasses.replace(on_policy(algorithm, learner, rollout_steps=150), round_blocks=2)
    run = trainer(tmp_path / "longer", longer)
    run.run()
    assert (run.report()["steps_left_out"], run.learner.updates) == (0, 3)


@pytest.mark.parametrize(("algorithm", "learner"), ON_POLICY)
def test_free_rounds_are_refused_where_most_of_what_they_collect_would_be_left_out(tmp_path, algorithm, learner):
    free = dataclasses.replace(on_policy(algorithm, learner), rounds=FREE)
    with pytest.raises(HrlError, match=f"rounds free: .*{learner or algorithm}.* newest policy alone.* rounds exact"):
        trainer(tmp_path, free)
