"""Laws of learning from recordings: the same as from memory, exact continuation, nothing counted that should not be."""

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from hrl_core import algorithms
from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras import adjacency
from hrl_core.algorithms.hiro.recordings import RecordedHiroLearner
from hrl_core.algorithms.hiro.relabel_bags import Relabeler
from hrl_core.algorithms.relay.config import RelayConfig
from hrl_core.bags.catalogue import Catalogue
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.reader import read_bags
from hrl_core.bags.relabelled import read_relabelled
from hrl_core.bags.remote import RemoteFolder, waiting_mark
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint
from hrl_core.checkpoints.manifest import RANDOMISED
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.hierarchy.subgoals import subgoal_target, to_float32
from hrl_core.learners.td3_config import TD3Config
from hrl_core.messages import ActionSource, Mode
from hrl_core.randomness import Purpose, step_generator, step_seed
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings import intake
from hrl_core.training.recordings.config import STORES, BagTrainConfig, agent_config
from hrl_core.training.recordings.learner import GROUP, RecordedLearner
from hrl_core.training.recordings.material import MaterialConfig, choose_material
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer
from hrl_core.training.update_log import FAILED_BATCH

SPEC = dataclasses.replace(load_task("point_maze"), max_episode_steps=47)
SPACE = GoalSpace(SPEC, hierarchy_of(SPEC).levels[0])
SMALL = TD3Config(hidden=(16, 16), batch_size=8)
TRAINING = TrainConfig(agent=HiroConfig(worker=SMALL, manager=SMALL, candidates=4, replay=2_000, manager_updates=2.0))
MESSAGES = Path(__file__).parents[3] / "hrl_msgs" / "msg"
TEXTS = [(f"hrl_msgs/msg/{p.stem}", p.read_text()) for p in sorted(MESSAGES.glob("*.msg"))]


@pytest.fixture(scope="session")
def traces():
    """Six episodes with exploration; 47 steps end in a short segment."""
    policy = random_checkpoint(SPEC, 3)
    runner = EnvRunner(SPEC, 1, Mode.TRAIN, run=77)
    hierarchy = policy.stack(1)
    return [rollout(runner, hierarchy, episode) for episode in range(6)]


@pytest.fixture(scope="session")
def record(write_traces):
    """Write traces of our task as a bag; ``change`` may alter what an observation says."""
    return lambda path, traces, change=lambda observation: {}: write_traces(path, SPEC, traces, change)


def config(*sources, **change):
    return BagTrainConfig(sources=tuple(map(Source, sources)), training=TRAINING, **change)


def trainer(folder, bags, resume=False, **change):
    made = BagTrainer(SPEC, config(bags, **change), folder, seed=4)
    made.begin(resume)
    return made


def weights(agent):
    return torch.cat([value.double().ravel() for _, value in sorted(agent.state_dict().items())])


def hiro(run):
    assert isinstance(run.learner, RecordedHiroLearner)
    return run.learner


def agent_of(run):
    assert isinstance(run.learner, RecordedLearner)
    return run.learner.agent


def turns(run, groups):
    for _ in range(groups):
        run.iterate()


def save(run):
    run.record({})
    run.keep()


def in_memory(traces):
    """The store as a live run fills it, step by step."""
    # The trainer's store draws with weights, all of them 1.
    store = EpisodeStore(SPEC, SPACE.level, TRAINING.agent.replay, 1, weighted=True)
    for trace in traces:
        store.begin(0, trace.observations[0].state, trace.observations[0].desired_goal)
        subgoals = iter(trace.subgoals)
        for before, after in zip(trace.observations, trace.observations[1:], strict=False):
            if before.step % SPACE.level.horizon == 0:
                subgoal = next(subgoals)
                target = to_float32(subgoal_target(subgoal))
                store.set_subgoals(np.array([0]), subgoal.value[None], target[None])
            flags = np.array([after.terminated]), np.array([after.truncated])
            store.append(after.applied_action[None], np.array([after.reward]), after.state[None], *flags)
    return store


def test_updates_from_a_bag_are_those_from_memory_bit_for_bit(tmp_path, traces, record):
    record(tmp_path / "bags" / "one", traces)
    ours = trainer(tmp_path / "run", tmp_path / "bags", relabel="off")
    assert ours.consume() == 1
    turns(ours, 6)
    generator = torch.Generator().manual_seed(4)
    agent = HiroAgent(SPACE, agent_config(ours.config), hiro(ours)._task, generator)
    store = in_memory(traces)
    credit = 0.0
    for number in range(6):
        generator.manual_seed(step_seed(4, Purpose.UPDATE, 0, 0, number))
        rng = step_generator(4, Purpose.BATCH, 0, 0, number)
        agent.update_worker(store, rng, GROUP)
        due, credit = divmod(credit + GROUP * 2.0 / SPACE.level.horizon, 1)
        if due:
            agent.update_manager(store, rng, int(due))
    assert torch.equal(weights(hiro(ours).agent), weights(agent))
    assert ours.version == 6 * GROUP


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(tmp_path, traces, record):
    for number in range(3):
        record(tmp_path / "bags" / f"segment_{number}", traces[2 * number : 2 * number + 2])
    held_back = tmp_path / "later"
    shutil.move(tmp_path / "bags" / "segment_2", held_back)
    runs = [trainer(tmp_path / name, tmp_path / "bags") for name in ("whole", "cut")]
    for run in runs:
        run.consume()
        turns(run, 3)
        save(run)
    shutil.move(held_back, tmp_path / "bags" / "segment_2")
    whole = runs[0]
    runs[1].consume()
    turns(runs[1], 1)  # lost with the kill
    again = trainer(tmp_path / "cut", tmp_path / "bags", resume=True)
    assert again.version == 3 * GROUP
    for run in (whole, again):
        assert run.consume() == 1
        turns(run, 4)
    assert torch.equal(weights(hiro(whole).agent), weights(hiro(again).agent))
    assert [s.path for s in whole.intake.consumed.values()] == [s.path for s in again.intake.consumed.values()]


