"""The recorder's ledger: duplicates go, the end of an episode is acknowledged only when everything is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy
from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import (
    NAN,
    NO_VECTOR,
    Action,
    ActionSource,
    EpisodeResult,
    Observation,
    SegmentEnd,
    Subgoal,
    SubgoalKind,
    SubgoalResult,
)
from hrl_core.task.text import load_task
from hrl_ros.qos import LOCKSTEP_DEPTH
from hrl_training.recording import Keyed, RecordingLedger, SoundMessages


def observation(step, episode=0, last=False, source=ActionSource.POLICY):
    empty = np.zeros(2)
    flags = {"success": False, "first": step == 0, "terminated": False, "truncated": last}
    return Observation(
        0, "", 1, "r", episode, step, empty, empty, empty, 0.0, **flags, mode=1, applied_action=NO_VECTOR,
        action_source=source, task_hash=0,
    )  # fmt: skip


def action(step, episode=0):
    return Action(0, "", 1, "r", episode, step, NO_VECTOR, 0, 0, NAN, 4)


def subgoal(episode=0):
    return Subgoal(
        0, "", 1, "r", episode, 0, 0, 0, 0, 0, NO_VECTOR, NO_VECTOR, 0, 0, "", NO_VECTOR, 2, 0, NO_VECTOR,
        end_when_achieved=False, worker_may_terminate=False, test=False, deterministic=True,
        log_probability=NAN, value_estimate=NAN, policy_version=4,
    )  # fmt: skip


def segment_result(episode=0):
    return SubgoalResult(0, "", 1, "r", episode, 0, 0, 2, 2, SegmentEnd.TRUNCATED, 0, NO_VECTOR, 0, 0, 0, ())


def outcome(episode=0):
    return EpisodeResult(0, "", 1, "r", episode, 0, 2, 0.0, False, 0.0, 1)


def test_every_key_is_admitted_once():
    ledger = RecordingLedger()
    messages = [observation(0), action(0), observation(1), segment_result(), outcome()]
    assert all(ledger.admit(m) for m in messages)
    assert not any(ledger.admit(m) for m in messages)
    assert ledger.duplicates == 5
    assert ledger.observations == 2


def test_same_step_of_another_episode_is_another_key():
    ledger = RecordingLedger()
    assert ledger.admit(observation(0))
    assert ledger.admit(observation(0, episode=1))


@pytest.mark.parametrize("missing", range(4))
def test_last_observation_is_acknowledged_only_with_all_that_belongs_to_it(missing):
    ledger = RecordingLedger()
    for step in range(2):
        ledger.admit(observation(step))
    ledger.admit(action(0))
    ledger.admit(observation(2, last=True))
    rest = [action(1), subgoal(), segment_result(), outcome()]
    late = rest.pop(missing)
    for message in rest:
        ledger.admit(message)
    assert ledger.acknowledged == 2
    ledger.admit(late)
    assert ledger.acknowledged == 3


def test_step_without_an_action_of_its_own_owes_none():
    """A worker that missed a step by the wall clock: its last action was held, or the safe one taken."""
    ledger = RecordingLedger()
    for message in (observation(0), action(0), observation(1), subgoal(), segment_result(), outcome()):
        ledger.admit(message)
    ledger.admit(observation(2, source=ActionSource.HOLD))
    ledger.admit(observation(3, last=True, source=ActionSource.SAFE))
    assert ledger.complete(0)
    assert ledger.acknowledged == 4


def whole_episode(number, steps, source=ActionSource.POLICY):
    """What an episode says, the answers first."""
    actions = [action(step, number) for step in range(steps)]
    observations = [observation(step, number, last=step == steps, source=source) for step in range(steps + 1)]
    return [*actions, *observations, subgoal(number), segment_result(number), outcome(number)]


def whole(said):
    """How many of the observations said are followed by none that tells of an answer which has not been said."""
    have = {(type(message), message.episode, getattr(message, "step", 0)) for message in said}
    kinds = {(type(message), message.episode) for message in said}
    observations = [message for message in said if isinstance(message, Observation)]
    for count, seen in enumerate(observations):
        if seen.step and (Action, seen.episode, seen.step - 1) not in have:
            return count
        if seen.last and not all((kind, seen.episode) in kinds for kind in (Subgoal, SubgoalResult, EpisodeResult)):
            return count
    return len(observations)


@given(
    lengths=st.lists(st.integers(1, 3), min_size=1, max_size=40),
    source=st.sampled_from((ActionSource.POLICY, ActionSource.TELEOP)),
    data=st.data(),
)
def test_nothing_is_lost_however_far_topics_run_apart(lengths, source, data):
    """A recorder without time reads what one topic has said of many short episodes before it looks at another."""
    topics: dict[type, list[Keyed]] = {}
    for number, steps in enumerate(lengths):
        for message in whole_episode(number, steps, source):
            topics.setdefault(type(message), []).append(message)
    ledger, said = RecordingLedger(), list[Keyed]()
    while topics:
        topic = data.draw(st.sampled_from([*topics]))
        read = data.draw(st.integers(1, len(topics[topic])))
        for message in topics[topic][:read]:
            assert ledger.admit(message)
            said.append(message)
        assert ledger.acknowledged == whole(said)
        topics[topic] = topics[topic][read:]
        topics = {topic: unread for topic, unread in topics.items() if unread}
    assert ledger.duplicates == 0
    assert ledger.acknowledged == sum(lengths) + len(lengths)


def test_an_older_episode_that_lacks_something_holds_the_acknowledgement_back():
    ledger = RecordingLedger()
    late, *first = whole_episode(0, 1)
    for message in [*first, *(said for number in range(1, 9) for said in whole_episode(number, 1))]:
        assert ledger.admit(message)
    assert ledger.acknowledged == 1, "so far nothing is missing"
    assert ledger.admit(late)
    assert ledger.acknowledged == 18


def test_what_never_comes_is_not_waited_for_for_ever_and_taken_all_the_same():
    ledger = RecordingLedger()
    late, *rest = whole_episode(0, 5)
    for message in rest:
        assert ledger.admit(message)
    assert ledger.acknowledged == 1
    ledger.give_up(1)
    assert ledger.acknowledged == 1, "it is the second observation that tells of it"
    ledger.give_up(6)
    assert ledger.acknowledged == 6
    assert not ledger.complete(0)
    for message in whole_episode(1, 2):
        ledger.admit(message)
    assert ledger.acknowledged == 9
    assert ledger.admit(late)
    assert ledger.complete(0)


def test_memory_stays_bounded_and_very_old_messages_are_dropped():
    """What the writers' history holds no more cannot come any more."""
    ledger = RecordingLedger()
    for episode in range(LOCKSTEP_DEPTH + 50):
        assert ledger.admit(observation(0, episode))
    assert not ledger.admit(observation(1, 3))
    assert ledger.admit(observation(1, 100))


