"""A policy on disk is whole or refused; what is loaded acts like what was saved."""

import dataclasses
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from hrl_core.checkpoints.checkpoint import load_checkpoint, load_hierarchy, random_checkpoint, save_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import CheckpointError, TaskError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT, GoalSpace, HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.hierarchy.subgoals import Assignment, check_choice
from hrl_core.messages import Mode, SegmentEnd
from hrl_core.networks.actor import Actor
from hrl_core.randomness import Draws, Purpose, outside_a_run
from hrl_core.task.text import load_task


@pytest.fixture
def saved(tmp_path):
    checkpoint = random_checkpoint(load_task("ant_maze"), seed=1)
    save_checkpoint(checkpoint, tmp_path / "policy")
    return checkpoint, tmp_path / "policy"


def chosen(checkpoint, level, state, asked, skill=-1):
    return checkpoint.manager(level).select(state, Assignment(asked, skill), outside_a_run())


def done(checkpoint, state, asked, skill=-1):
    return checkpoint.worker().act(state, Assignment(asked, skill), outside_a_run()).value


def test_loaded_policy_acts_like_the_saved_one(saved):
    checkpoint, folder = saved
    loaded = load_checkpoint(folder)
    state, goal = np.linspace(-1, 1, 30), np.array([0.0, 16.0], np.float32)
    subgoal = np.linspace(-1, 1, 15).astype(np.float32)
    assert chosen(checkpoint, 0, state, goal).value.tobytes() == chosen(loaded, 0, state, goal).value.tobytes()
    assert done(checkpoint, state, subgoal).tobytes() == done(loaded, state, subgoal).tobytes()
    assert loaded.actors == checkpoint.actors