def test_a_resumed_run_takes_the_relabelled_subgoals_that_it_took_before(tmp_path, traces, record):
    bag = record(tmp_path / "bags" / "one", traces)
    settings = {"relabel": "from-relabelled", "relabelled": (str(tmp_path / "relabelled"),), "max_relabel_lag": 8}
    started = trainer(tmp_path / "run", tmp_path / "bags", **settings)
    Relabeler(started.checkpoint({}), TEXTS, candidates=4, seed=4).relabel(bag, tmp_path / "relabelled")
    started.consume()
    turns(started, 3)
    started.keep()
    again = trainer(tmp_path / "run", tmp_path / "bags", resume=True, **settings)
    assert again.version > 8, "by the present version they would be too old"
    assert started.learner.relabelled == again.learner.relabelled == 6 * 5


def flat_config(bags, **change):
    agent = FlatConfig(worker=SMALL, replay=2_000)
    training = TrainConfig(algorithm="flat", agent=agent)
    return BagTrainConfig(sources=(Source(bags),), training=training, **{"relabel": "off", **change})


def test_a_flat_policy_learns_from_what_a_hierarchy_recorded_and_goes_on_exactly(tmp_path, traces, record):
    record(tmp_path / "bags" / "one", traces)
    whole, cut, again = (
        BagTrainer(SPEC, flat_config(tmp_path / "bags"), tmp_path / name, seed=4) for name in ("whole", "cut", "cut")
    )
    for run in (whole, cut):
        run.begin(resume=False)
        run.consume()
        before = weights(agent_of(run))
        turns(run, 3)
        save(run)
        assert not torch.equal(weights(agent_of(run)), before)
    turns(cut, 1)  # lost with the kill
    again.begin(resume=True)
    assert again.reached == 3 * GROUP
    for run in (whole, again):
        turns(run, 3)
    assert torch.equal(weights(agent_of(whole)), weights(agent_of(again)))
    policy = load_checkpoint(tmp_path / "cut" / "last")
    assert (policy.algorithm, list(policy.actors), policy.version) == ("flat", ["worker"], 3 * GROUP)
    assert [segment["steps"] for segment in policy.provenance["segments"]] == [6 * 47]


def test_what_an_algorithm_cannot_do_with_recordings_is_refused_by_name(tmp_path, monkeypatch):
    with pytest.raises(HrlError, match="a flat policy has no subgoals to relabel: set relabel to off, got at-sampling"):
        agent_config(flat_config(tmp_path, relabel="at-sampling"))
    monkeypatch.setitem(algorithms.ALGORITHMS, "on_policy", "hrl_core.bags")
    training = dataclasses.replace(TRAINING, algorithm="on_policy")
    with pytest.raises(HrlError, match="'on_policy' does not learn from recordings; those that do are: hiro, flat"):
        BagTrainConfig(sources=(Source(tmp_path),), training=training)


def test_a_state_of_another_version_is_told_from_a_damaged_one(tmp_path, traces, record):
    record(tmp_path / "bags" / "one", traces)
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    turns(ours, 1)
    save(ours)
    (plain,) = (tmp_path / "run").glob("state-*/plain.json")
    state = json.loads(plain.read_text())
    plain.write_text(json.dumps({name: value for name, value in state.items() if name != "learner.manager_credit"}))
    with pytest.raises(HrlError, match="lacks 'manager_credit' of 'learner': another version of hrl wrote it"):
        trainer(tmp_path / "run", tmp_path / "bags", resume=True)


def test_every_part_of_a_trainer_survives_saving_and_loading(tmp_path, traces, record, monkeypatch, differences):
    """With what `test_every_algorithm.py` cannot switch on: segments, relabelled subgoals, live outcomes, a penalty."""
    monkeypatch.setattr(adjacency, "BATCHES", 20)
    level = dataclasses.replace(SMALL, average_tau=0.1, bc_alpha=2.5)
    switches = {"worker": level, "manager": level, "candidates": 0, "adjacency_weight": 20.0, "adjacency_interval": 16}
    shares = {"relabel_goals_uniform": 0.3, "relabel_goals_future": 0.3, "manager_n_step": 3}
    agent = HiroConfig(**switches, **shares, replay=150, worker_updates=0.5, manager_updates=2.0)
    training = dataclasses.replace(TRAINING, agent=agent)
    bag = record(tmp_path / "bags" / "one", traces, lambda o: {"mode": Mode.DEMO} if o.episode == 1 else {})
    settings = BagTrainConfig(
        sources=(Source(tmp_path / "bags", 2.0),),
        training=training,
        relabel="from-relabelled",
        relabelled=(str(tmp_path / "relabelled"),),
        material=MaterialConfig(modes=("TRAIN",)),
        newest_steps=120,
        first_version=5,
    )
    one, other = (BagTrainer(SPEC, settings, tmp_path / "run", seed=4) for _ in range(2))
    one.begin(resume=False)
    Relabeler(one.checkpoint({}), TEXTS, candidates=4, seed=4).relabel(bag, tmp_path / "relabelled")
    one.consume()
    turns(one, 3)
    assert one.intake.left_out["mode DEMO"] == 47
    penalty = hiro(one).agent.adjacency
    assert penalty is not None
    assert penalty._fitted
    one.keep()
    assert differences(one, other)
    other.begin(resume=True)
    for _ in range(2):
        assert differences(one, other) == []
        for trainer_ in (one, other):
            turns(trainer_, 1)


