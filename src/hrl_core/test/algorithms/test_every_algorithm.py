"""Whatever is switched on, a trainer that is saved and loaded is the trainer that it was, down to its last part."""

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrl_core.algorithms import ALGORITHMS, presets
from hrl_core.algorithms.flat.bonus import BONUSES
from hrl_core.algorithms.flat.config import (
    DDPGFlatConfig,
    DQNFlatConfig,
    FlatConfig,
    OnPolicyFlatConfig,
    SACFlatConfig,
)
from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.fun.config import FunConfig
from hrl_core.algorithms.fun.recordings import untrained as untrained_fun
from hrl_core.algorithms.hac.config import DDPGHacConfig, SACHacConfig
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras import adjacency
from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.mlsh.config import hierarchy as mlsh_hierarchy
from hrl_core.algorithms.mlsh.learner import learner as make_learner
from hrl_core.algorithms.option_critic.config import OptionCriticConfig
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.algorithms.relay import learner as relay_learner
from hrl_core.algorithms.relay.config import RelayConfig
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import environments
from hrl_core.algorithms.tree.learner import hierarchy as tree_hierarchy
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.text import load_task
from hrl_core.training.at_once import AtOnce
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.evaluate import evaluation_goals
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer

SPEC = dataclasses.replace(load_task("AntMaze"), max_episode_steps=30)
LANES = dataclasses.replace(load_task("lane_drive"), max_episode_steps=30)
CHOICES = dataclasses.replace(load_task("grid_world"), max_episode_steps=30)
LEVEL = TD3Config(
    hidden=(8, 8),
    actor_lr=1e-3,
    critic_lr=2e-3,
    discount=0.9,
    tau=0.01,
    policy_delay=3,
    batch_size=8,
    noise_in_range=True,
    exploration_noise=0.2,
    target_noise=0.1,
    target_noise_clip=0.3,
    clip_target_actions=True,
    small_output=False,
    huber_delta=2.0,
    action_twice=False,
    normalise_actions=True,
    pre_tanh_penalty=1e-3,
    bc_alpha=2.5,
    reward_bounds=(-2.0, 1.0),
    average_tau=0.1,
    products=("forward",),
)
PLAIN = dataclasses.replace(LEVEL, fast=False)
ALL_ON = TrainConfig(
    agent=HiroConfig(
        worker=LEVEL,
        manager=LEVEL,
        goal_space="smallest",
        horizon=5,
        subgoal_range=1.5,
        candidates=0,
        manager_n_step=2,
        manager_n_step_own=3,
        manager_reward_scale=0.2,
        manager_reward_offset=0.5,
        relabel_goals_uniform=0.4,
        relabel_goals_future=0.4,
        worker_reward="progress",
        progress_unit=0.3,
        tilt_penalty=1.0,
        hide_position=False,
        scale_inputs=True,
        manager_sees_pose_only=True,
        manager_sees_time=True,
        four_fold_symmetry=True,
        next_goal_at_switch=True,
        adjacency_weight=20.0,
        adjacency_interval=60,
        worker_replay=90,
        manager_replay=150,
        replay=240,
        learning_starts=30,
        worker_updates=0.5,
        manager_updates=2.0,
        warm_start_steps=60,
        warm_start_length=1.2,
        manager_learning_starts=40,
        held_subgoal_probability=0.3,
        held_subgoal_decisions=(2, 4),
        waypoint_probability=0.7,
        waypoints=(1, 2),
        waypoint_decisions=(1, 2),
        waypoint_rarity=0.5,
    ),
    steps=200,
    num_envs=3,
    threads=2,
    stagger=False,
    headline_goal_share=0.5,
    evaluation_interval=70,
    evaluation_episodes=2,
    evaluation_episodes_elsewhere=1,
    evaluation="sampled",
    evaluation_seed=7,
    checkpoint_interval=50,
    randomise="delay=0:0.05,loss=0.1,noise=0.01",
    evaluation_randomise="same",
)
STORED: dict[str, Any] = dict(
    scale_inputs=True,
    worker_replay=90,
    replay=240,
    learning_starts=30,
    worker_updates=0.5,
    overlap=False,
    random_starts=True,
    random_steps=100,
    her=True,
    hindsight_goals=2,
)
NOT_RANDOM: dict[str, Any] = STORED | {"random_starts": False}
ON_POLICY = OnPolicyConfig(
    step="natural",
    hidden=(8, 8),
    activation="relu",
    lr=1e-3,
    optimiser="rmsprop",
    discount=0.9,
    gae_lambda=0.9,
    epochs=2,
    batch_size=16,
    clip=0.1,
    trust_region=0.02,
    damping=0.2,
    value_weight=0.4,
    entropy_weight=0.01,
    gradient_norm=1.0,
    normalise_advantages=False,
    advantage_floor=0.1,
    log_std=-0.5,
    reward_scale=0.1,
)
CURIOUS: dict[str, Any] = dict(bonus="visits", bonus_weight=0.5, bonus_decay=3)
VIME = VimeConfig(
    hidden=4,
    prior_std=0.4,
    noise_std=0.4,
    samples=2,
    updates=5,
    batch_size=8,
    lr=2e-2,
    pool=100,
    medians=2,
    clip=2.0,
)
FLAT = {
    "td3": FlatConfig(worker=PLAIN, **STORED),
    "sac": SACFlatConfig(
        worker=SACConfig((8, 8), 1e-3, 1e-3, 1e-3, 0.5, -1.0, 0.9, 0.01, 8, small_output=False), **NOT_RANDOM
    ),
    "ddpg": DDPGFlatConfig(worker=DDPGConfig((8, 8), 1e-3, 2e-3, 0.9, 0.01, 8, 0.3), **NOT_RANDOM),
    "dqn": DQNFlatConfig(worker=DQNConfig((8, 8), 1e-3, 0.9, 8, False, 7, 1.0), exploration=0.2, **STORED),
    "ppo": OnPolicyFlatConfig(worker=ON_POLICY, scale_inputs=True, rollout_steps=45, vime=VIME, **CURIOUS),
    "a2c": OnPolicyFlatConfig(
        learner="a2c",
        worker=dataclasses.replace(
            ON_POLICY, step="clipped", epochs=3, batch_size=16, optimiser="adam", normalise_advantages=True
        ),
        scale_inputs=True,
        rollout_steps=30,
        vime=VIME,
        **CURIOUS,
    ),
}
MLSH = MlshConfig(
    skills=3,
    horizon=7,
    groups=3,
    warmup=1,
    joint=1,
    rollout_steps=20,
    staggered=False,
    task_goal=(0.0, 8.0),
    input_scale=(0.5,) * len(SPEC.observation),
    skills_ignore=("x", "y"),
    worker=dataclasses.replace(ON_POLICY, lr=2e-3, reward_scale=0.2),
    manager=dataclasses.replace(
        ON_POLICY, step="clipped", optimiser="adam", batch_size=4, normalise_advantages=True, reward_scale=0.2
    ),
)
SNN4HRL = Snn4hrlConfig(
    skills=3,
    bonus_weight=0.5,
    position=("x",),
    cell=0.5,
    outer_product=False,
    rollout_steps=20,
    horizon=7,
    goal_scale=0.2,
    input_scale=MLSH.input_scale,
    skills_ignore=MLSH.skills_ignore,
    worker=dataclasses.replace(ON_POLICY, lr=2e-3, reward_scale=0.2),
    manager=dataclasses.replace(MLSH.manager, lr=2e-3, entropy_weight=0.0, advantage_floor=0.2),
)
BEGUN = tempfile.TemporaryDirectory()
"""Holds a policy of FuN to begin with."""
FUN = FunConfig(
    manager_loss="end_to_end",
    alpha=0.2,
    horizon=4,
    dilation=3,
    absolute=True,
    random_direction=0.3,
    size=8,
    embedding=4,
    manager_discount=0.9,
    worker_discount=0.9,
    gae_lambda=0.9,
    lr=2e-3,
    lr_end=0.5,
    anneal_updates=5,
    value_weight=0.4,
    entropy_weight=0.02,
    gradient_norm=0.5,
    advantage_floor=0.2,
)
FROZEN = tempfile.TemporaryDirectory()
"""Holds skills for masters to learn over."""
CLONED = CloningConfig((8, 8), 2e-3, 16, 5)
VALUED = dataclasses.replace(LEVEL, actor_lr=2e-3, tau=0.02, noise_in_range=False, normalise_actions=False)
RELAY = RelayConfig(
    goal_space="smallest",
    horizon=5,
    manager_window=20,
    pursued_goals=0.5,
    input_centre=(0.1,) * len(SPEC.observation),
    input_scale=(0.5,) * len(SPEC.observation),
    way_scale=2.0,
    demos=("shown",),
    demos_episodes=4,
    intended=True,
    demos_share=0.3,
    imitation_updates=3,
    noise=0.2,
    learning_starts=30,
    replay=240,
    worker_updates=0.5,
    manager_updates=0.25,
    worker=CLONED,
    manager=CLONED,
    td3=dataclasses.replace(VALUED, fast=False),
)
HAC: dict[str, Any] = {
    "levels": 3,
    "horizon": 4,
    "subgoal_elements": ("x", "y"),
    "subgoal_low": (-2.0, -2.0),
    "subgoal_high": (2.0, 2.0),
    "subgoal_tolerance": (0.1, 0.1),
    "discount": 0.9,
    "updates_per_episode": 3,
    "test_probability": 0.5,
    "test_penalty": 7.0,
    "hindsight_goals": 2,
    "drop_reached_starts": False,
    "replay": 200,
}
CONFIGS = {
    "all on": ALL_ON,
    "off-policy correction, which goes without long returns": dataclasses.replace(
        ALL_ON, agent=dataclasses.replace(ALL_ON.agent, candidates=4, manager_n_step=1, manager_n_step_own=0)
    ),
    "rows of the paper's table": dataclasses.replace(
        ALL_ON,
        agent=dataclasses.replace(
            ALL_ON.agent,
            candidates=3,
            correction="gaussian",
            embedding=4,
            worker_reward="cosine",
            manager_n_step=1,
            manager_n_step_own=0,
            four_fold_symmetry=False,
            adjacency_weight=0.0,
        ),
    ),
    "rows of the paper's figure": dataclasses.replace(
        ALL_ON,
        agent=dataclasses.replace(ALL_ON.agent, relabel_subgoals_random=0.5, worker_learning_ends=140),
    ),
    "plain updates": dataclasses.replace(
        ALL_ON,
        agent=dataclasses.replace(
            ALL_ON.agent, worker=PLAIN, manager=dataclasses.replace(PLAIN, bc_alpha=0.0), overlap=False
        ),
    ),
    **{f"flat {name}": dataclasses.replace(ALL_ON, algorithm="flat", agent=agent) for name, agent in FLAT.items()},
    "flat ppo, curious": dataclasses.replace(
        ALL_ON, algorithm="flat", agent=dataclasses.replace(FLAT["ppo"], bonus="vime")
    ),
    "mlsh": dataclasses.replace(ALL_ON, algorithm="mlsh", agent=MLSH, stagger=True),
    "mlsh, masters alone": dataclasses.replace(
        ALL_ON,
        algorithm="mlsh",
        agent=dataclasses.replace(MLSH, manager=ON_POLICY, frozen_skills=FROZEN.name, staggered=True),
        evaluation="greedy",
    ),
    "snn4hrl": dataclasses.replace(ALL_ON, algorithm="snn4hrl", agent=SNN4HRL, stagger=True),
    "snn4hrl, manager": dataclasses.replace(
        ALL_ON,
        algorithm="snn4hrl",
        agent=dataclasses.replace(SNN4HRL, manager=ON_POLICY, frozen_skills=FROZEN.name, draw_actions=True),
        evaluation="greedy",
    ),
    "hac": dataclasses.replace(
        ALL_ON,
        algorithm="hac",
        agent=DDPGHacConfig(
            **HAC,
            ddpg=BoundedDDPGConfig((8, 8), 2e-3, 3e-3, 16, "sigmoid", 1e-2),
            random_probability=0.4,
            action_noise=0.3,
            subgoal_noise=0.2,
        ),
        stagger=True,
    ),
    "hac of sac": dataclasses.replace(
        ALL_ON, algorithm="hac", agent=SACHacConfig(**HAC, sac=FLAT["sac"].worker), stagger=True
    ),
    "hac, a shadow": dataclasses.replace(
        ALL_ON, algorithm="hac", agent=SACHacConfig(**HAC, shadow=True, sac=FLAT["sac"].worker), stagger=True
    ),
    "option_critic": dataclasses.replace(
        ALL_ON,
        algorithm="option_critic",
        agent=OptionCriticConfig(
            options=3,
            deliberation_cost=0.01,
            temperature=0.1,
            hidden=(8, 8),
            activation="relu",
            scale_inputs=False,
            lr=1e-2,
            discount=0.9,
            gae_lambda=0.9,
            rollout_steps=45,
            epochs=2,
            batch_size=16,
            clip=0.1,
            value_weight=0.4,
            termination_weight=0.2,
            entropy_weight=0.01,
            gradient_norm=1.0,
            reward_scale=0.1,
            log_std=-0.5,
        ),
        evaluation="greedy",
    ),
    "fun": dataclasses.replace(
        ALL_ON,
        algorithm="fun",
        agent=dataclasses.replace(FUN, begin_with=BEGUN.name),
        evaluation="greedy",
        stagger=True,
    ),
    "fun, its manager taught": dataclasses.replace(
        ALL_ON, algorithm="fun", agent=dataclasses.replace(FUN, manager_loss="transition_pg"), stagger=True
    ),
    "fun, flat": dataclasses.replace(ALL_ON, algorithm="fun", agent=dataclasses.replace(FUN, flat=True)),
    "relay": dataclasses.replace(ALL_ON, algorithm="relay", agent=RELAY, stagger=True),
    "relay, off-policy": dataclasses.replace(
        ALL_ON,
        algorithm="relay",
        agent=dataclasses.replace(
            RELAY, finetuning="offpolicy", td3=VALUED, imitation_alpha=0.1, own_subgoals=0.5, tolerance=0.2
        ),
        stagger=True,
    ),
    "relay, on-policy": dataclasses.replace(
        ALL_ON,
        algorithm="relay",
        agent=dataclasses.replace(
            RELAY,
            finetuning="ppo",
            on_policy=dataclasses.replace(ON_POLICY, activation="tanh", gradient_norm=0.7),
            rollout_steps=24,
            cloning_weight=0.2,
            tolerance=0.2,
        ),
        stagger=True,
    ),
    "relay, natural gradient": dataclasses.replace(
        ALL_ON, algorithm="relay", agent=dataclasses.replace(RELAY, finetuning="npg", rollout_steps=24), stagger=True
    ),
    "relay, flat": dataclasses.replace(
        ALL_ON, algorithm="relay", agent=dataclasses.replace(RELAY, flat=True, flat_goals="last")
    ),
    "tree": dataclasses.replace(
        ALL_ON,
        algorithm="tree",
        agent=TreeConfig(
            tree="plain",
            node="Avoid",
            leave_out=("Nav",),
            share=0.5,
            composite_rollout=40,
            decay=False,
            composite=ON_POLICY,
        ),
        num_envs=16,
    ),
    "tree, from its leaves up": dataclasses.replace(
        ALL_ON,
        algorithm="tree",
        agent=TreeConfig(
            share=2e-5,
            leaf_rollout=20,
            leaf=dataclasses.replace(ON_POLICY, activation="tanh", lr=2e-3, entropy_weight=0.02),
            composite=dataclasses.replace(ON_POLICY, activation="tanh", lr=2e-3, entropy_weight=0.02),
        ),
        num_envs=4,
    ),
}


