"""Training by rounds: what collectors live, how it is kept, and when it is learned from."""

import dataclasses
import itertools

import numpy as np
import pytest

from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
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

    def __init__(self, orders=(0,)):
        self._envs, self._waiting, self._orders = VectorEnv(TASK, 2, SEED), {}, itertools.cycle(orders)
        self.policies: dict[int, int] = {}

    def submit(self, block, policy):
        self._waiting[block] = policy
        self.policies[block.number] = policy.version

    def next(self, block):
        order = list(self._waiting)
        block = block or order[next(self._orders)]
        return Collected(block, live(block, self._waiting.pop(block), self._envs, SEED), 0.5)


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
    assert run.learner.updates == run.learner.paid(600)


def test_a_resumed_run_ends_in_the_same_weights(tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run()
    stopped = trainer(tmp_path / "stopped")
    turns = iter([False, False, False, True])
    stopped.run(stop=lambda: next(turns))
    assert 0 < stopped.env_steps < 600
    resumed = trainer(tmp_path / "stopped")
    resumed.run(resume=True)
    assert resumed.checkpoint({}).weights_sha256 == whole.checkpoint({}).weights_sha256
    assert resumed.version == whole.version
    blocks = [
        sorted(path.name for path in (folder / "blocks").iterdir())
        for folder in (whole.files.folder, resumed.files.folder)
    ]
    assert blocks[0] == blocks[1]
    # Each block has cost half a second elsewhere, as the collectors say.
    assert 0.5 * len(blocks[0]) <= whole.cpu_seconds < 0.5 * len(blocks[0]) + whole.seconds + 1


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
    assert again.checkpoint({}).weights_sha256 == run.checkpoint({}).weights_sha256


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