def test_diverging_losses_stop_the_run_and_save_the_batch(tmp_path, traces, record):
    record(tmp_path / "bag", traces, lambda observation: {"reward": -1e8})
    run = trainer(tmp_path / "run", tmp_path / "bag")
    run.consume()
    with pytest.raises(HrlError, match=r"manager's target is .* updates: training stopped; the batch is in"):
        turns(run, 4)
    assert (tmp_path / "run" / FAILED_BATCH).is_file()


def test_order_of_arrival_within_a_look_does_not_matter(tmp_path, traces, record):
    for folder, names in (("a", ("x", "y")), ("b", ("y", "x"))):
        record(tmp_path / folder / names[0], traces[:3])
        record(tmp_path / folder / names[1], traces[3:])
    runs = [trainer(tmp_path / f"run_{folder}", tmp_path / folder) for folder in ("a", "b")]
    for run in runs:
        run.consume()
        turns(run, 2)
    assert torch.equal(weights(hiro(runs[0]).agent), weights(hiro(runs[1]).agent))


def test_another_seed_gives_other_weights(tmp_path, traces, record):
    record(tmp_path / "bag", traces)
    agents = []
    for seed in (4, 4, 5):
        run = BagTrainer(SPEC, config(tmp_path / "bag"), tmp_path / "run", seed)
        run.consume()
        turns(run, 1)
        agents.append(weights(hiro(run).agent))
    assert torch.equal(agents[0], agents[1])
    assert not torch.equal(agents[0], agents[2])


def test_a_damaged_relabelled_bag_costs_its_own_subgoals_and_is_named_once(tmp_path, traces, record):
    bags = [record(tmp_path / "bags" / name, traces[3 * k : 3 * k + 3]) for k, name in enumerate("ab")]
    settings = {"relabel": "from-relabelled", "relabelled": (str(tmp_path / "relabelled"),)}
    relabeler = Relabeler(random_checkpoint(SPEC, 3), TEXTS, candidates=4, seed=4)
    damaged, sound = [relabeler.relabel(bag, tmp_path / "relabelled").bag for bag in bags]
    empty(damaged)
    ours = trainer(tmp_path / "run", tmp_path / "bags", **settings)
    assert (ours.consume(), ours.learner.relabelled) == (2, len(read_relabelled(sound)))
    (told,) = [problem for problem in ours.intake.problems if "relabelled subgoals" in problem]
    assert told.startswith(f"{damaged}: its relabelled subgoals take no place: ")
    assert not ours.intake.left_out, "the episodes themselves are learned from"
    record(tmp_path / "bags" / "c", traces[:1])
    ours.consume()
    assert len([problem for problem in ours.intake.problems if "relabelled subgoals" in problem]) == 1


def test_relabelling_at_sampling_equals_relabelled_bags_of_the_same_worker(tmp_path, traces, record, typestore):
    bag = record(tmp_path / "bags" / "one", traces)
    still = dataclasses.replace(SMALL, actor_lr=1e-12, critic_lr=1e-12)
    training = dataclasses.replace(TRAINING, agent=dataclasses.replace(TRAINING.agent, worker=still))
    base = BagTrainConfig(sources=(Source(tmp_path / "bags"),), training=training)
    at_sampling = BagTrainer(SPEC, base, tmp_path / "a", seed=4)
    # The worker of the first update, which hardly moves.
    Relabeler(at_sampling.checkpoint({}), TEXTS, candidates=4, seed=4).relabel(bag, tmp_path / "relabelled")
    ready = dataclasses.replace(base, relabel="from-relabelled", relabelled=(str(tmp_path / "relabelled"),))
    from_bags = BagTrainer(SPEC, ready, tmp_path / "b", seed=4)
    for run in (at_sampling, from_bags):
        run.consume()
        turns(run, 8)
    assert from_bags.learner.relabelled == 6 * 5
    levels = [hiro(run).agent.levels["manager"].state_dict() for run in (at_sampling, from_bags)]
    for name, value in levels[0].items():
        torch.testing.assert_close(value, levels[1][name], rtol=1e-6, atol=1e-7)


def test_relabelled_subgoals_are_kept_when_the_worker_made_these_very_actions(tmp_path, traces, record):
    policy = random_checkpoint(SPEC, 3)
    quiet = EnvRunner(SPEC, 1, Mode.EVAL, run=77)
    bag = record(tmp_path / "bag", [rollout(quiet, policy.stack(1), 0)])
    relabeler = Relabeler(policy, TEXTS)
    outcome = relabeler.relabel(bag, tmp_path / "out")
    assert (outcome.made, outcome.transitions, outcome.moved) == (True, 5, 0)
    assert not relabeler.relabel(bag, tmp_path / "out").made, "idempotent"
    assert len(read_relabelled(outcome.bag)) == 5
    other = dataclasses.replace(random_checkpoint(load_task("ant_maze"), 0), weights_sha256="another")
    with pytest.raises(TaskError, match="another task"):
        Relabeler(other, TEXTS).relabel(bag, tmp_path / "out")


def test_episode_without_subgoals_is_named_and_not_relabelled(tmp_path, traces, record):
    flat = [dataclasses.replace(trace, subgoals=[], subgoal_results=[]) for trace in traces]
    flat = [dataclasses.replace(trace, actions=[a._replace(subgoal_seq=0) for a in trace.actions]) for trace in flat]
    outcome = Relabeler(random_checkpoint(SPEC, 3), TEXTS).relabel(record(tmp_path / "bag", flat), tmp_path / "out")
    assert (outcome.made, outcome.transitions) == (True, 0)
    assert len(outcome.problems) == len(flat)
    assert all("no subgoals to relabel" in problem for problem in outcome.problems)


