"""The recorder's ledger: duplicates go, the end of an episode is acknowledged only when everything is there."""

import numpy as np
import pytest

from hrl_core.types import (
    NAN,
    NO_VECTOR,
    Action,
    ActionSource,
    EpisodeResult,
    Observation,
    SegmentEnd,
    Subgoal,
    SubgoalResult,
)
from hrl_training.recording import RecordingLedger


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
    assert ledger.acknowledged(quiet=False) == 2
    assert ledger.acknowledged(quiet=True) == 3
    ledger.admit(late)
    assert ledger.acknowledged(quiet=False) == 3


def test_step_without_an_action_of_its_own_owes_none():
    """A worker that missed a step by the wall clock: its last action was held, or the safe one taken."""
    ledger = RecordingLedger()
    for message in (observation(0), action(0), observation(1), subgoal(), segment_result(), outcome()):
        ledger.admit(message)
    ledger.admit(observation(2, source=ActionSource.HOLD))
    ledger.admit(observation(3, last=True, source=ActionSource.SAFE))
    assert ledger.complete(0)
    assert ledger.acknowledged(quiet=False) == 4


def test_memory_stays_bounded_and_very_old_messages_are_dropped():
    ledger = RecordingLedger()
    for episode in range(50):
        assert ledger.admit(observation(0, episode))
    assert not ledger.admit(observation(1, 3))
