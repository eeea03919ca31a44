"""HAC as a whole: every switch counts, runs go on, what does not fit is refused in a sentence."""

import dataclasses
import functools
import logging
from pathlib import Path

import numpy as np
import pytest

from hrl_core.algorithms.hac.actor_shapes import actor_configs
from hrl_core.algorithms.hac.config import PRESETS, SUBGOALS, DDPGHacConfig, SACHacConfig, hierarchy
from hrl_core.algorithms.hac.learner import HacLearner, ShadowLearner
from hrl_core.algorithms.hac.watch import WINDOW, Watch
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.sac_config import SACConfig
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.trainer import Trainer

TASK = dataclasses.replace(load_task("mountain_car"), max_episode_steps=40)
CONFIG = TrainConfig(
    algorithm="hac",
    agent=DDPGHacConfig(ddpg=BoundedDDPGConfig(hidden=(8, 8), batch_size=32), updates_per_episode=3, replay=2_000),
    steps=200,
    num_envs=1,
    stagger=False,
    evaluation_interval=80,
    evaluation_episodes=2,
    checkpoint_interval=70,
)


def trainer(folder=Path("unused"), config=CONFIG, task=TASK):
    goals = [task.evaluation_goals[0]] * 2
    envs = VectorEnv(task, config.num_envs, 0)
    return Trainer(task, config, envs, VectorEnv(task, 2, 1, goals=goals), folder, 0)


def weights(run):
    return np.concatenate([array.ravel() for array in acting_weights(run.learner.levels()).values()])


SAC = dataclasses.replace(
    CONFIG,
    agent=SACHacConfig(sac=SACConfig(hidden=(8, 8), batch_size=32), updates_per_episode=3, replay=2_000),
)
BOTH = {"ddpg": CONFIG, "sac": SAC}


@functools.cache
def trained(config):
    run = trainer(config=config)
    while run.env_steps < config.steps:
        run.iterate()
    return weights(run)


OTHER = {
    "levels": 3,
    "critic": "sigmoid",
    "hidden": (8, 4),
    "horizon": 3,
    "subgoal_elements": ("x", "vx"),
    "hindsight_goals": 1,
    "replay": 100,
    "discount": 0.5,
    "test_probability": 1.0,
    "random_probability": 0.9,
    "batch_size": 16,
    "tau": 0.5,
    "target_entropy": -3.0,
}
BOX = {"subgoal_elements": ("x",), "subgoal_low": (-1.2,), "subgoal_high": (0.6,), "subgoal_tolerance": (0.02,)}


# Which learner it is the class says; rows bring discounts of their own; of devices test_devices.py tells.
WITHOUT_EFFECT = ("learner", "sac.discount", "sac.device")


@pytest.mark.parametrize(
    ("learner", "name"),
    [(learner, name) for learner in BOTH for name in switches(BOTH[learner].agent) if name not in WITHOUT_EFFECT],
)
def test_every_switch_has_an_effect(learner, name):
    config = BOTH[learner]
    base = config.changed(BOX) if name.startswith("subgoal_") else config
    if name == "discount":
        # Wide bounds: in the linear part of Huber's loss all errors pull alike.
        base = config.changed({"horizon": 20})
    last, current = name.rpartition(".")[2], switches(base.agent)[name]
    new = OTHER.get(last, not current if isinstance(current, bool) else None)
    if new is None:
        new = (current[0] * 0.7,) if isinstance(current, tuple) else type(current)(current * 2 + 1)
    change = {name: new} if "." not in name else {learner: {last: new}}
    if name == "subgoal_elements":
        change |= {"subgoal_low": (-1.2, -0.07), "subgoal_high": (0.6, 0.07), "subgoal_tolerance": (0.02, 0.01)}
    one, other = trained(base), trained(base.changed(change))
    assert one.shape != other.shape or not np.array_equal(one, other)


def told(run):
    return run.files.metrics()[-1]