def test_a_manager_learns_nothing_from_episodes_without_subgoals(tmp_path, traces, record):
    """Those of a flat policy, of which neither level knows what was wanted."""
    ours = trainer(tmp_path / "run", record(tmp_path / "bag", [without_subgoals(trace) for trace in traces]))
    ours.consume()
    assert len(hiro(ours).store) == 0
    assert ours.intake.lost == 6 * 47
    assert all("has no subgoals" in problem for problem in ours.intake.problems)


def without_subgoals(trace):
    """As a flat policy of another run records it: both levels that learn have no place for it."""

    def of_run(rows, **change):
        return [row._replace(run=78, **change) for row in rows]

    return dataclasses.replace(
        trace,
        observations=of_run(trace.observations),
        actions=of_run(trace.actions, subgoal_seq=0),
        subgoals=[],
        subgoal_results=[],
        result=trace.result._replace(run=78),
    )


def test_a_policy_says_how_the_episodes_that_it_learned_from_differed(tmp_path, traces, write_traces):
    for name, way in (("a", ""), ("b", "delay=0:0.06"), ("c", "noise=0.01,loss=0.1"), ("d", "delay=0:0.06")):
        write_traces(tmp_path / "bags" / name, SPEC, traces[:1], randomise=way)
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    assert RANDOMISED not in ours.checkpoint({}).provenance
    ours.consume()
    save(ours)
    for run in (ours, trainer(tmp_path / "run", tmp_path / "bags", resume=True)):
        assert run.checkpoint({}).provenance[RANDOMISED] == "delay=0:0.06 or loss=0.1,noise=0.01"


def counts(run):
    steps = [segment.steps for segment in run.intake.consumed.values()]
    return steps, run.env_steps, run.left, run.intake.left_out, run.mostly_lost


def test_refused_steps_pay_for_nothing_and_are_told_where_they_are_most(tmp_path, traces, record):
    record(tmp_path / "bags" / "a", [traces[0], traces[1], without_subgoals(traces[2])])
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    cause = "no place in the store"
    assert counts(ours) == ([94], 94, 96, {cause: 47}, ""), "an update for each step, in whole groups"
    record(tmp_path / "bags" / "b", [without_subgoals(traces[3])])
    ours.consume()
    told = f"most steps cannot be learned from: 94 steps ({cause}); 94 can"
    assert counts(ours) == ([94, 0], 94, 96, {cause: 94}, told)
    turns(ours, ours.left // GROUP)
    save(ours)
    policy = load_checkpoint(tmp_path / "run" / "last")
    assert (policy.env_steps, policy.version, policy.metrics["update_ratio"]) == (94, 96, 96 / 94)
    assert [segment["steps"] for segment in policy.provenance["segments"]] == [94, 0]


def test_where_nothing_was_recorded_nothing_is_said_to_be_lost(tmp_path):
    assert trainer(tmp_path / "run", tmp_path / "bags").mostly_lost == ""


@pytest.mark.parametrize("store", STORES)
def test_refused_steps_are_counted_alike_by_who_takes_them_in_again(tmp_path, traces, record, store):
    record(tmp_path / "bags" / "a", [traces[0], without_subgoals(traces[1])])
    whole, cut = (trainer(tmp_path / name, tmp_path / "bags", store=store) for name in ("whole", "cut"))
    for run in (whole, cut):
        run.consume()
        turns(run, 2)
        save(run)
    record(tmp_path / "bags" / "b", [without_subgoals(traces[2]), traces[3]])
    record(tmp_path / "bags" / "c", [without_subgoals(traces[4])])
    cut.consume()
    turns(cut, 1)  # lost with the kill
    again = trainer(tmp_path / "cut", tmp_path / "bags", resume=True, store=store)
    assert counts(again)[:2] == ([47], 47)
    for run in (whole, again):
        run.consume()
        assert counts(run)[:2] == ([47, 47, 0], 94)
        turns(run, 4)
        run.keep()
    assert counts(whole) == counts(again)
    assert torch.equal(weights(hiro(whole).agent), weights(hiro(again).agent))
    assert counts(trainer(tmp_path / "cut", tmp_path / "bags", resume=True, store=store)) == counts(whole)


def test_a_run_whose_log_counts_refused_steps_goes_on(tmp_path, traces, record):
    """As earlier versions wrote it: what they had counted stays, what comes counts as it is learned from."""
    record(tmp_path / "bags" / "a", [traces[0], without_subgoals(traces[1])])
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    turns(ours, 2)
    ours.keep()
    log = tmp_path / "run" / "segments.jsonl"
    log.write_text(json.dumps(json.loads(log.read_text()) | {"steps": 94}) + "\n")
    (plain,) = (tmp_path / "run").glob("state-*/plain.json")
    plain.write_text(json.dumps(json.loads(plain.read_text()) | {"run.env_steps": 94}))
    again = trainer(tmp_path / "run", tmp_path / "bags", resume=True)
    assert (counts(again)[:2], len(again.learner.store)) == (([94], 94), 47)
    record(tmp_path / "bags" / "b", [traces[2], without_subgoals(traces[3])])
    again.consume()
    assert counts(again)[:2] == ([94, 47], 141)


def empty(bag):
    (bag / f"{bag.name}.mcap").write_bytes(b"")


def rot(bag):
    (bag / f"{bag.name}.mcap").write_bytes(bytes(1000))


def lose(bag):
    (bag / f"{bag.name}.mcap").unlink()


@pytest.mark.parametrize("spoil", [empty, rot, lose])
@pytest.mark.parametrize("store", STORES)
def test_a_bag_that_cannot_be_read_costs_itself_and_is_not_tried_again(tmp_path, traces, record, spoil, store):
    for name, some in zip("abc", (traces[:2], traces[2:4], traces[4:]), strict=True):
        record(tmp_path / "bags" / name, some)
    broken, sound = tmp_path / "bags" / "b", tmp_path / "sound"
    shutil.copytree(broken, sound)
    spoil(broken)
    ours = trainer(tmp_path / "run", tmp_path / "bags", store=store)
    assert ours.consume(must_exist=True) == 3
    assert counts(ours)[:2] == ([94, 0, 94], 188)
    (problem,) = ours.intake.problems
    assert problem.startswith(f"{broken} is not learned from: ")
    assert ours.consume() == 0
    turns(ours, 2)
    ours.keep()
    # What becomes of it later changes nothing.
    shutil.rmtree(broken)
    shutil.copytree(sound, broken)
    again = trainer(tmp_path / "run", tmp_path / "bags", resume=True, store=store)
    assert (again.consume(), again.intake.problems) == (0, [])
    assert counts(again) == counts(ours)
    for run in (ours, again):
        turns(run, 2)
    assert torch.equal(weights(hiro(ours).agent), weights(hiro(again).agent))


def test_a_bag_that_vanishes_before_it_is_read_is_taken_in_when_it_is_back(tmp_path, traces, record, monkeypatch):
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("ab")]
    ours, away = trainer(tmp_path / "run", tmp_path / "bags"), tmp_path / "away"

    def digest(bag):
        bags[0].rename(away)
        monkeypatch.undo()
        return bag_sha256(bag)

    monkeypatch.setattr(intake, "bag_sha256", digest)
    assert ours.consume() == 1
    assert [problem.partition(":")[0] for problem in ours.intake.problems] == [f"{bags[0]} is not learned from"]
    away.rename(bags[0])
    assert (ours.consume(), ours.env_steps) == (1, 94)


