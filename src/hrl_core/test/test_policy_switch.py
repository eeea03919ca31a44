"""All parties change policies between episodes, together where the policy is for all, whatever arrives when."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.checkpoints.loading import ALL, MANAGER, WORKER, LoadedPolicy, PolicyReference
from hrl_core.checkpoints.switch import PeerState, PolicySwitch
from hrl_core.errors import CheckpointError, HrlError

TWO = (WORKER, MANAGER)
THREE = (WORKER, MANAGER, "manager_2")
FOUR = (*THREE, "manager_3")


def policy(version, party=ALL):
    return LoadedPolicy(PolicyReference(version, party, f"/{version}", f"sha {version}", "task"), version)


def state_of(switch):
    return PeerState(switch.in_force.reference, switch.ready.reference if switch.ready else None)


class Group:
    """Parties that hear each other at once."""

    manager: PolicySwitch
    worker: PolicySwitch
    manager_2: PolicySwitch

    def __init__(self, parties=TWO):
        self.parties = parties
        for party in parties:
            setattr(self, party, PolicySwitch(party, policy(0, party), parties))
        self.talk()

    def switches(self):
        """From the worker upwards."""
        return [getattr(self, party) for party in self.parties]

    def talk(self):
        for _ in range(2):
            for switch in reversed(self.switches()):
                for other in switch.peers:
                    assert switch.hear(other, state_of(getattr(self, other))) is None

    def episode(self):
        """Policies that act, from the top down."""
        *below, top = self.switches()
        acting = [top.begin_episode()]
        for switch in reversed(below):
            acting.append(switch.follow(acting[-1]))
        self.talk()
        return tuple(acting)

    def announce(self, version):
        for switch in self.switches():
            assert switch.add(policy(version))
        self.talk()


def test_policy_for_both_acts_from_the_next_episode_on_both():
    pair = Group()
    assert pair.episode() == (0, 0)
    pair.announce(1)
    assert (pair.manager.in_force.policy, pair.worker.in_force.policy) == (0, 0)
    assert pair.episode() == (1, 1)


@pytest.mark.parametrize("late", THREE)
def test_policy_for_all_acts_on_none_of_three_until_the_last_holds_it(late):
    group = Group(THREE)
    for party in THREE:
        if party != late:
            getattr(group, party).add(policy(1))
    group.talk()
    assert group.episode() == (0, 0, 0)
    getattr(group, late).add(policy(1))
    assert group.episode() == ((1, 1, 1) if late == "manager_2" else (0, 0, 0)), "the top hears of it afterwards"
    assert group.episode() == (1, 1, 1)


def test_policy_that_a_party_has_not_been_heard_of_acts_on_none():
    top = PolicySwitch("manager_2", policy(0, "manager_2"), THREE)
    top.add(policy(1))
    top.hear(MANAGER, PeerState(policy(0, MANAGER).reference, policy(1).reference))
    assert not top.acquainted
    assert top.begin_episode() == 0
    top.hear(WORKER, PeerState(policy(0, WORKER).reference, policy(1).reference))
    assert top.acquainted
    assert top.begin_episode() == 1


def test_a_worker_without_a_manager_asks_nobody():
    group = Group((WORKER,))
    for version, whom in ((1, ALL), (2, WORKER), (3, ALL)):
        assert group.worker.add(policy(version, whom))
        assert group.episode() == (version,)
    for version in (2, 1):
        assert group.worker.rollback().version == version
        assert group.episode() == (version,)


@pytest.mark.parametrize("ready", ["manager", "worker"])
def test_policy_that_only_one_level_holds_acts_on_none(ready):
    pair = Group()
    getattr(pair, ready).add(policy(1))
    pair.talk()
    assert pair.episode() == (0, 0)


def test_policy_for_one_level_acts_on_it_alone():
    pair = Group()
    assert not pair.manager.add(policy(1, WORKER))
    assert pair.worker.add(policy(1, WORKER))
    assert pair.episode() == (0, 1)
    assert pair.manager.add(policy(2, MANAGER))
    assert pair.episode() == (2, 1)
    pair.worker.rollback()
    assert pair.episode() == (2, 0)


@pytest.mark.parametrize(
    ("parties", "asked"),
    [(TWO, "manager"), (TWO, "worker"), (THREE, "manager"), (THREE, "worker"), (THREE, "manager_2")],
)
def test_rollback_asked_of_any_party_returns_all(parties, asked):
    group = Group(parties)
    for version in (1, 2):
        group.announce(version)
        group.episode()
    for version in (1, 0):
        assert getattr(group, asked).rollback().version == version
        assert getattr(group, asked).rollback().version == version, "asking twice is asking once"
        group.talk()
        assert group.episode() == (version,) * len(parties)
    with pytest.raises(HrlError, match="no version before 0"):
        group.manager.rollback()


def test_a_worker_with_a_policy_of_its_own_does_not_keep_its_managers_from_going_back():
    group = Group(THREE)
    for version in (1, 2):
        group.announce(version)
        group.episode()
    assert group.worker.add(policy(3, WORKER))
    assert group.episode() == (2, 2, 3)
    group.manager.rollback()
    group.talk()
    assert group.episode() == (1, 1, 3)
    group.announce(4)
    assert group.episode() == (4, 4, 4)


def test_of_two_ways_back_all_go_the_same():
    group = Group(THREE)
    for version in (1, 2):
        group.announce(version)
        group.episode()
    restarted = PolicySwitch(WORKER, policy(0, WORKER), THREE)
    restarted.resume(policy(2))
    group.worker = restarted
    group.talk()
    group.worker.rollback()
    group.manager.rollback()
    group.talk()
    group.talk()
    assert group.episode() in {(0, 0, 0), (1, 1, 1)}


def test_policy_rolled_back_does_not_come_again_but_a_newer_one_does():
    pair = Group()
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


def test_unknown_party_is_refused_and_a_repetition_ignored():
    switch = PolicySwitch(WORKER, policy(3, WORKER))
    for stranger in ("manager_2", "x" * 5000):
        with pytest.raises(CheckpointError, match="allowed are manager, worker and '' ") as caught:
            switch.wants(policy(4, stranger).reference)
        assert len(str(caught.value)) < 200
    assert not PolicySwitch(WORKER, policy(3, WORKER), THREE).wants(policy(4, "manager_2").reference)
    assert not switch.wants(policy(3).reference)
    assert switch.add(policy(4))
    assert not switch.add(policy(4))


def test_restarted_party_resumes_what_the_other_acts_with():
    pair = Group()
    pair.announce(1)
    pair.episode()
    pair.announce(2)
    fresh = PolicySwitch(WORKER, policy(0, WORKER))
    fresh.add(policy(2))
    fresh.hear(MANAGER, state_of(pair.manager))
    target = fresh.to_resume()
    assert target is not None
    assert target.version == 1
    fresh.resume(policy(1))
    assert fresh.to_resume() is None
    pair.worker = fresh
    pair.talk()
    assert fresh.in_force.policy == 1
    assert pair.episode() == (2, 2)


def test_restarted_party_resumes_what_acts_higher_up_where_its_peers_differ():
    group = Group(THREE)
    group.announce(1)
    group.episode()
    group.announce(2)
    assert group.manager_2.begin_episode() == 2
    fresh = PolicySwitch(WORKER, policy(0, WORKER), THREE)
    assert not fresh.acquainted
    fresh.hear(MANAGER, state_of(group.manager))
    fresh.hear("manager_2", state_of(group.manager_2))
    assert fresh.acquainted
    target = fresh.to_resume()
    assert target is not None
    assert target.version == 2


def test_restarted_party_loads_what_a_rollback_leads_to():
    pair = Group()
    for version in (1, 2):
        pair.announce(version)
        pair.episode()
    fresh = PolicySwitch(WORKER, policy(0, WORKER))
    fresh.resume(policy(2))
    fresh.hear(MANAGER, state_of(pair.manager))
    pair.worker = fresh
    pair.manager.rollback()
    missing = fresh.hear(MANAGER, state_of(pair.manager))
    assert missing is not None
    assert missing.version == 1
    fresh.return_to(policy(1))
    pair.talk()
    assert pair.episode() == (1, 1)


class Late:
    """Parties whose announcements, states and subgoals take their time; a latched state may be overtaken unseen."""

    def __init__(self, parties):
        self.group, self.parties = Group(parties), parties
        self.said = {(who, whom): [] for who in parties for whom in parties if who != whom}
        """What a party has said and another has yet to hear."""
        self.loading = {name: [] for name in parties}
        self.version = 0
        self.episodes = []

    def say(self, name):
        state = state_of(getattr(self.group, name))
        for (who, _), waiting in self.said.items():
            if who == name and (not waiting or waiting[-1] != state):
                waiting.append(state)

    def act(self, what, name, other, skip):
        switch = getattr(self.group, name)
        if what == "announce":
            self.version += 1
            for queue in self.loading.values():
                queue.append(self.version)
        elif what == "load" and self.loading[name]:
            switch.add(policy(self.loading[name].pop(0)))
        elif what == "hear" and self.said[other, name]:
            waiting = self.said[other, name]
            del waiting[: min(skip, len(waiting) - 1)]
            switch.hear(other, waiting.pop(0))
        elif what == "rollback" and switch.previous is not None:
            switch.rollback()
        self.say(name)

    def episode(self, random):
        *below, top = self.parties
        acting = [getattr(self.group, top).begin_episode()]
        self.say(top)
        for name in reversed(below):
            for step in some_steps(random, self.parties):
                self.act(*step)
            acting.append(getattr(self.group, name).follow(acting[-1]))
            self.say(name)
        self.episodes.append(acting)

    def settle(self):
        """Let everything arrive, then begin an episode."""
        for _ in range(3):
            for name in self.parties:
                while self.loading[name]:
                    self.act("load", name, None, 0)
            for _ in range(3):
                for other, name in self.said:
                    while self.said[other, name]:
                        self.act("hear", name, other, 0)
            self.episode(None)


def some_steps(random, parties):
    if random is None:
        return []
    pairs = [(name, other) for name in parties for other in parties if name != other]
    kinds = ["announce", *["load"] * len(parties), *["hear"] * (2 * len(pairs) - 1), "rollback"]
    # Fewer announcements than a switch holds.
    count = random.randrange(10)
    return [(random.choice(kinds), *random.choice(pairs), random.randrange(3)) for _ in range(count)]


@pytest.mark.parametrize("parties", [TWO, THREE, FOUR])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=500, deadline=None)
def test_no_episode_is_ever_mixed(parties, seed):
    random = Random(seed)
    late = Late(parties)
    for _ in range(random.randrange(12)):
        for step in some_steps(random, parties):
            late.act(*step)
        late.episode(random)
    assert [acting for acting in late.episodes if len(set(acting)) > 1] == []
    # Once everything has arrived, a new policy gets through.
    late.act("announce", WORKER, MANAGER, 0)
    late.settle()
    assert late.episodes[-1] == [late.version] * len(parties)


@pytest.mark.parametrize("parties", [TWO, THREE, FOUR])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_way_back_that_is_asked_for_is_gone_by_all(parties, seed):
    random = Random(seed)
    late = Late(parties)
    for _ in range(random.randrange(2, 8)):
        for step in some_steps(random, parties):
            late.act(*step)
        late.episode(random)
    late.act("announce", WORKER, MANAGER, 0)
    late.settle()
    asked = getattr(late.group, random.choice(parties))
    before = late.episodes[-1][0]
    if asked.previous is None:
        return
    target = asked.rollback().version
    late.say(asked.party)
    assert target < before
    late.settle()
    assert late.episodes[-1] == [target] * len(parties)


@pytest.mark.parametrize("parties", [TWO, THREE, FOUR])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_way_back_is_not_overtaken_by_what_had_waited_when_it_was_asked_for(parties, seed):
    random = Random(seed)
    late = Late(parties)
    for _ in range(2):
        late.act("announce", WORKER, MANAGER, 0)
        late.settle()
    late.act("announce", WORKER, MANAGER, 0)
    for name in parties:
        late.act("load", name, None, 0)
    pairs = list(late.said)
    asked = random.choice(parties)
    for when in range(2):
        for other, name in random.sample(pairs, random.randrange(len(pairs))):
            late.act("hear", name, other, random.randrange(3))
        if when == 0:
            assert getattr(late.group, asked).rollback().version == 1
            late.say(asked)
    late.settle()
    assert late.episodes[-1] == [1] * len(parties)