@pytest.mark.parametrize("learner", BOTH)
@pytest.mark.parametrize(("levels", "shadow"), [(1, False), (2, False), (3, False), (2, True)])
def test_a_run_that_is_stopped_anywhere_goes_on_with_the_same_bits(tmp_path, learner, levels, shadow):
    config = BOTH[learner].changed({"levels": levels, "shadow": shadow})
    whole = trainer(tmp_path / "whole", config)
    whole.run()
    stopped = trainer(tmp_path / "stopped", config)
    stopped.run(stop=lambda: stopped.env_steps >= 93)
    resumed = trainer(tmp_path / "stopped", config)
    resumed.run(resume=True)
    assert np.array_equal(weights(whole), weights(resumed))
    one, other = ({k: v for k, v in told(run).items() if "seconds" not in k} for run in (whole, resumed))
    assert one == other
    if levels > 1:
        assert 0 <= one["manager/reached"] <= 1
    assert -100 < one["worker/value"] < 1 + 10 * (learner == "sac")


def test_the_share_of_reached_subgoals_is_that_of_all_episodes_that_ended_together(monkeypatch):
    envs = VectorEnv(TASK, 3, 0)
    learner = HacLearner(TASK, CONFIG.agent, envs, 0)
    shares = iter([0.0, 0.25, 0.5])
    monkeypatch.setattr(learner, "take", lambda episode, number: {"manager": next(shares)})
    steps = (learner.observe(envs.step(learner.act())) for _ in range(TASK.max_episode_steps))
    *before, figures = steps
    assert not any(before)
    assert figures == {"manager": {"reached": 0.25}}


def test_a_shadow_learns_from_just_what_the_hierarchy_lives_without_it(tmp_path):
    alone, watched = trainer(tmp_path / "alone"), trainer(tmp_path / "watched", CONFIG.changed({"shadow": True}))
    alone.run()
    watched.run()
    learner, watching = alone.learner, watched.learner
    assert isinstance(learner, HacLearner)
    assert isinstance(watching, ShadowLearner)
    hierarchy_alone, shadow = learner.agent, watching.shadow
    for party, network in hierarchy_alone.networks.items():
        for name, array in network.actor_arrays().items():
            assert np.array_equal(array, watching.agent.networks[party].actor_arrays()[name])
    kept = load_checkpoint(tmp_path / "watched" / "last")
    assert list(kept.actors) == ["worker"]
    assert not kept.hierarchy.levels
    assert shadow.levels()["worker"].updates == hierarchy_alone.levels()["worker"].updates > 0
    # The same actions, each of which makes rows; but in the service of the task goal.
    ours, theirs = (agent.rows["worker"].state_dict() for agent in (hierarchy_alone, shadow))
    lived = np.unique(ours["actions"])
    assert len(lived) > 100
    assert np.array_equal(lived, np.unique(theirs["actions"]))
    goals = len(TASK.observation)
    assert not np.isin(theirs["inputs"][:40, goals:], ours["inputs"][:40, goals:]).any()


@pytest.mark.parametrize("learner", BOTH)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_what_is_kept_acts_as_what_was_trained(tmp_path, learner, levels):
    run = trainer(tmp_path, BOTH[learner].changed({"levels": levels}))
    run.run()
    kept = load_checkpoint(tmp_path / "last")
    assert kept.hierarchy == run.hierarchy
    assert list(kept.actors) == ["worker", "manager", "manager_2"][:levels]
    for name, array in acting_weights(run.learner.levels()).items():
        assert np.array_equal(kept.weights[name], array)


def test_same_seed_same_weights():
    again = trainer()
    while again.env_steps < CONFIG.steps:
        again.iterate()
    assert np.array_equal(trained(CONFIG), weights(again))


@pytest.mark.parametrize(("levels", "horizon"), [(1, 300), (2, 18), (3, 7)])
def test_attempts_of_all_levels_fill_an_episode(levels, horizon):
    task = load_task("mountain_car")
    config = DDPGHacConfig(levels=levels)
    assert config.attempts(task) == horizon
    assert [level.horizon for level in hierarchy(task, config).levels] == [horizon] * (levels - 1)
    assert DDPGHacConfig(levels=2).attempts(dataclasses.replace(task, max_episode_steps=400)) == 20