def test_a_bag_that_cannot_be_read_is_never_forgotten(tmp_path, traces, record):
    """Something of it may be saved."""
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("abc")]
    rot(bags[0])
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    assert ours.intake.forget(1, {tmp_path / "bags"}) == bags[1:2]


def test_where_no_bag_can_be_read_who_asked_for_some_is_told(tmp_path, traces, record):
    bag = record(tmp_path / "bags" / "a", traces[:1])
    empty(bag)
    with pytest.raises(BagError, match=r"a.mcap is damaged: the file is empty; save what is sound with"):
        trainer(tmp_path / "run", bag).consume(must_exist=True)
    assert trainer(tmp_path / "live", tmp_path / "bags").consume() == 1, "more may come"


def test_evaluation_and_demonstrations_are_left_out_by_default(tmp_path, traces, record):
    def mode(observation):
        return {"mode": Mode(observation.episode % 3)}

    bag = record(tmp_path / "bag", traces, mode)
    ours = trainer(tmp_path / "run", bag)
    ours.consume()
    assert ours.env_steps == 2 * 47
    assert ours.intake.left_out == {"mode EVAL": 2 * 47, "mode DEMO": 2 * 47}
    assert ours.intake.lost == 0, "nothing was meant to be learned from"
    assert ours.intake.causes() == "94 steps (mode EVAL), 94 steps (mode DEMO)"
    everything = trainer(tmp_path / "all", bag, material=MaterialConfig(modes=("TRAIN", "EVAL", "DEMO")))
    everything.consume()
    assert everything.env_steps == 6 * 47


@pytest.mark.parametrize(
    ("foreign", "kept"),
    [
        ([], [(0, 47)]),
        ([1], [(10, 47)]),
        ([10, 11], [(0, 10), (20, 47)]),
        ([9, 25], [(10, 20), (30, 47)]),
        ([46], [(0, 40)]),
        ([5, 15, 25, 35, 45], []),
    ],
)
def test_whole_periods_without_foreign_actions_are_kept(tmp_path, traces, record, foreign, kept):
    def source(observation):
        held = observation.step - 1 in foreign
        return {"action_source": ActionSource.HOLD if held else ActionSource.POLICY}

    bag = record(tmp_path / "bag", traces[:1], source)
    episodes = read_bags([bag]).episodes
    material = choose_material(SPACE.level.horizon, MaterialConfig(), episodes, 0)
    assert [(start, start + p.steps) for p, start in zip(material.pieces, material.starts, strict=True)] == kept
    assert material.left_out.total() == 47 - sum(end - start for start, end in kept)
    for piece, start in zip(material.pieces, material.starts, strict=True):
        np.testing.assert_array_equal(piece.states, episodes[0].states[start : start + piece.steps + 1])
        assert piece.truncated == (start + piece.steps == 47)
        assert list(piece.subgoals[0].steps) == list(range(0, piece.steps, 10))
    ours = trainer(tmp_path / "run", bag)
    ours.consume()
    assert len(ours.learner.store) == sum(end - start for start, end in kept)