class Visits:
    """An intrinsic reward that falls with the rows seen so far."""

    def __init__(self):
        self.seen = 0

    def bonus(self, batch):
        self.seen += len(batch.rewards)
        return np.full(len(batch.rewards), 1 / self.seen, np.float32) * batch.inputs[:, 0]

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


Visits.__module__ = "hrl_core.test"


def bonus(spec, config, seed):
    """As ``bonus.BONUSES`` asks for it."""
    del spec, config, seed
    return Visits()


@pytest.fixture(autouse=True, scope="module")
def frozen():
    levels = make_learner(SPEC, MLSH, VectorEnv(SPEC, 3, 0), 1).levels()
    save_checkpoint(untrained_checkpoint("mlsh", SPEC, mlsh_hierarchy(SPEC, MLSH), levels, 1), Path(FROZEN.name))
    save_checkpoint(untrained_fun(CHOICES, FUN, 1), Path(BEGUN.name))


@pytest.fixture(autouse=True)
def plugged_in(monkeypatch):
    monkeypatch.setitem(BONUSES, "visits", __name__)
    monkeypatch.setattr(relay_learner, "demonstrated", shown)


def shown(task, level, folders, intended, count):
    """A demonstration, as if it had been recorded."""
    assert intended
    assert (folders, count) == (("shown",), 4)
    store, rng, size = EpisodeStore(task, level, 30, 0), np.random.default_rng(0), 0 if level is None else level.dim
    nothing = np.zeros((0 if level is None else 6, size))
    lived = rng.normal(size=(31, len(task.observation))), rng.normal(size=(30, len(task.action))), np.zeros(30)
    store.add(StoredEpisode(*lived, nothing, nothing, np.zeros(len(task.goal)), True, False))
    return store


