"""What HAC learns from a recording is what it learns from the episodes themselves."""

import dataclasses
import shutil

import numpy as np
import pytest

from hrl_core.algorithms.hac.config import DDPGHacConfig, hierarchy
from hrl_core.algorithms.hac.learner import HacLearner
from hrl_core.algorithms.hac.lived import lived, recorded
from hrl_core.algorithms.hac.recordings import RecordedHacLearner
from hrl_core.algorithms.hac.rows import level_rows
from hrl_core.algorithms.hiro.relabel_bags import Relabeler
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.messages import Mode
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.randomness import Purpose, step_generator
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

TASK = dataclasses.replace(load_task("mountain_car"), max_episode_steps=60)
SEED = 5


def config(levels):
    return DDPGHacConfig(levels=levels, horizon=4, updates_per_episode=0)


@pytest.fixture(params=[1, 2, 3])
def learner(request):
    """A learner that lives three episodes; it makes no updates, so that one policy has acted in all of them."""
    envs = VectorEnv(TASK, 1, SEED)
    made = HacLearner(TASK, config(request.param), envs, SEED)
    while made.state_dict()["episodes"] < 3:
        made.observe(envs.step(made.act()))
    return made


@pytest.fixture
def bag(tmp_path, learner, write_traces):
    """The same episodes as a running graph says them."""
    levels = learner.levels()
    actors: dict[str, ActorConfig] = {party: level.actor for party, level in levels.items()}
    weights = {f"{party}.{name}": a for party, level in levels.items() for name, a in level.weights.items()}
    policy = Checkpoint(TASK, learner.agent.hierarchy, "hac", True, 0, 0, SEED, "", actors, weights)
    runner, stack = EnvRunner(TASK, SEED, Mode.TRAIN, run=7), policy.stack(SEED)
    traces = [rollout(runner, stack, episode) for episode in range(3)]
    said = {"hierarchy": learner.agent.hierarchy.to_yaml(), "hierarchy_hash": learner.agent.hierarchy.sha256}
    return write_traces(tmp_path / "bag", TASK, traces, **said), traces


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_rows_from_a_bag_are_those_of_the_learner_that_lived_them(learner, bag):
    path, _ = bag
    levels, found = learner.agent.hierarchy, read_bags([path]).episodes
    assert len(found) == 3
    made = {party: [] for party in levels.parties}
    for episode in found:
        told = recorded(episode, levels)
        assert told is not None
        for level, rows in enumerate(made.values()):
            rng = step_generator(SEED, Purpose.HINDSIGHT, level, episode.key.episode, 0)
            rows.append(level_rows(TASK, levels, config(len(made)), told, level, rng))
    for party, rows in made.items():
        ring = learner.agent.rows[party].state_dict()
        for name in ("inputs", "actions", "rewards", "discounts", "next_inputs"):
            joined = np.concatenate([getattr(each, name) for each in rows])
            np.testing.assert_array_equal(joined, ring[name])


def test_an_episode_is_the_same_whoever_tells_it(learner, bag):
    path, traces = bag
    for episode, trace in zip(read_bags([path]).episodes, traces, strict=True):
        one, other = recorded(episode, learner.agent.hierarchy), lived(trace, learner.agent.hierarchy)
        assert one is not None
        assert equal(one[:3], other[:3])
        assert all(equal(a, b) for a, b in zip(one.levels, other.levels, strict=True))


def test_of_an_episode_that_is_not_whole_nothing_is_made(bag, learner):
    path, _ = bag
    episode = read_bags([path]).episodes[0]
    assert recorded(dataclasses.replace(episode, terminated=False, truncated=False), learner.agent.hierarchy) is None
    for level, table in episode.subgoals.items():
        less = {**episode.subgoals, level: type(table)._make(column[1:] for column in table)}
        assert recorded(dataclasses.replace(episode, subgoals=less), learner.agent.hierarchy) is None
        assert recorded(dataclasses.replace(episode, subgoals={}), learner.agent.hierarchy) is None


def bag_config(path, **change):
    return BagTrainConfig((Source(path),), TrainConfig(algorithm="hac", agent=TRAINED), relabel="off", **change)


TRAINED = DDPGHacConfig(
    levels=2, horizon=4, updates_per_episode=8, ddpg=BoundedDDPGConfig(hidden=(8, 8), batch_size=32)
)


def trained(folder, path, resume=False, stop=lambda run: False, **change):
    run = BagTrainer(TASK, bag_config(path, **change), folder, seed=4)
    run.begin(resume)
    run.consume(must_exist=True)
    run.proceed(stop=lambda: stop(run))
    return run