def test_in_a_demonstration_who_demonstrates_stands_in_the_policy_s_place(tmp_path, traces, record):
    """And what was held there is nobody's; elsewhere a person who took over for a while is not learned from."""

    def source(observation):
        held = observation.step - 1 in (17,)
        return {"action_source": ActionSource.HOLD if held else ActionSource.TELEOP}

    bag = record(tmp_path / "bag", traces[:1], source)
    for mode, kept in ((Mode.DEMO, [(0, 10), (20, 47)]), (Mode.TRAIN, [])):
        (episode,) = (dataclasses.replace(e, mode=mode) for e in read_bags([bag]).episodes)
        material = choose_material(SPACE.level.horizon, MaterialConfig(modes=("TRAIN", "DEMO")), [episode], 0)
        assert [(start, start + p.steps) for p, start in zip(material.pieces, material.starts, strict=True)] == kept


@pytest.mark.parametrize("seq", range(5))
def test_lost_subgoal_costs_its_segment_and_no_more(tmp_path, traces, record, seq):
    trace = dataclasses.replace(traces[0], subgoals=[s for s in traces[0].subgoals if s.seq != seq])
    bag = record(tmp_path / "bag", [trace, traces[1]])
    (episode, whole) = read_bags([bag]).episodes
    material = choose_material(SPACE.level.horizon, MaterialConfig(), [episode], 0)
    kept = [
        step
        for p, start in zip(material.pieces, material.starts, strict=True)
        for step in range(start, start + p.steps)
    ]
    assert kept == [step for step in range(47) if step // 10 != seq]
    outcome = Relabeler(random_checkpoint(SPEC, 3), TEXTS).relabel(bag, tmp_path / "out")
    assert (outcome.made, outcome.transitions) == (True, 5 - 1 + 5)
    assert not any("left out" in problem for problem in outcome.problems)
    assert whole.steps == 47


def test_lost_action_costs_nothing(tmp_path, traces, record):
    trace = dataclasses.replace(traces[0], actions=[a for a in traces[0].actions if a.step != 7])
    (episode,) = read_bags([record(tmp_path / "bag", [trace])]).episodes
    (piece,) = choose_material(SPACE.level.horizon, MaterialConfig(max_policy_lag=1), [episode], 0).pieces
    assert piece.steps == 47
    np.testing.assert_array_equal(piece.applied_actions, [a.value for a in traces[0].actions])


def test_segments_of_a_run_by_the_wall_clock_are_kept_wherever_they_begin(tmp_path, traces, record):
    """After a restart of the manager, a new subgoal came 4 steps late and all that follow with it."""
    shift = {0: 0, 1: 10, 2: 24, 3: 34, 4: 44}
    subgoals = [s._replace(step=shift[s.seq]) for s in traces[0].subgoals]
    bag = record(tmp_path / "bag", [dataclasses.replace(traces[0], subgoals=subgoals)])
    material = choose_material(SPACE.level.horizon, MaterialConfig(), read_bags([bag]).episodes, 0)
    assert [(start, start + p.steps) for p, start in zip(material.pieces, material.starts, strict=True)] == [
        (0, 20),
        (24, 47),
    ]


def test_a_worker_that_learns_no_more_stays_while_its_manager_goes_on_to_the_same_bits_after_a_resume(
    tmp_path, traces, record
):
    record(tmp_path / "bags" / "one", traces)
    agent = dataclasses.replace(TRAINING.agent, worker_learning_ends=20)
    change = {"training": dataclasses.replace(TRAINING, agent=agent)}
    whole, cut = (
        BagTrainer(SPEC, dataclasses.replace(config(tmp_path / "bags"), **change), tmp_path / name, seed=4)
        for name in ("whole", "cut")
    )
    for run in (whole, cut):
        run.begin(resume=False)
        run.consume()
    turns(cut, 5)
    save(cut)
    again = BagTrainer(SPEC, cut.config, tmp_path / "cut", seed=4)
    again.begin(resume=True)
    assert (again.reached, again.version, again.left) == (40, 40, cut.left)
    for run in (whole, again):
        turns(run, run.left // GROUP)
        assert run.left == 0
        # Twenty steps pay for twenty updates; the manager learns from what the others pay for.
        assert hiro(run).agent.worker.updates == 20
        assert run.reached == run.version == run.checkpoint({}).version == 288
    assert hiro(whole).agent.manager.updates == 57
    assert torch.equal(*(weights(hiro(run).agent) for run in (whole, again)))


def test_recordings_that_pay_for_no_update_are_refused(tmp_path):
    for agent in (HiroConfig(worker_updates=0.0), FlatConfig(worker_updates=0.0), RelayConfig(worker_updates=0.0)):
        with pytest.raises(HrlError, match=r"set worker_updates above 0, got 0\.0"):
            agent.for_recordings("off", 0)


def test_policies_that_are_too_old_are_left_out(tmp_path, traces, record):
    bag = record(tmp_path / "bag", traces)
    episodes = read_bags([bag]).episodes
    limits = MaterialConfig(max_policy_lag=100)
    assert len(choose_material(SPACE.level.horizon, limits, episodes, version=100).pieces) == 6
    old = choose_material(SPACE.level.horizon, limits, episodes, version=101)
    assert (old.pieces, old.left_out, old.lags) == ([], {"policy too old": 6 * 47}, {101: 6 * 47})


def test_sources_are_drawn_by_weight(tmp_path, traces, record):
    sources = (Source(record(tmp_path / "a", traces[:2]), 3.0), Source(record(tmp_path / "b", traces[2:4])))
    ours = BagTrainer(SPEC, BagTrainConfig(sources=sources, training=TRAINING), tmp_path / "run", 0)
    ours.consume()
    drawn = hiro(ours).store.sample_segments(20_000, np.random.default_rng(0)).slots
    of_a = [slot for slot, (key, _, _) in ours.learner.store.pieces.items() if key.episode < 2]
    assert np.isin(drawn, of_a).mean() == pytest.approx(0.75, abs=0.02)
    with pytest.raises(HrlError, match="weight must be a finite number above 0"):
        Source(tmp_path, 0.0)


def test_sources_that_overlap_are_learned_from_once_by_the_innermost(tmp_path, traces, record):
    record(tmp_path / "runs" / "one", traces[:2])
    record(tmp_path / "runs" / "demo" / "two", traces[2:4])
    (tmp_path / "runs" / "latest").symlink_to("one")
    (tmp_path / "elsewhere").symlink_to("runs/demo")
    given = [Source(tmp_path / name, weight) for name, weight in (("runs", 1.0), ("runs/latest", 2.0))]
    given += [Source(tmp_path / name, weight) for name, weight in (("runs/demo", 3.0), ("elsewhere", 4.0))]
    for sources in (given, given[::-1]):
        ours = BagTrainer(SPEC, BagTrainConfig(sources=tuple(sources), training=TRAINING), tmp_path / "run", 0)
        for _ in range(2):
            ours.consume()
        assert sorted(segment.steps for segment in ours.intake.consumed.values()) == [94, 94]
        weights = {Path(path).name: segment.weight for path, segment in ours.intake.consumed.items()}
        assert weights["two"] in (3.0, 4.0), "both are as deep"
        assert next(weight for name, weight in weights.items() if name != "two") in (1.0, 2.0)


@pytest.mark.parametrize("together", [True, False])
def test_what_was_recovered_of_a_bag_that_is_learned_from_is_not_learned_twice(tmp_path, traces, record, together):
    record(tmp_path / "bags" / "one", traces[:2])
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    if not together:
        ours.consume()
    record(tmp_path / "bags" / "one.recovered", traces[:2])
    record(tmp_path / "bags" / "lost.recovered", traces[2:4])
    ours.consume()
    assert {Path(path).name: s.steps for path, s in ours.intake.consumed.items()} == {
        "one": 94,
        "one.recovered": 0,
        "lost.recovered": 94,
    }
    assert any("one.recovered is not learned from" in problem for problem in ours.intake.problems)


def test_the_checkpoint_names_what_it_learned_from_and_updates_are_bounded(tmp_path, traces, record):
    bag = record(tmp_path / "bags" / "one", traces)
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    assert ours.left == -(-6 * 47 // GROUP) * GROUP, "one update per step, rounded up to a group"
    turns(ours, ours.left // GROUP)
    assert ours.left == 0
    ours.record({"evaluation/x": 0.5})
    loaded = load_checkpoint(tmp_path / "run" / "last")
    (segment,) = loaded.provenance["segments"]
    assert (segment["path"], segment["steps"], segment["episodes"], segment["weight"]) == (str(bag), 6 * 47, 6, 1.0)
    assert len(segment["sha256"]) == 64
    assert loaded.provenance["update"] == loaded.version == ours.version
    assert loaded.metrics["update_ratio"] == pytest.approx(1.0, rel=0.05)


def test_versions_count_from_that_of_the_start_policy_and_updates_stay_the_same(tmp_path, traces, record):
    record(tmp_path / "bags" / "one", traces)
    runs = [trainer(tmp_path / str(first), tmp_path / "bags", first_version=first) for first in (0, 5_000)]
    for run in runs:
        run.consume()
        turns(run, 2)
        save(run)
    assert torch.equal(*(weights(hiro(run).agent) for run in runs))
    assert [load_checkpoint(tmp_path / name / "last").version for name in ("0", "5000")] == [16, 5_016]
    assert [run.report()["worker/updates"] for run in runs] == [16, 16]
    again = trainer(tmp_path / "5000", tmp_path / "bags", resume=True, first_version=5_000)
    assert (again.version, again.left) == (5_016, runs[0].left)
    with pytest.raises(HrlError, match="first_version must be at least 0, got -1"):
        config(tmp_path, first_version=-1)


def test_the_best_policy_stays_until_a_better_one_comes(tmp_path, traces, record):
    record(tmp_path / "bags" / "one", traces)
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    for score in (0.5, 0.25):
        turns(ours, 1)
        ours._write({}, ours.checkpoint({}), score)
    assert [load_checkpoint(tmp_path / "run" / name).version for name in ("best", "last")] == [8, 16]


def test_correction_at_sampling_is_refused_with_longer_returns(tmp_path):
    agent = dataclasses.replace(TRAINING.agent, candidates=0, manager_n_step=5)
    of_fast = BagTrainConfig((Source(tmp_path),), dataclasses.replace(TRAINING, agent=agent))
    with pytest.raises(HrlError, match=r"at-sampling corrects one-step returns, but manager_n_step is 5"):
        agent_config(of_fast)


def test_a_changed_segment_stops_a_resumed_run_and_a_deleted_one_is_named(tmp_path, traces, record):
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("ab")]
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    turns(ours, 1)
    save(ours)
    assert ours.intake.forget(1, {tmp_path / "bags"}) == [bags[0]]
    assert not bags[0].exists()
    again = trainer(tmp_path / "run", tmp_path / "bags", resume=True)
    assert any("is gone" in problem for problem in again.intake.problems)
    (bags[1] / "metadata.yaml").write_text((bags[1] / "metadata.yaml").read_text() + "\n")
    with pytest.raises(HrlError, match="has changed since it was learned from"):
        trainer(tmp_path / "run", tmp_path / "bags", resume=True)


def test_a_segment_that_was_changed_at_the_same_size_stops_a_resumed_run_also_where_a_catalogue_tells_of_it(
    tmp_path, traces, record
):
    bag = record(tmp_path / "bags" / "a", traces[:1])
    Catalogue(tmp_path / "bags").add(bag, {})
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    turns(ours, 1)
    save(ours)
    path = bag / "metadata.yaml"
    text = path.read_text()
    assert text.endswith("\n")
    path.write_text(text[:-1] + " ")
    with pytest.raises(HrlError, match="has changed since it was learned from"):
        trainer(tmp_path / "run", tmp_path / "bags", resume=True)


class Killed(BaseException):
    """Of a process, at that moment."""


@pytest.mark.parametrize("moment", range(5))
def test_a_trainer_killed_while_it_deletes_a_bag_goes_on_and_names_the_bag_as_gone(
    tmp_path, traces, record, monkeypatch, moment
):
    """Before the bag steps aside, at either of its files, at its folder, or after all that."""
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("ab")]
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    ours.consume()
    turns(ours, 1)
    save(ours)
    calls = itertools.count()

    def killed_at(real):
        def call(*given, **more):
            if next(calls) == moment:
                raise Killed
            return real(*given, **more)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "unlink", "rmdir"):
            patch.setattr(os, name, killed_at(getattr(os, name)))
        with pytest.raises(Killed) if moment < 4 else contextlib.nullcontext():
            ours.intake.forget(1, {tmp_path / "bags"})
    again = trainer(tmp_path / "run", tmp_path / "bags", resume=True)
    gone = [problem for problem in again.intake.problems if "is gone" in problem]
    assert [problem.partition(" ")[0] for problem in gone] == ([str(bags[0])] if moment else [])
    assert again.consume() == 0, "nothing of it is taken for another one"
    assert [path.name for path in sorted((tmp_path / "bags").iterdir())] == (["b"] if moment else ["a", "b"])


def test_what_the_loop_has_not_recorded_itself_is_never_forgotten(tmp_path, traces, record):
    """Demonstrations that are learned from as well: somebody's only copy."""
    demos = record(tmp_path / "demo" / "bag", traces[:1])
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("abc", 1)]
    ours = BagTrainer(SPEC, config(demos, tmp_path / "bags"), tmp_path / "run", seed=4)
    ours.begin(False)
    ours.consume()
    own = {tmp_path / "bags"}
    assert ours.intake.forget(2, own) == bags[:1]
    assert ours.intake.forget(2, own) == []
    assert ours.intake.forget(1, own) == bags[1:2]
    assert demos.exists()