def make_trainer(folder, config):
    if config.algorithm == "tree":
        return make_tree_trainer(folder, config)
    task = CHOICES if isinstance(config.agent, DQNFlatConfig | FunConfig) else SPEC
    share = config.headline_goal_share if task is SPEC else 0.0
    envs = VectorEnv(
        task, config.num_envs, 0, config.threads, (), config.stagger, share, 10, randomisation=config.randomisation
    )
    goals = evaluation_goals(task, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own = goals if task.evaluation_goals else ()
    evaluation = VectorEnv(
        task, len(goals), config.evaluation_seed, goals=own, randomisation=config.evaluation_randomisation
    )
    return Trainer(task, config, envs, evaluation, folder, 0)


def make_tree_trainer(folder, config):
    """In environments of its own; its nodes are those of a policy that is there, of which none is trained."""
    if config.agent.tree:
        plain = folder.parent / config.agent.tree
        save_checkpoint(random_checkpoint(LANES, 0, hierarchy=tree_hierarchy(LANES, TreeConfig())), plain)
        config = dataclasses.replace(config, agent=dataclasses.replace(config.agent, tree=str(plain)))
    envs = environments(LANES, config.agent, config.num_envs, 0)
    evaluation = VectorEnv(LANES, config.evaluation_episodes, config.evaluation_seed)
    return Trainer(LANES, config, envs, evaluation, folder, 0)


def backwards(first, others):
    """As ``AtOnce``, one after the other from the last to the first."""
    done = [other() for other in reversed(others)]
    return first(), done[::-1]


KINDS = [(name, "") for name in ALGORITHMS if name != "flat"] + [("flat", learner) for learner in FLAT]


@pytest.mark.parametrize(("algorithm", "learner"), KINDS)
def test_every_switch_is_on_in_one_of_them(algorithm, learner):
    default = switches(preset(algorithm=algorithm, learner=learner))
    ours = [switches(config) for config in CONFIGS.values() if config.algorithm == algorithm]
    if learner:
        ours = [own for own in ours if own["learner"] == learner]
    # A device besides the CPU is not everywhere: test_devices.py.
    tried = {name: value for name, value in default.items() if not name.endswith("device")}
    off = [name for name, value in tried.items() if all(own[name] == value for own in ours)]
    assert off == (["algorithm", "learner"] if learner else ["algorithm"])


def test_every_learner_of_flat_policies_is_tried():
    assert {config.agent.learner for config in presets("flat").values()} == set(FLAT)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_part_of_a_trainer_survives_saving_and_loading(tmp_path, monkeypatch, differences, config):
    monkeypatch.setattr(adjacency, "BATCHES", 20)
    one, other = (make_trainer(tmp_path / "run", config) for _ in range(2))
    one.run(stop=lambda: one.env_steps >= 160)
    assert differences(one, other), "it learned nothing"
    other._restore()
    for _ in range(2):
        assert differences(one, other) == []
        # And goes on as the other does.
        for trainer in (one, other):
            trainer.iterate()


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if hasattr(config.agent, "overlap")])
def test_work_done_while_environments_step_is_the_same_at_once_in_turn_and_backwards(
    tmp_path, monkeypatch, differences, name
):
    monkeypatch.setattr(adjacency, "BATCHES", 20)
    config = dataclasses.replace(CONFIGS[name], agent=dataclasses.replace(CONFIGS[name].agent, overlap=True))
    at_once, in_turn, last_first = (make_trainer(tmp_path / "run", config) for _ in range(3))
    for trainer, how in ((at_once, AtOnce(cores=3)), (in_turn, AtOnce(cores=1)), (last_first, backwards)):
        monkeypatch.setattr(trainer, "_at_once", how)
    for trainer in (at_once, in_turn, last_first):
        while trainer.env_steps < 160:
            trainer.iterate()
        assert trainer.learner.levels()["worker"].updates > 40
    assert differences(at_once.learner, in_turn.learner) == []
    assert differences(at_once.learner, last_first.learner) == []