@pytest.mark.parametrize("learner", [2], indirect=True)
def test_a_run_on_recordings_learns_as_much_as_the_episodes_pay_for_and_goes_on_exactly(tmp_path, bag):
    path, _ = bag
    whole = trained(tmp_path / "whole", path)
    assert whole.reached == 3 * 8
    assert not whole.left
    stopped = trained(tmp_path / "stopped", path, stop=lambda run: run.reached >= 8)
    assert stopped.reached == 8
    resumed = trained(tmp_path / "stopped", path, resume=True)
    weights = [acting_weights(run.learner.levels()) for run in (whole, resumed, stopped)]
    assert all(np.array_equal(array, weights[1][name]) for name, array in weights[0].items())
    assert not all(np.array_equal(array, weights[2][name]) for name, array in weights[0].items())
    assert load_checkpoint(tmp_path / "whole" / "last").hierarchy == hierarchy(TASK, TRAINED)


@pytest.mark.parametrize("learner", [2], indirect=True)
def test_episodes_pay_for_updates_after_those_before_them_are_gone(tmp_path, bag, write_traces):
    _, traces = bag
    folder = tmp_path / "bags"
    for name, some in (("a", traces[:2]), ("b", traces[2:])):
        write_traces(folder / name, TASK, some)
    begun = trained(tmp_path / "run", folder)
    assert begun.reached == 3 * 8
    begun.keep()
    shutil.rmtree(folder / "a")
    again = trained(tmp_path / "run", folder, resume=True)
    assert (again.reached, again.left) == (3 * 8, 0)
    again.keep()
    policy, runner = load_checkpoint(tmp_path / "run" / "last"), EnvRunner(TASK, 6, Mode.TRAIN, run=8)
    write_traces(folder / "c", TASK, [rollout(runner, policy.stack(6), episode) for episode in range(2)])
    assert trained(tmp_path / "run", folder, resume=True).reached == 5 * 8


@pytest.mark.parametrize("learner", [2], indirect=True)
def test_places_are_no_offsets_and_are_not_relabelled(tmp_path, bag):
    path, _ = bag
    trained(tmp_path / "run", path)
    with pytest.raises(CheckpointError, match="of kind 'absolute'; only relative ones can be relabelled"):
        Relabeler(load_checkpoint(tmp_path / "run" / "last"), ()).relabel(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("learner", [2], indirect=True)
def test_what_rows_cannot_give_is_refused(bag):
    path, _ = bag
    with pytest.raises(HrlError, match="hac relabels by hindsight alone"):
        RecordedHacLearner(TASK, dataclasses.replace(bag_config(path), relabel="at-sampling"), 0)
    with pytest.raises(HrlError, match="set replay instead of newest_steps 10"):
        RecordedHacLearner(TASK, bag_config(path, newest_steps=10), 0)
    weighted = dataclasses.replace(bag_config(path), sources=(Source(path, 2.0),))
    with pytest.raises(HrlError, match="leave the weights of bags out"):
        RecordedHacLearner(TASK, weighted, 0)


@pytest.mark.parametrize("learner", [3], indirect=True)
def test_subgoals_that_mean_something_else_are_not_learned_from(bag, write_traces, learner):
    """Offsets as places, steps as attempts: of the same number and length, they would be learned as such."""
    path, traces = bag
    levels = learner.agent.hierarchy
    theirs = dataclasses.replace(levels.levels[0], horizon=levels.levels[0].horizon + 1)
    other = dataclasses.replace(levels, levels=(theirs, *levels.levels[1:]))
    foreign = write_traces(
        path.parent / "foreign", TASK, traces, hierarchy=other.to_yaml(), hierarchy_hash=other.sha256
    )
    run = BagTrainer(TASK, bag_config(foreign), path.parent / "run", seed=4)
    run.consume(must_exist=True)
    assert not len(run.learner.store)
    (cause,) = run.intake.left_out
    assert cause.startswith("subgoals that mean something else, ours != theirs: horizon")


@pytest.mark.parametrize("learner", [3], indirect=True)
def test_episodes_of_another_hierarchy_are_left_out_in_words(bag):
    path, _ = bag
    run = BagTrainer(TASK, bag_config(path), path.parent / "run", seed=4)
    assert run.consume(must_exist=True) == 1
    assert not len(run.learner.store)
    assert run.left == 0
    assert all("is of another hierarchy, or not whole" in problem for problem in run.intake.problems[-3:])
