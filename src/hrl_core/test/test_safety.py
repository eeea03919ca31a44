"""What an actuator is told: never beyond limits or faster than allowed, nothing after silence, nothing stale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.control.safety import ActionGate, JointSafety, SafetyLayer, joint_limits
from hrl_core.errors import HrlError, InvalidDataError
from hrl_core.messages import NAN, NO_VECTOR, Action, ActionSource, Observation
from hrl_core.task.text import load_task

TASK = load_task("ant_maze")
PERIOD = 0.1


class Steady:
    def __init__(self):
        self.now = 5.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Steady()


def observation(step=3, episode=1):
    state = np.zeros(30)
    goal = state[:2]
    flags = (False, step == 0, False, False)
    return Observation(0, "", 1, "robot", episode, step, state, goal, goal, 0.0, *flags, 1, NO_VECTOR, 0, 0)


def action(step=3, episode=1, value=1.0):
    return Action(0, "", 1, "robot", episode, step, np.full(8, value), 0, 0, NAN, 0)


@pytest.fixture
def gate(clock):
    gate = ActionGate(TASK, max_age=2.0, period=PERIOD, clock=clock)
    for step in range(4):
        gate.observed(observation(step))
    return gate


def test_gate_accepts_the_answer_and_repetitions_of_it(gate):
    assert gate.refusal(action(), observation()) == ""
    assert gate.refusal(action(), observation()) == ""
    assert gate.last.step == 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (action(step=4), "from the future"),
        (action(episode=0), "other episode"),
        (action(episode=2), "other episode"),
        (action(step=0), "too old"),
    ],
)
def test_gate_names_why_it_refuses(gate, given, reason):
    assert gate.refusal(given, observation()) == reason
    assert gate.last is None


def test_nothing_older_than_the_last_accepted_action_is_taken(gate):
    assert gate.refusal(action(step=3), observation()) == ""
    assert gate.refusal(action(step=2), observation()) == "older than the last"


def test_age_counts_on_steady_time_also_when_no_step_has_passed(gate, clock):
    """A bridge that was frozen wakes up with an action in its queue whose step is still the current one."""
    clock.now += 2.1 * PERIOD
    assert gate.refusal(action(), observation()) == "too old"


@pytest.mark.parametrize("bad", [np.full(8, np.nan), np.full(8, np.inf), np.zeros(7)])
def test_unsound_actions_are_errors(gate, bad):
    with pytest.raises(InvalidDataError):
        gate.refusal(action()._replace(value=bad), observation())


@pytest.mark.parametrize("source", [ActionSource.HOLD, ActionSource.SAFE, 77])
def test_an_action_of_nobody_who_acts_is_an_error(gate, source):
    with pytest.raises(InvalidDataError, match=f"source {int(source)}; those that act are 0 .POLICY., 3 .TELEOP."):
        gate.refusal(action()._replace(source=source), observation())


@given(
    st.lists(
        st.tuples(st.floats(-1e3, 1e3), st.floats(0.0, 0.5), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_commands_stay_within_limits_and_rate_whatever_comes(events):
    clock = Steady()
    layer = SafetyLayer([JointSafety(-30.0, 20.0, rate=100.0), JointSafety(-1.0, 1.0)], 0.2, clock)
    before, since = 0.0, clock.now
    for value, pause, safe in events:
        clock.now += pause
        command = layer.safe() if safe else layer.accept(np.array([value, value]))
        assert -30.0 <= command[0] <= 20.0
        assert -1.0 <= command[1] <= 1.0
        if not safe:
            assert abs(command[0] - before) <= 100.0 * min(clock.now - since, 0.2) + 1e-9
        before, since = command[0], clock.now


def test_an_unlimited_rate_is_unlimited_even_at_the_same_instant(clock):
    layer = SafetyLayer(joint_limits(TASK), 0.2, clock)
    assert layer.accept(np.full(8, 25.0)).tolist() == [25.0] * 8


def test_watchdog_trips_after_the_timeout_and_not_before(clock):
    layer = SafetyLayer(joint_limits(TASK), timeout=0.2, clock=clock)
    assert layer.tripped
    layer.accept(np.ones(8))
    clock.now += 0.199
    assert not layer.tripped
    clock.now += 0.002
    assert layer.tripped


def test_safe_actions_are_zero_hold_or_damping_by_joint(clock):
    joints = [JointSafety(-5, 5), JointSafety(-5, 5, safe="hold"), JointSafety(-5, 5, safe="damping", damping=2.0)]
    layer = SafetyLayer(joints, 0.2, clock)
    layer.accept(np.array([3.0, 3.0, 3.0]))
    assert layer.safe(velocity=np.array([1.0, 1.0, 1.0])).tolist() == [0.0, 3.0, -2.0]
    assert layer.safe(velocity=np.array([9.0, 9.0, 9.0]), held=np.array([0.0, 1.5, 0.0])).tolist() == [0.0, 1.5, -5.0]
    assert layer.safe(velocity=np.array([np.nan] * 3)).tolist()[2] == 0.0


def test_what_is_held_beyond_the_limits_stays_there_and_comes_back_no_faster_than_allowed(clock):
    joints = [JointSafety(-1, 1, rate=2.0, safe="hold"), JointSafety(-1, 1, safe="damping", damping=2.0)]
    layer = SafetyLayer(joints, 0.2, clock)
    assert layer.safe(velocity=np.array([0.0, 9.0]), held=np.array([8.0, 8.0])).tolist() == [8.0, -1.0]
    seen = []
    for _ in range(40):
        clock.now += 0.1
        seen.append(layer.accept(np.array([5.0, 0.0]))[0])
    assert seen[:2] == pytest.approx([7.8, 7.6])
    assert max(np.abs(np.diff(seen))) < 0.2 + 1e-9
    assert seen[-1] == 1.0


def test_emergency_stop_is_latched_until_released_and_rests_afterwards(clock):
    layer = SafetyLayer(joint_limits(TASK), 0.2, clock)
    layer.accept(np.ones(8))
    layer.stop("button")
    layer.stop("another")
    assert layer.tripped
    with pytest.raises(HrlError, match="emergency stop: button"):
        layer.accept(np.ones(8))
    assert layer.release()
    assert layer.tripped
    layer.accept(np.ones(8))
    assert not layer.tripped
    assert not layer.release()
    assert not layer.tripped, "there was nothing to release"


@pytest.mark.parametrize(
    ("bad", "cause"),
    [({"low": 1.0, "high": 1.0}, "must be below"), ({"safe": "run"}, "zero, hold, damping"), ({"rate": 0.0}, "rate")],
)
def test_contradictory_limits_are_refused(bad, cause):
    with pytest.raises(HrlError, match=cause):
        JointSafety(**({"low": -1.0, "high": 1.0} | bad))