def test_the_newest_segments_of_every_robot_are_kept(tmp_path, traces, record):
    """What is left in a folder says how far its numbers have come."""
    first, second = (tmp_path / robot for robot in ("robot_1", "robot_2"))
    bags = [record(first / "a", traces[:1]), record(first / "b", traces[1:2]), record(second / "a", traces[2:3])]
    ours = BagTrainer(SPEC, config(first, second), tmp_path / "run", seed=4)
    ours.begin(False)
    ours.consume()
    assert ours.intake.forget(1, {first, second}) == bags[:1]


def test_what_a_recorder_has_yet_to_copy_elsewhere_is_not_forgotten(tmp_path, traces, record):
    bags = [record(tmp_path / "bags" / name, traces[k : k + 1]) for k, name in enumerate("abc")]
    ours, own = trainer(tmp_path / "run", tmp_path / "bags"), {tmp_path / "bags"}
    ours.consume()
    waiting_mark(bags[0]).touch()
    assert ours.intake.forget(1, own) == bags[1:2]
    RemoteFolder((tmp_path / "store").as_uri()).put(bags[0])
    assert ours.intake.forget(1, own) == bags[:1]


def test_unconsumed_segments_are_never_forgotten(tmp_path, traces, record):
    ours = trainer(tmp_path / "run", tmp_path / "bags")
    record(tmp_path / "bags" / "a", traces[:1])
    assert ours.intake.forget(0, {tmp_path / "bags"}) == []
    ours.consume()
    late = record(tmp_path / "bags" / "b", traces[1:2])
    ours.intake.forget(0, {tmp_path / "bags"})
    assert late.exists()
    assert len(ours.learner.store) == 47, "what was learned from stays in the store"


