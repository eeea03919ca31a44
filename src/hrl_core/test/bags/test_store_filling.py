"""A store filled from a bag holds the very bits of one filled while the episodes were lived."""

import dataclasses

import numpy as np
import pytest

from hrl_core.bags.reader import read_bags
from hrl_core.bags.store_filling import fill_store
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.replay.episode_store import EpisodeStore


@pytest.fixture
def lived(script, write_bag, tmp_path):
    """Four episodes as arrays and as a recording."""
    rng = np.random.default_rng(0)
    said = script()
    said.run_info()
    episodes = []
    for number, (length, terminated) in enumerate([(8, False), (5, True), (8, False), (3, True)]):
        arrays = rng.standard_normal((length + 1, 4)), rng.standard_normal((length, 2)), rng.standard_normal(length)
        said.episode(number, *arrays, terminated=terminated)
        episodes.append((*arrays, terminated))
    return said.task, episodes, read_bags([write_bag(tmp_path / "bag", said.messages)])


def test_store_from_a_bag_equals_the_store_of_the_run(lived):
    task, episodes, recording = lived
    online = EpisodeStore(task, hierarchy_of(task, horizon=3).levels[0], 100, 1)
    for number, (states, actions, rewards, terminated) in enumerate(episodes):
        online.begin(0, states[0], np.array([number, 2.0]))
        for step in range(len(actions)):
            if step % 3 == 0:
                value = states[step][None, 1:4] * 0.5
                online.set_subgoals(np.array([0]), value, to_float32(states[step][None, :3] + value))
            last = step == len(actions) - 1
            ends = np.array([last and terminated]), np.array([last and not terminated])
            online.append(actions[step][None], rewards[step][None], states[step + 1][None], *ends)
    offline = EpisodeStore(task, hierarchy_of(task, horizon=3).levels[0], 100, 1)
    assert not fill_store(offline, task, recording.episodes)
    one, other = online.state_dict(), offline.state_dict()
    for name in one:
        if name != "writing":
            assert one[name].tobytes() == other[name].tobytes(), name
    drawn = [store.sample_steps(64, np.random.default_rng(1)) for store in (online, offline)]
    for a, b in zip(*drawn, strict=True):
        assert a.tobytes() == b.tobytes()


def test_episodes_that_do_not_fit_are_named(lived):
    task, _, recording = lived
    episode = recording.episodes[0]
    goals = episode.desired_goals.copy()
    goals[4:] += 1
    table = episode.subgoals[0]._replace(steps=np.array([0, 2, 6]))
    odd = [
        dataclasses.replace(episode, desired_goals=goals),
        dataclasses.replace(episode, subgoals={0: table}),
        dataclasses.replace(episode, subgoals={}),
    ]
    store = EpisodeStore(task, hierarchy_of(task, horizon=3).levels[0], 100, 1)
    problems = fill_store(store, dataclasses.replace(task, max_episode_steps=8), odd)
    assert [p.text.partition(": ")[2] for p in problems] == [
        "its task goal changes",
        "its subgoals are not one every 3 steps",
    ]
    assert len(store) == 8
    short = dataclasses.replace(task, max_episode_steps=4)
    (problem,) = fill_store(EpisodeStore(short, hierarchy_of(short, horizon=3).levels[0], 100, 1), short, [episode])
    assert "8 steps, it takes 1 to 4" in problem.text
    other = dataclasses.replace(hierarchy_of(task, horizon=3).levels[0], elements={"x": (-1.0, 1.0)})
    (problem,) = fill_store(EpisodeStore(task, other, 100, 1), task, [episode])
    assert "its subgoals have 3 elements, those learned 1" in problem.text