def test_same_seed_gives_identical_weights_and_another_seed_does_not():
    task = load_task("ant_maze")
    one, same, other = (random_checkpoint(task, seed).weights for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_untrained_policy_gives_visibly_varying_actions_and_subgoals(saved):
    checkpoint, _ = saved
    states = np.random.default_rng(0).normal(size=(50, 30))
    actions = np.array([done(checkpoint, s, np.zeros(15, np.float32)) for s in states])
    subgoals = np.array([chosen(checkpoint, 0, s, np.zeros(2, np.float32)).value for s in states])
    assert (actions.std(axis=0) > 0.05 * 30).all()
    assert (subgoals.std(axis=0) > 0.02 * GoalSpace(checkpoint.task, checkpoint.hierarchy.levels[0]).high).all()


def test_masked_positions_do_not_reach_the_worker(saved):
    state = np.linspace(-1, 1, 30)
    elsewhere = state.copy()
    elsewhere[:2] = 1000.0
    subgoal = np.ones(15, np.float32)
    assert done(saved[0], state, subgoal).tobytes() == done(saved[0], elsewhere, subgoal).tobytes()


def test_fast_actor_agrees_with_the_training_actor(saved):
    checkpoint, _ = saved
    config = checkpoint.actors["worker"]
    actor = Actor.of_arrays(config, checkpoint.level("worker"))
    assert {name: tuple(tensor.shape) for name, tensor in actor.state_dict().items()} == config.parameter_shapes()
    inputs = np.random.default_rng(0).normal(size=(20, config.input_dim)).astype(np.float32)
    batch = actor(torch.from_numpy(inputs)).detach().numpy()
    single = np.array([done(checkpoint, x[:30].astype(np.float64), x[30:]) for x in inputs])
    np.testing.assert_allclose(single, batch, rtol=1e-4, atol=1e-4)


HIGHER = LevelSpec("far", "absolute", {"x": (-4.0, 20.0), "y": (-4.0, 20.0)}, horizon=5, unit="attempts")


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_a_policy_of_any_number_of_levels_comes_back_as_it_was(levels, tmp_path):
    task = load_task("ant_maze")
    hierarchy = HierarchySpec((*hierarchy_of(task).levels, HIGHER, HIGHER)[:levels])
    checkpoint = random_checkpoint(task, 1, hierarchy=hierarchy)
    save_checkpoint(checkpoint, tmp_path / "policy")
    loaded = load_checkpoint(tmp_path / "policy")
    assert loaded.hierarchy == hierarchy == load_hierarchy(tmp_path / "policy")
    assert set(loaded.actors) == {"worker", *["manager", "manager_2", "manager_3"][:levels]}
    # The top pursues the task goal, each level below it a subgoal of the one above.
    sizes = [15, 2, 2][:levels]
    for level, (size, pursued) in enumerate(zip(sizes, [*sizes, 2][1:], strict=True)):
        assert chosen(loaded, level, np.zeros(30), np.zeros(pursued, np.float32)).value.shape == (size,)
    assert done(loaded, np.zeros(30), np.zeros([*sizes, 2][0], np.float32)).shape == (8,)
    loaded.stack(seed=0)


OPTIONS = LevelSpec("gait", "skill", skills=("a", "b", "c"), horizon=0, worker_may_terminate=True, sees_goal=False)
SOMEWHERE = LevelSpec("there", "direction", size=4, horizon=1, cadence="every_step")


@pytest.mark.parametrize("levels", [(OPTIONS,), (SOMEWHERE,), (OPTIONS, HIGHER)])
def test_skills_and_directions_come_back_as_they_were_and_run(levels, tmp_path):
    task = load_task("PointMaze")
    checkpoint = random_checkpoint(task, 1, hierarchy=HierarchySpec(levels))
    save_checkpoint(checkpoint, tmp_path / "policy")
    loaded = load_checkpoint(tmp_path / "policy")
    assert loaded.hierarchy == checkpoint.hierarchy == load_hierarchy(tmp_path / "policy")
    assert (loaded.actors, loaded.evaluation) == (checkpoint.actors, checkpoint.evaluation)
    for mode in (Mode.EVAL, Mode.TRAIN):
        one, other = (rollout(EnvRunner(task, 3, mode), policy.stack(seed=3), 0) for policy in (checkpoint, loaded))
        assert [a.value.tobytes() for a in one.actions] == [a.value.tobytes() for a in other.actions]
        chosen_skills = [s.skill_id for s in one.subgoals if s.level == 0]
        assert chosen_skills == [s.skill_id for s in other.subgoals if s.level == 0]
        if levels[0] is OPTIONS:
            assert set(chosen_skills) == {0, 1, 2}
            assert {r.end_reason for r in one.subgoal_results} >= {SegmentEnd.WORKER_TERMINATED}
            paths = {r.active_path for r in one.subgoal_results if r.level == 0}
            assert paths == {("a",), ("b",), ("c",)}


def test_a_greedy_policy_takes_the_likeliest_skill_and_a_sampled_one_draws_it():
    task = load_task("PointMaze")
    sampled = random_checkpoint(task, 2, hierarchy=HierarchySpec((replace(OPTIONS, sees_goal=True),)))
    greedy = replace(sampled, evaluation="greedy")
    state, goal = np.zeros(len(task.observation)), Assignment(np.ones(2, np.float32))

    def skills(policy, count, explore=False):
        draws = [Draws(seed, Purpose.SUBGOAL, 0, 0, 0, explore) for seed in range(count)]
        return [policy.manager().select(state, goal, d) for d in draws]

    said = skills(sampled, 3000)
    shares = np.bincount([choice.skill for choice in said], minlength=3) / len(said)
    for choice in said[:50]:
        assert np.exp(choice.log_probability) == pytest.approx(shares[choice.skill], abs=0.05)
    assert {choice.skill for choice in skills(greedy, 50)} == {int(shares.argmax())}
    assert [c.skill for c in skills(greedy, 50, explore=True)] == [c.skill for c in said[:50]]


def test_directions_have_length_1_also_where_the_network_points_nowhere():
    task = load_task("PointMaze")
    policy = random_checkpoint(task, 1, hierarchy=HierarchySpec((replace(SOMEWHERE, sees_goal=False),)))
    space = policy.goal_space()
    for state in (np.zeros(len(task.observation)), np.ones(len(task.observation))):
        for explore in (False, True):
            draws = Draws(1, Purpose.SUBGOAL, 0, 0, 0, explore)
            choice = policy.manager().select(state, policy.assignment(0), draws)
            check_choice(space, choice.value, choice.skill, "a choice")


def test_a_level_that_does_not_see_the_goal_chooses_the_same_whatever_it_is():
    task = load_task("PointMaze")
    policy = random_checkpoint(task, 1, hierarchy=HierarchySpec((replace(OPTIONS, horizon=5),)))
    chosen_for = [
        [(s.step, s.skill_id) for s in rollout(EnvRunner(task, 3, Mode.EVAL, goal), policy.stack(3), 0).subgoals[:5]]
        for goal in (np.array([0.0, 8.0]), np.array([8.0, 0.0]))
    ]
    assert chosen_for[0] == chosen_for[1]


def test_what_ends_segments_and_what_chooses_skills_belong_to_a_policy_of_options(tmp_path):
    checkpoint = random_checkpoint(load_task("PointMaze"), 1, hierarchy=HierarchySpec((OPTIONS,)))
    folder = tmp_path / "policy"
    save_checkpoint(checkpoint, folder)
    actors = json.loads((folder / "policy.json").read_text())["actors"]
    without = {name: actor for name, actor in actors.items() if name != "termination"}
    for change, problem in (
        ({"actors": without}, "actors: its hierarchy needs worker, manager, termination; got manager, worker"),
        (
            {"actors": actors | {"manager": actors["manager"] | {"head": "tanh"}}},
            "manager actor has the head 'tanh', its hierarchy needs 'categorical'",
        ),
        ({"actors": actors | {"manager": actors["manager"] | {"low": [0.5] * 3}}}, "the head 'categorical' has low 0"),
        ({"evaluation": "lucky"}, "evaluation: must be one of greedy, sampled"),
    ):
        rewritten(folder, **{"actors": actors, "evaluation": "sampled"} | change)
        with pytest.raises(CheckpointError, match=rf"policy\.json: .*{problem}"):
            load_checkpoint(folder)


@pytest.mark.parametrize("flat", [False, True])
def test_format_1_in_which_the_hierarchy_was_the_tasks_is_read_as_ever(flat, tmp_path):
    task, folder = load_task("ant_maze"), tmp_path / "policy"
    checkpoint = random_checkpoint(task, 1, hierarchy=FLAT if flat else None)
    save_checkpoint(checkpoint, folder)
    manifest = json.loads((folder / "policy.json").read_text())
    del manifest["hierarchy"]
    (folder / "policy.json").write_text(json.dumps(manifest | {"format": 1}))
    loaded = load_checkpoint(folder)
    assert loaded.hierarchy == checkpoint.hierarchy == (FLAT if flat else hierarchy_of(task))
    assert loaded.actors == checkpoint.actors
    assert all(np.array_equal(loaded.weights[name], w) for name, w in checkpoint.weights.items())


def test_a_hierarchy_that_does_not_fit_task_or_actors_is_refused_by_field(saved):
    _, folder = saved
    plain = json.loads((folder / "policy.json").read_text())["hierarchy"]
    missing = {"hierarchy": None}
    foreign = {"hierarchy": plain | {"levels": [plain["levels"][0] | {"elements": {"wing": [-1.0, 1.0]}}]}}
    higher = {"hierarchy": plain | {"levels": plain["levels"] * 2}}
    fewer = {"hierarchy": plain | {"levels": []}}
    for change, problem in (
        (missing, "hierarchy: must be there in format 2"),
        (foreign, r"hierarchy.levels\[0\].elements.wing: is no element of the observation of task 'ant_maze'"),
        (higher, "actors: its hierarchy needs worker, manager, manager_2; got manager, worker"),
        (fewer, "actors: its hierarchy needs worker; got manager, worker"),
    ):
        rewritten(folder, **{"hierarchy": plain} | change)
        with pytest.raises(CheckpointError, match=rf"policy\.json: {problem}"):
            load_checkpoint(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "policy.json", "task.yaml"])
