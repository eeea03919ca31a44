"""Two levels change policies between episodes, together where the policy is for both, whatever arrives when."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.checkpoints.loading import ALL_LEVELS, MANAGER, WORKER, LoadedPolicy, PolicyReference
from hrl_core.checkpoints.switch import PeerState, PolicySwitch
from hrl_core.errors import CheckpointError, HrlError


def policy(version, level=ALL_LEVELS):
    return LoadedPolicy(PolicyReference(version, level, f"/{version}", f"sha {version}", "task"), version)


def state_of(switch):
    return PeerState(switch.in_force.reference, switch.ready.reference if switch.ready else None)


class Pair:
    """Manager and worker that hear each other at once."""

    def __init__(self):
        self.manager = PolicySwitch(MANAGER, policy(0, MANAGER))
        self.worker = PolicySwitch(WORKER, policy(0, WORKER))
        self.talk()

    def talk(self):
        for _ in range(2):
            assert self.manager.hear(state_of(self.worker)) is None
            assert self.worker.hear(state_of(self.manager)) is None

    def episode(self):
        manager = self.manager.begin_episode()
        acting = manager, self.worker.follow(manager)
        self.talk()
        return acting

    def announce(self, version):
        for switch in (self.manager, self.worker):
            assert switch.add(policy(version))
        self.talk()


def test_policy_for_both_acts_from_the_next_episode_on_both():
    pair = Pair()
    assert pair.episode() == (0, 0)
    pair.announce(1)
    assert (pair.manager.in_force.policy, pair.worker.in_force.policy) == (0, 0)
    assert pair.episode() == (1, 1)


@pytest.mark.parametrize("ready", ["manager", "worker"])
def test_policy_that_only_one_level_holds_acts_on_none(ready):
    pair = Pair()
    getattr(pair, ready).add(policy(1))
    pair.talk()
    assert pair.episode() == (0, 0)


def test_policy_for_one_level_acts_on_it_alone():
    pair = Pair()
    assert not pair.manager.add(policy(1, WORKER))
    assert pair.worker.add(policy(1, WORKER))
    assert pair.episode() == (0, 1)
    assert pair.manager.add(policy(2, MANAGER))
    assert pair.episode() == (2, 1)
    pair.worker.rollback()
    assert pair.episode() == (2, 0)


@pytest.mark.parametrize("asked", ["manager", "worker"])
def test_rollback_asked_of_either_level_returns_both(asked):
    pair = Pair()
    for version in (1, 2):
        pair.announce(version)
        pair.episode()
    for version in (1, 0):
        assert getattr(pair, asked).rollback().version == version
        assert getattr(pair, asked).rollback().version == version, "asking twice is asking once"
        pair.talk()
        assert pair.episode() == (version, version)
    with pytest.raises(HrlError, match="no version before 0"):
        pair.manager.rollback()


def test_policy_rolled_back_does_not_come_again_but_a_newer_one_does():
    pair = Pair()
    pair.announce(5)
    pair.episode()
    pair.manager.rollback()
    pair.talk()
    assert pair.episode() == (0, 0)
    with pytest.raises(CheckpointError, match="not newer than version 5"):
        pair.manager.add(policy(5))
    pair.announce(6)
    assert pair.episode() == (6, 6)


@pytest.mark.parametrize("version", [2, 3])
def test_policy_that_is_not_newer_is_refused(version):
    switch = PolicySwitch(WORKER, policy(3, WORKER))
    stranger = policy(version).reference._replace(sha256="other")
    with pytest.raises(CheckpointError, match="not newer than version 3"):
        switch.wants(stranger)


def test_unknown_level_is_refused_and_a_repetition_ignored():
    switch = PolicySwitch(WORKER, policy(3, WORKER))
    with pytest.raises(CheckpointError, match="level 7"):
        switch.wants(policy(4, 7).reference)
    assert not switch.wants(policy(3).reference)
    assert switch.add(policy(4))
    assert not switch.add(policy(4))


def test_restarted_level_resumes_what_the_other_acts_with():
    pair = Pair()
    pair.announce(1)
    pair.episode()
    pair.announce(2)
    fresh = PolicySwitch(WORKER, policy(0, WORKER))
    fresh.add(policy(2))
    fresh.hear(state_of(pair.manager))
    target = fresh.to_resume()
    assert target is not None
    assert target.version == 1
    fresh.resume(policy(1))
    assert fresh.to_resume() is None
    pair.worker = fresh
    pair.talk()
    assert fresh.in_force.policy == 1
    assert pair.episode() == (2, 2)


def test_restarted_level_loads_what_a_rollback_leads_to():
    pair = Pair()
    for version in (1, 2):
        pair.announce(version)
        pair.episode()
    fresh = PolicySwitch(WORKER, policy(0, WORKER))
    fresh.resume(policy(2))
    fresh.hear(state_of(pair.manager))
    pair.worker = fresh
    pair.manager.rollback()
    missing = fresh.hear(state_of(pair.manager))
    assert missing is not None
    assert missing.version == 1
    fresh.return_to(policy(1))
    pair.talk()
    assert pair.episode() == (1, 1)


class Late:
    """Two levels whose announcements, states and subgoals take their time; a latched state may be overtaken unseen."""

    def __init__(self):
        self.pair = Pair()
        self.said = {"manager": [], "worker": []}
        self.loading = {"manager": [], "worker": []}
        self.version = 0
        self.episodes = []

    def say(self, name):
        state = state_of(getattr(self.pair, name))
        if not self.said[name] or self.said[name][-1] != state:
            self.said[name].append(state)

    def act(self, what, name, skip):
        switch = getattr(self.pair, name)
        other = {"manager": "worker", "worker": "manager"}[name]
        if what == "announce":
            self.version += 1
            for queue in self.loading.values():
                queue.append(self.version)
        elif what == "load" and self.loading[name]:
            switch.add(policy(self.loading[name].pop(0)))
        elif what == "hear" and self.said[other]:
            del self.said[other][: min(skip, len(self.said[other]) - 1)]
            switch.hear(self.said[other].pop(0))
        elif what == "rollback" and switch.previous is not None:
            switch.rollback()
        self.say(name)

    def episode(self, between):
        manager = self.pair.manager.begin_episode()
        self.say("manager")
        for step in between:
            self.act(*step)
        self.episodes.append((manager, self.pair.worker.follow(manager)))
        self.say("worker")


def some_steps(random):
    kinds = ["announce", "load", "load", "hear", "hear", "hear", "rollback"]
    names = ["manager", "worker"]
    return [(random.choice(kinds), random.choice(names), random.randrange(3)) for _ in range(random.randrange(10))]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=500, deadline=None)
def test_no_episode_is_ever_mixed(seed):
    random = Random(seed)
    late = Late()
    for _ in range(random.randrange(12)):
        for step in some_steps(random):
            late.act(*step)
        late.episode(some_steps(random))
    assert [m for m, _ in late.episodes] == [w for _, w in late.episodes]
    # Once everything has arrived, a new policy gets through.
    late.act("announce", "manager", 0)
    for _ in range(3):
        for name in ("manager", "worker"):
            while late.loading[name]:
                late.act("load", name, 0)
        for _ in range(3):
            for name, other in (("manager", "worker"), ("worker", "manager")):
                while late.said[other]:
                    late.act("hear", name, 0)
        late.episode([])
    assert late.episodes[-1] == (late.version, late.version)