@pytest.mark.parametrize("name", ["paper", "fast"])
def test_a_preset_learns_the_same_at_once_and_in_turn_also_restored_half_way_on_another_number_of_cores(
    tmp_path, monkeypatch, differences, name
):
    small = {"hidden": [8, 8], "batch_size": 16}
    few = {"num_envs": 4, "evaluation_episodes": 1, "evaluation_episodes_elsewhere": 1, "replay": 1000}
    config = preset(name).changed({**few, "worker": small, "manager": small, "steps": 320, "learning_starts": 40})
    if name == "fast":
        config = config.changed({"warm_start_steps": 80, "manager_learning_starts": 60})
    assert config.agent.overlap

    def trainer(folder, cores):
        made = make_trainer(tmp_path / folder, config)
        monkeypatch.setattr(made, "_at_once", AtOnce(cores=cores))
        return made

    in_turn, at_once = trainer("in turn", 1), trainer("at once", 3)
    in_turn.run()
    at_once.run(stop=lambda: at_once.env_steps >= 160)
    assert differences(at_once.learner, in_turn.learner), "nothing is left to learn"
    # On one core what has gone on at once on three.
    for cores in (1, 2):
        shutil.copytree(tmp_path / "at once", tmp_path / f"on {cores}")
        restored = trainer(f"on {cores}", cores)
        restored.run(resume=True)
        assert all(level.updates > 20 for level in restored.learner.levels().values())
        assert differences(restored.learner, in_turn.learner) == []
