"""Bags become arrays bit for bit, in canonical order; what is wrong is named and only its episode left out."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.bags.episodes import transitions
from hrl_core.bags.errors import BagError
from hrl_core.bags.problems import iso_time
from hrl_core.bags.reader import read_bags

STORAGES = ["ours", "mcap", "sqlite3", "mcap message", "sqlite3 file"]
ANY_FLOAT = st.floats(width=64)
LIMITED = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same_bits(one, other):
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


@st.composite
def lived(draw):
    """Episode arrays of the tiny task with any numbers at all."""
    length = draw(st.integers(1, 8))
    shapes = ((length + 1, 4), (length, 2), (length,))
    states, actions, rewards = (draw(arrays(np.float64, shape, elements=ANY_FLOAT)) for shape in shapes)
    return states, actions, rewards, draw(st.booleans())


@pytest.mark.parametrize("storage", STORAGES)
@LIMITED
@given(st.lists(lived(), min_size=1, max_size=4))
def test_episodes_are_read_back_bit_for_bit(tmp_path_factory, script, write_bag, storage, episodes):
    said = script()
    said.run_info()
    for number, (states, actions, rewards, terminated) in enumerate(episodes):
        said.episode(number, states, actions, rewards, terminated=terminated)
    bag = write_bag(tmp_path_factory.mktemp("bags") / "bag", said.messages, storage)
    recording = read_bags([bag])
    assert not recording.problems
    assert recording.messages == len(said.messages)
    assert recording.task == said.task
    assert len(recording.episodes) == len(episodes)
    for read, (states, actions, rewards, terminated) in zip(recording.episodes, episodes, strict=True):
        assert same_bits(read.states, states)
        assert same_bits(read.achieved_goals, states[:, :2])
        assert same_bits(read.applied_actions, actions)
        assert same_bits(read.actions, actions)
        assert same_bits(read.rewards, rewards)
        assert (read.terminated, read.truncated) == (terminated, not terminated)
        decided = states[: len(actions) : 3]
        assert same_bits(read.subgoals[0].values, decided[:, 1:4] * 0.5)
        assert same_bits(read.subgoals[0].anchors, decided[:, :3])
        assert read.subgoals[0].steps.tolist() == list(range(0, len(actions), 3))
        assert read.policy_versions.tolist() == [9] * len(actions)
        assert read.outcome is not None
        assert (read.outcome.seed, read.outcome.steps) == (3, len(actions))


@LIMITED
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_repetition_and_spreading_over_bags_change_nothing(tmp_path_factory, simple, write_bag, chance, bags):
    said = [*simple(3).messages, *simple(2, run=2).messages]
    repeated = said + chance.sample(said, 10)
    chance.shuffle(repeated)
    folder = tmp_path_factory.mktemp("bags")
    for i in range(bags):
        write_bag(folder / f"bag{i}", repeated[i::bags])
    recording = read_bags([folder])
    reference = read_bags([write_bag(folder / "reference" / "bag", said)])
    assert not recording.problems
    assert recording.duplicates == 10 - sum(m.kind == "RunInfo" for m in repeated) + 2
    assert [e.key for e in recording.episodes] == [e.key for e in reference.episodes]
    assert [(e.key.run, e.key.episode) for e in recording.episodes] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    for one, other in zip(recording.episodes, reference.episodes, strict=True):
        for field in dataclasses.fields(one):
            if isinstance(getattr(one, field.name), np.ndarray) and field.name != "received":
                assert same_bits(getattr(one, field.name), getattr(other, field.name)), field.name


def test_namespaced_topics_and_several_robots_are_told_apart(tmp_path, script, write_bag):
    said = script()
    said.run_info()
    for robot in ("beta", "alpha"):
        said.episode(0, np.ones((5, 4)) * len(robot), np.ones((4, 2)), np.zeros(4), robot=robot)
    topics = {kind: f"/fleet/{kind.lower()}_remapped" for kind in ("Observation", "Action", "Subgoal")}
    topics |= {kind: f"/{kind}" for kind in ("SubgoalResult", "EpisodeResult", "RunInfo")}
    recording = read_bags([write_bag(tmp_path / "bag", said.messages, topics=topics)])
    assert [e.key.robot for e in recording.episodes] == ["alpha", "beta"]
    assert not recording.problems


def drop(kind, **key):
    """Leave a message of episode 1 out."""

    def damage(messages):
        hit = [m for m in messages if m.kind == kind and all(m.fields.get(k) == v for k, v in key.items())]
        hit = [m for m in hit if m.fields["episode"] == 1]
        assert hit
        return [m for m in messages if m not in hit]

    return damage


def change(kind, forge, **key):
    """Put a forged message of episode 1 behind a true one."""

    def damage(messages):
        at = next(
            i
            for i, m in enumerate(messages)
            if m.kind == kind and m.fields.get("episode") == 1 and all(m.fields[k] == v for k, v in key.items())
        )
        return [*messages[: at + 1], messages[at]._replace(data=forge(messages[at].data)), *messages[at + 1 :]]

    return damage


def flip_last_byte(data):
    return data[:-1] + bytes([data[-1] ^ 1])


DAMAGES = {
    "gap": (drop("Observation", step=3), "/observation", "step 3 is missing"),
    "long gap": (lambda m: drop("Observation", step=4)(drop("Observation", step=3)(m)), "/observation", "step 3 to 4"),
    "start": (drop("Observation", step=0), "/observation", "begins in its middle, steps 0 to 0"),
    "tail": (lambda m: drop("Observation", step=8)(m), "/observation", "step 8 is missing"),
    "all subgoals": (drop("Subgoal"), "/subgoal", "no subgoal of this episode"),
    "all actions": (drop("Action"), "/action", "the action of step 0 to 7 is missing"),
    "observations": (drop("Observation"), "", "no observation of this episode"),
    "contradiction": (change("Observation", flip_last_byte, step=2), "/observation", "says something else"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_with_topic_and_time_and_only_its_episode_left_out(tmp_path, simple, write_bag, name):
    damage, topic, text = DAMAGES[name]
    said = simple(3)
    recording = read_bags([write_bag(tmp_path / "bag", damage(said.messages))])
    assert [e.key.episode for e in recording.episodes] == [0, 2]
    problem = next(p for p in recording.problems if text in p.text)
    assert problem.left_out
    assert problem.episode is not None
    assert problem.episode.episode == 1
    assert problem.topic == topic or not topic
    assert problem.stamp is not None
    assert said.messages[0].stamp < problem.stamp < said.clock
    for part in (str(tmp_path / "bag"), topic, iso_time(problem.stamp), "episode 1", "is left out"):
        assert part in str(problem)


HOLES = {
    "action": (drop("Action", step=5), "/action", "the action of step 5 is missing"),
    "subgoal": (drop("Subgoal", seq=1), "/subgoal", "subgoal 1 is missing"),
    "first subgoal": (drop("Subgoal", seq=0), "/subgoal", "the first subgoal is of step 3"),
    "last subgoal": (drop("Subgoal", seq=2), "/subgoal", "subgoal 2"),
    "result": (drop("SubgoalResult", seq=0), "/subgoal_result", "result of subgoal 0 is missing"),
}


@pytest.mark.parametrize("name", HOLES)
def test_hole_is_named_and_costs_no_episode(tmp_path, simple, write_bag, name):
    damage, topic, text = HOLES[name]
    recording = read_bags([write_bag(tmp_path / "bag", damage(simple(3).messages))])
    assert [e.key.episode for e in recording.episodes] == [0, 1, 2]
    problem = next(p for p in recording.problems if text in p.text)
    assert not problem.left_out
    assert problem.episode is not None
    assert (problem.episode.episode, problem.topic) == (1, topic)


def test_message_that_cannot_be_read_is_named_and_makes_a_gap(tmp_path, simple, write_bag):
    said = simple(3)
    at = next(i for i, m in enumerate(said.messages) if m.kind == "Observation" and m.fields["episode"] == 1) + 4
    said.messages[at] = said.messages[at]._replace(data=said.messages[at].data[:40])
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    assert any("is missing after" in p.text for p in recording.problems)
    unreadable = next(p for p in recording.problems if "cannot be read" in p.text)
    assert unreadable.stamp == said.messages[at].stamp


def test_episodes_of_another_task_are_named_and_left_out(tmp_path, simple, script, tiny_task, write_bag):
    other = dataclasses.replace(tiny_task(), control_period=0.2)
    said = simple(2)
    foreign = script(other)
    foreign.run_info(2)
    foreign.episode(0, np.ones((5, 4)), np.ones((4, 2)), np.zeros(4), run=2)
    bag = write_bag(tmp_path / "bag", said.messages + foreign.messages)
    recording = read_bags([bag])
    assert [e.key.run for e in recording.episodes] == [1, 1]
    (problem,) = recording.problems
    assert "control_period: 0.1 != 0.2" in problem.text
    assert [e.key.run for e in read_bags([bag], other).episodes] == [2]


def test_task_hash_that_changes_within_an_episode_is_named(tmp_path, simple, script, tiny_task, write_bag):
    other = dataclasses.replace(tiny_task(), control_period=0.2)
    said, forged = simple(2), script(other)
    forged.episode(1, np.ones((9, 4)), np.ones((8, 2)), np.zeros(8))
    theirs = {m.fields["step"]: m for m in forged.messages if m.kind == "Observation"}
    mixed = [
        theirs[m.fields["step"]]._replace(stamp=m.stamp)
        if m.kind == "Observation" and m.fields["episode"] == 1 and m.fields["step"] > 4
        else m
        for m in said.messages
    ]
    recording = read_bags([write_bag(tmp_path / "bag", mixed)])
    assert [e.key.episode for e in recording.episodes] == [0]
    assert any("the task changes within the episode" in p.text for p in recording.problems)


def test_unfinished_episode_is_kept_and_says_so(tmp_path, script, write_bag):
    said = script()
    said.run_info()
    said.episode(0, np.ones((6, 4)), np.ones((5, 2)), np.zeros(5), end=False)
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    assert not recording.problems
    (episode,) = recording.episodes
    assert (episode.steps, episode.finished, episode.outcome) == (5, False, None)


@pytest.mark.parametrize("lost", [{"Subgoal"}, {"Subgoal", "SubgoalResult"}])
def test_episode_that_lost_all_its_subgoals_is_not_taken_for_one_of_a_flat_policy(tmp_path, simple, write_bag, lost):
    messages = [m for m in simple(1).messages if m.kind not in lost]
    recording = read_bags([write_bag(tmp_path / "bag", messages)])
    assert not recording.episodes
    assert recording.problems[0].text.startswith("no subgoal of this episode is recorded")


@pytest.mark.parametrize("clock_mode", [0, 1])
@pytest.mark.parametrize("storage", ["ours", "sqlite3"])
def test_recording_that_heard_nothing_but_the_simulator_yet_is_not_one_of_a_flat_policy(
    tmp_path, simple, write_bag, storage, clock_mode
):
    said = simple(1, announce=False)
    said.run_info(clock_mode=clock_mode)
    kinds = {"RunInfo", "Observation", "EpisodeResult"}
    recording = read_bags([write_bag(tmp_path / "bag", [m for m in said.messages if m.kind in kinds], storage)])
    assert not recording.episodes
    assert "no subgoal of this episode is recorded" in {p.text for p in recording.problems}


def test_real_time_runs_may_lack_actions_and_come_late_with_subgoals(tmp_path, simple, write_bag):
    said = simple(1, announce=False)
    said.run_info(clock_mode=1)
    messages = [m for m in said.messages if m.kind != "Action" or m.fields["step"] != 4]
    recording = read_bags([write_bag(tmp_path / "bag", messages)])
    (episode,) = recording.episodes
    assert np.isnan(episode.actions[4]).all()
    assert not np.isnan(episode.applied_actions).any()


def test_clock_that_jumps_backwards_is_named_and_nothing_is_lost(tmp_path, simple, write_bag):
    said = simple(2)
    half = len(said.messages) // 2
    jumped = [m._replace(stamp=m.stamp - 10**12) if i > half else m for i, m in enumerate(said.messages)]
    recording = read_bags([write_bag(tmp_path / "bag", jumped)])
    assert [e.steps for e in recording.episodes] == [8, 8]
    late = simple(1)
    late.say("Observation", run=1, robot="robot", episode=1, step=0, state=np.ones(4), task_hash=late.task.hash64,
             achieved_goal=np.ones(2), desired_goal=np.ones(2), header_stamp=500)  # fmt: skip
    late.say("Observation", run=1, robot="robot", episode=1, step=1, state=np.ones(4), task_hash=late.task.hash64,
             achieved_goal=np.ones(2), desired_goal=np.ones(2), applied_action=np.ones(2), action_source=1)  # fmt: skip
    late.say("Subgoal", run=1, robot="robot", episode=1, horizon=3, kind=1)
    recording = read_bags([write_bag(tmp_path / "late", late.messages)])
    assert len(recording.episodes) == 2
    (problem,) = recording.problems
    assert "the clock does not advance" in problem.text
    assert not problem.left_out


def test_transitions_join_episodes_and_bootstrap_through_time_limits(tmp_path, script, write_bag):
    said = script()
    said.run_info()
    for number, terminated in enumerate((True, False)):
        states = np.arange(16).reshape(4, 4) + 100.0 * number
        said.episode(number, states, np.ones((3, 2)) * number, np.arange(3.0), terminated=terminated)
    joined = transitions(read_bags([write_bag(tmp_path / "bag", said.messages)]).episodes)
    assert joined.states[:, 0].tolist() == [0, 4, 8, 100, 104, 108]
    assert joined.next_states[:, 0].tolist() == [4, 8, 12, 104, 108, 112]
    assert joined.terminated.tolist() == [False, False, True, False, False, False]
    assert joined.task_goals[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert joined.steps.tolist() == [0, 1, 2, 0, 1, 2]
    with pytest.raises(ValueError, match="episodes of one task"):
        transitions([])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda bag: None, "does not exist"),
        (lambda bag: bag.mkdir(), "is not a bag"),
        (lambda bag: (bag.mkdir(), (bag / "bag.mcap").touch()), "never finished .no metadata.yaml.*hrl bag recover"),
        (lambda bag: (bag.with_name("bag.partial") / "bag").mkdir(parents=True), "hrl bag recover .*bag.partial"),
        (lambda bag: (bag.mkdir(), (bag / "metadata.yaml").write_text("")), "damaged"),
        (lambda bag: (bag.mkdir(), (bag / "metadata.yaml").write_text("a: [")), "damaged"),
    ],
)
def test_what_is_no_bag_is_refused_with_a_way_out(tmp_path, make, message):
    make(tmp_path / "bag")
    with pytest.raises(BagError, match=message):
        read_bags([tmp_path / "bag"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"damaged.*hrl bag recover"), (b"hello world, this is no MCAP file, honestly", "is not an MCAP file")],
)
def test_empty_or_foreign_storage_is_refused(tmp_path, simple, write_bag, content, message):
    bag = write_bag(tmp_path / "bag", simple(1).messages)
    (bag / "bag.mcap").write_bytes(content)
    with pytest.raises(BagError, match=message):
        read_bags([bag])


def test_truncated_storage_is_read_as_far_as_it_goes_and_named(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "bag", simple(1).messages)
    whole = read_bags([bag]).episodes
    file = bag / "bag.mcap"
    file.write_bytes(file.read_bytes()[:-9])
    recording = read_bags([bag])
    assert [episode.key for episode in recording.episodes] == [episode.key for episode in whole]
    assert "damaged" in recording.problems[0].text
    assert "hrl bag recover" in recording.problems[0].text


def test_one_damaged_bag_does_not_cost_the_others(tmp_path, simple, write_bag):
    write_bag(tmp_path / "a", simple(2).messages)
    damaged = write_bag(tmp_path / "b", simple(2, run=2).messages)
    (damaged / "b.mcap").write_bytes(b"")
    recording = read_bags([tmp_path])
    assert [e.key.run for e in recording.episodes] == [1, 1]
    (problem,) = recording.problems
    assert problem.bag == damaged


def test_foreign_bag_has_no_episodes(tmp_path, simple, write_bag):
    messages = [m for m in simple(1).messages if m.kind == "RunInfo"]
    assert not read_bags([write_bag(tmp_path / "bag", messages)]).episodes


def test_wrong_count_in_the_metadata_is_named(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "bag", simple(1).messages)
    metadata = bag / "metadata.yaml"
    count = len(simple(1).messages)
    metadata.write_text(metadata.read_text().replace(f"message_count: {count}", f"message_count: {count + 3}"))
    (problem,) = read_bags([bag]).problems
    assert f"tells of {count + 3} messages, the bag holds {count}" in problem.text


def test_huge_step_numbers_are_named_without_eating_memory(tmp_path, simple, write_bag):
    said = simple(2)
    said.say("Observation", run=1, robot="robot", episode=1, step=4_000_000_000, state=np.ones(4))
    said.say("Subgoal", run=1, robot="robot", episode=0, seq=4_000_000_000, step=3, kind=1)
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    assert not recording.episodes
    assert any("step 9 to 3999999999 is missing" in p.text for p in recording.problems)
    assert any("subgoal 3 to 3999999999 is missing" in p.text for p in recording.problems)