def test_only_an_observation_says_which_episode_runs():
    """One forged message of a far episode would have everything after it dropped as old."""
    ledger = RecordingLedger()
    ledger.admit(observation(0))
    assert not ledger.admit(action(0, episode=LOCKSTEP_DEPTH + 1))
    assert ledger.admit(action(0, episode=7)), "it may come before the observation that it answers"
    assert ledger.admit(action(0))
    assert ledger.admit(observation(1))
    assert ledger.duplicates == 1


def test_recorder_that_was_started_anew_takes_what_comes_before_its_first_observation():
    ledger = RecordingLedger()
    assert ledger.admit(action(3, episode=57))
    assert ledger.admit(observation(4, episode=57))


def test_the_end_of_a_run_is_known_to_a_recorder_that_was_started_in_its_middle():
    """Its count lacks what its predecessor has."""
    ledger = RecordingLedger()
    for message in whole_episode(56, 3)[-4:]:
        ledger.admit(message)
    assert not ledger.has_all(230, 57)
    for message in whole_episode(57, 3):
        ledger.admit(message)
    assert ledger.has_all(230, 57)


TASK = load_task("ant_maze")
SOUND = SoundMessages.of_run(TASK.to_yaml(), "", "RunInfo")
GOOD = observation(0)._replace(state=np.zeros(30), desired_goal=np.zeros(2))
FOLLOWED = subgoal()._replace(kind=SubgoalKind.RELATIVE, value=np.zeros(15), anchor=np.zeros(15))


def test_sound_messages_are_kept():
    for message in (GOOD, action(0)._replace(value=np.zeros(8)), FOLLOWED, segment_result(), outcome()):
        SOUND.require(message)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (GOOD._replace(state=np.zeros(29)), "needs 30 numbers"),
        (GOOD._replace(state=np.full(30, np.nan)), "non-finite"),
        (GOOD._replace(desired_goal=np.array([0.0, np.inf])), "non-finite"),
        (action(0), "needs 8 numbers"),
        (FOLLOWED._replace(value=np.full(15, np.nan)), "non-finite"),
        (FOLLOWED._replace(kind=SubgoalKind.SKILL), "kind 4"),
        (FOLLOWED._replace(tolerance=np.zeros(3)), "subgoal tolerance"),
        (FOLLOWED._replace(seq=2**32 - 1), "at most one subgoal a step"),
        (FOLLOWED._replace(level=3), "level 3: this run has 0"),
        (segment_result()._replace(seq=9), "at most one subgoal a step"),
    ],
)
def test_what_nobody_acts_on_is_not_kept_in_the_place_of_the_true_message(message, why):
    with pytest.raises(InvalidDataError, match=why):
        SOUND.require(message)


def test_an_episode_of_a_tree_is_complete_with_the_result_of_its_last_leaf():
    """However long its last path is."""
    task = load_task("lane_drive")
    sound = SoundMessages.of_run(task.to_yaml(), hierarchy(task, TreeConfig()).to_yaml(), "RunInfo")
    assert len(sound.spaces) > sound.awaited == 1
    ledger = RecordingLedger()
    ledger.levels = sound.awaited
    for message in whole_episode(0, 2):
        assert ledger.admit(message)
    assert ledger.complete(0)


def test_a_flat_policy_has_no_subgoals_and_its_episode_is_complete_without():
    flat = SoundMessages.of_run(TASK.to_yaml(), FLAT.to_yaml(), "RunInfo")
    with pytest.raises(InvalidDataError, match="its policy is flat"):
        flat.require(FOLLOWED)
    ledger = RecordingLedger()
    ledger.levels = flat.awaited
    for message in (observation(0), action(0), observation(1)._replace(truncated=True), outcome()):
        ledger.admit(message)
    assert ledger.acknowledged == 2