@pytest.mark.parametrize("name", SUBGOALS)
def test_a_task_whose_subgoals_are_known_can_be_learned(name):
    task, config = load_task(name), DDPGHacConfig(levels=3)
    (level, _), shapes = hierarchy(task, config).levels, actor_configs(task, hierarchy(task, config), config)
    assert min(level.tolerance) > 0
    assert list(shapes) == ["worker", "manager", "manager_2"]


def test_the_top_is_shown_the_way_left_to_the_goal_and_the_others_that_to_their_subgoal():
    config = DDPGHacConfig(levels=3)
    task = load_task("mountain_car")
    actors = actor_configs(task, hierarchy(task, config), config)
    np.testing.assert_allclose(seen(actors["manager_2"], [-0.5, 0.035, 0.4, 0.07]), [-0.5 / 0.9, 0.5, 0, 0, 1, 0.5])
    np.testing.assert_allclose(seen(actors["worker"], [-0.5, 0.035, 0.9, -0.07]), [-0.5 / 0.9, 0.5, 1, -1])
    assert [actor.test_probability for actor in actors.values()] == [0, 0.3, 0.3]
    np.testing.assert_allclose(actors["manager"].exploration_noise, [0.9 * 0.075, 0.07 * 0.075])


def seen(actor: ActorConfig, inputs):
    return actor.feature_matrix() @ np.array(inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 0}, "levels: at least 1, got"),
        ({"test_probability": 1.5}, r"test_probability: in \[0, 1\], got"),
        ({"subgoal_elements": ("x",)}, r"subgoal_low needs one number for each of subgoal_elements \(x\)"),
        ({"discount": 1.0}, "discount: in"),
        ({"random_probability": -0.5}, "random_probability: in"),
        ({"levels": 1, "shadow": True}, "shadow: needs a hierarchy"),
        ({"learner": "sac"}, "learner sac: these are the switches of ddpg"),
    ],
)
def test_impossible_values_are_refused(change, message):
    with pytest.raises(HrlError, match=message):
        dataclasses.replace(DDPGHacConfig(), **change)


def test_a_shadow_has_nothing_to_watch_in_recordings():
    with pytest.raises(HrlError, match="a shadow watches a hierarchy learn"):
        DDPGHacConfig(shadow=True).for_recordings("off", 0)


def test_what_a_task_lacks_is_said():
    with pytest.raises(HrlError, match=r"does not know what a subgoal is on task 'ant_maze'.*--subgoal_elements"):
        hierarchy(load_task("ant_maze"), DDPGHacConfig())
    with pytest.raises(HrlError, match=r"task 'ant_gather' needs a goal and success.radius or success.tolerance"):
        hierarchy(load_task("ant_gather"), DDPGHacConfig())
    strange = dataclasses.replace(DDPGHacConfig(), **{**BOX, "subgoal_elements": ("height",)})
    with pytest.raises(HrlError, match=r"height.*is no element of the observation of task 'mountain_car'"):
        hierarchy(TASK, strange)
    assert not hierarchy(load_task("ant_maze"), DDPGHacConfig(levels=1)).levels


def test_a_level_that_gets_nowhere_is_warned_of_once(caplog):
    watch = Watch(bound=10.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(WINDOW + 2):
            watch.lived({"manager": 0.2, "manager_2": 0.01})
            watch.learned("worker", -5.0)
            watch.learned("manager", -9.95)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("1.0% of the subgoals of manager_2 were reached in the last 50 episodes")
    assert said[1].startswith("the values of manager are stuck at -9.95 of [-10, 0]")


def test_presets_differ_in_the_learner_alone():
    fast, paper = (switches(PRESETS[name].agent) for name in ("fast", "paper"))
    assert {name for name in fast if fast[name] != paper[name]} == {
        "ddpg.batch_size",
        "ddpg.critic",
        "ddpg.pre_tanh_penalty",
        "drop_reached_starts",
    }