def test_missing_file_is_named(saved, name):
    _, folder = saved
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(folder)


def test_flipped_bit_in_the_weights_is_noticed(saved):
    _, folder = saved
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged: SHA-256"):
        load_checkpoint(folder)


def test_truncated_manifest_is_refused(saved):
    _, folder = saved
    manifest = folder / "policy.json"
    manifest.write_text(manifest.read_text()[:100])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(folder)


def test_task_file_changed_after_the_fact_is_refused(saved):
    _, folder = saved
    task = folder / "task.yaml"
    task.write_text(task.read_text().replace("max_episode_steps: 500", "max_episode_steps: 501"))
    with pytest.raises(CheckpointError, match="was changed after the policy was made"):
        load_checkpoint(folder)


def test_unknown_format_is_refused(saved):
    _, folder = saved
    manifest = json.loads((folder / "policy.json").read_text())
    (folder / "policy.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(folder)


def test_policy_of_another_task_is_refused_by_the_field_that_differs(saved):
    checkpoint, _ = saved
    task = checkpoint.task
    other = dataclasses.replace(task, control_period=0.05)
    with pytest.raises(TaskError, match=r"control_period: 0\.1 != 0\.05"):
        checkpoint.require_task(other)
    checkpoint.require_task(task)


def test_non_finite_or_misshapen_weights_are_refused(saved):
    checkpoint, _ = saved
    name = "worker.layers.0.bias"
    for size, value, message in ((300, np.nan, "non-finite"), (3, 0.0, "expected shape")):
        array = np.full(size, value, np.float32)
        broken = dataclasses.replace(checkpoint, weights={**checkpoint.weights, name: array})
        with pytest.raises(CheckpointError, match=message):
            broken.worker()


def edited(folder, **weights):
    """Replace arrays of the weights file, with the hash that belongs to them."""
    arrays = load_file(folder / "weights.safetensors") | weights
    save_file(arrays, folder / "weights.safetensors")
    rewritten(folder, weights_sha256=hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest())


def rewritten(folder, **changes):
    manifest = json.loads((folder / "policy.json").read_text())
    (folder / "policy.json").write_text(json.dumps(manifest | changes))


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("manager.layers.0.bias", np.zeros(300, np.int32), "32-bit floats of shape .300,., got int32"),
        ("manager.layers.0.bias", np.zeros(300), "32-bit floats of shape .300,., got float64"),
        ("manager.layers.0.bias", np.zeros((300, 1), np.float32), "got float32 of shape .300, 1."),
        ("worker.layers.2.bias", np.full(8, np.inf, np.float32), "'layers.2.bias' holds non-finite numbers"),
        ("worker.layers.9.bias", np.zeros(8, np.float32), "'worker.layers.9.bias' belongs to no actor"),
    ],
)
def test_weights_that_are_not_those_of_the_actors_are_refused_by_file_and_level(saved, name, array, problem):
    _, folder = saved
    edited(folder, **{name: array})
    level = "" if "belongs" in problem else f"{name.split('.')[0]}: "
    with pytest.raises(CheckpointError, match=rf"weights\.safetensors: {level}tensor .*{problem}"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("metrics",), {"success": "often"}, "metrics.success: must be a number, got 'often'"),
        (("metrics",), [1], "metrics: must be a table"),
        (("version",), -1, "version: must be a whole number from 0"),
        (("trained",), "yes", "trained: must be true or false, got 'yes'"),
        (("actors",), {}, "actors: must be a table with a level"),
        (("actors", "worker", "masked"), [45], "actors.worker: actor: masked must be inputs, 0 to 44"),
        (("actors", "worker", "masked"), [-1], r"actors.worker.masked\[0\]: must be a whole number from 0"),
        (("actors", "worker", "masked"), "xy", "actors.worker.masked: must be a list, got 'xy'"),
        (("actors", "worker", "turn"), {"inputs": [], "outputs": []}, "actors.worker.turn: lacks heading"),
        (
            ("actors", "worker", "turn"),
            {"inputs": [[0, 2]], "outputs": [], "heading": [0, 1]},
            "must be 1 or -1, got 2",
        ),
        (
            ("actors", "worker", "turn"),
            {"inputs": [], "outputs": [], "heading": [0, 99]},
            "turn.heading must be inputs",
        ),
        (
            ("actors", "worker", "turn"),
            {"inputs": [], "outputs": [], "heading": [0, 1]},
            "name each input and output once",
        ),
        (("actors", "worker", "hidden"), [10**9], "more than 16777216 parameters"),
        (("actors", "worker", "input_dim"), 2**31 - 1, "more than 16777216 parameters"),
        (("actors", "worker", "input_dim"), 46, "worker actor maps 46 -> 8 numbers, the task needs 45 -> 8"),
        (("actors", "worker", "surprise"), 1, "actors.worker.surprise: unknown field"),
        (("actors", "worker", "low"), [float("inf")] * 8, r"actors.worker.low\[0\]: must be a finite number"),
    ],
)
def test_an_edited_manifest_is_refused_by_file_and_field(saved, path, value, problem):
    _, folder = saved
    manifest = json.loads((folder / "policy.json").read_text())
    place = manifest
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (folder / "policy.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match=rf"policy\.json: .*{problem}"):
        load_checkpoint(folder)


def test_failed_save_leaves_the_old_checkpoint_whole(saved, monkeypatch):
    checkpoint, folder = saved
    kept, other = load_checkpoint(folder).weights_sha256, random_checkpoint(checkpoint.task, seed=2)
    broken = dataclasses.replace(other, metrics={"success": object()})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        save_checkpoint(broken, folder)
    assert load_checkpoint(folder).weights_sha256 == kept
    assert [p.name for p in folder.parent.iterdir()] == ["policy"]


def test_saving_again_replaces_the_checkpoint(saved):
    checkpoint, folder = saved
    save_checkpoint(dataclasses.replace(checkpoint, version=5), folder)
    assert load_checkpoint(folder).version == 5