def test_task_goals_are_not_relabelled_where_the_reward_is_another(tmp_path, traces, record):
    bag = record(tmp_path / "bag", traces, lambda observation: {"reward": 1.0})
    agent = dataclasses.replace(TRAINING.agent, relabel_goals_uniform=0.5)
    base = BagTrainConfig(sources=(Source(bag),), training=dataclasses.replace(TRAINING, agent=agent), relabel="off")
    ours = BagTrainer(SPEC, base, tmp_path / "run", 0)
    ours.consume()
    with pytest.raises(HrlError, match="neither minus the distance to the goal nor -1 until success"):
        turns(ours, 1)


def test_contradictory_switches_are_refused(tmp_path):
    for change, message in (
        ({"relabel": "sometimes"}, "choose one of at-sampling"),
        ({"relabel": "from-relabelled"}, "goes with folders"),
        ({"updates": -1}, "updates must be at least 0"),
    ):
        with pytest.raises(HrlError, match=message):
            config(tmp_path, **change)
    with pytest.raises(HrlError, match="choose from TRAIN, EVAL, DEMO"):
        MaterialConfig(modes=("PLAY",))


def test_a_bag_whose_name_is_a_pattern_is_relabelled_once(tmp_path, traces, record):
    source = record(tmp_path / "run[1]", traces)
    relabeler = Relabeler(random_checkpoint(SPEC, 3), TEXTS)
    assert not relabeler.relabelled(source, tmp_path / "out")
    relabeler.relabel(source, tmp_path / "out")
    assert relabeler.relabelled(source, tmp_path / "out")
