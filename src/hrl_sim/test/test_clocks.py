"""Two clocks: lock-step takes one action a step and nothing else; real time holds, then makes safe."""

import dataclasses

import numpy as np
import pytest

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import InvalidDataError
from hrl_core.messages import NAN, Action, ActionSource, EpisodeEnd, SegmentEnd, SubgoalResult
from hrl_core.task.text import load_task
from hrl_ros.loop.course import Course, Listeners
from hrl_sim.clocks import LockstepClock, RealtimeClock

TASK = load_task("ant_maze")


class Heard:
    def __init__(self):
        self.observations, self.results = [], []
        self.listeners = Listeners(self.observations.append, self.results.append, lambda: None)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def simulation(heard):
    return Course(EnvRunner(TASK, seed=0), 2, heard.listeners)


def action(simulation, value=1.0, back=0, episode=None):
    now = simulation.observation
    number = now.episode if episode is None else episode
    return Action(0, "", 0, "robot", number, now.step - back, np.full(8, value), 0, 0, NAN, 0)


def ended(episode, step, level):
    """The word of a subgoal that has ended with its episode."""
    nothing = np.zeros(2)
    reason = SegmentEnd.TRUNCATED
    return SubgoalResult(0, "", 0, "robot", episode, level, 0, step, 1, reason, level, nothing, 0.0, 0.0, 0.0, ())


def test_lockstep_drops_repeated_old_and_early_actions(simulation, heard):
    clock = LockstepClock(simulation)
    simulation.begin()
    first = action(simulation)
    for message in (first, first, action(simulation, back=-2), action(simulation, episode=1)):
        clock.on_action(message)
    assert [o.step for o in heard.observations] == [0, 1]
    assert simulation.log.actions == 1


def test_lockstep_refuses_an_action_that_is_not_finite(simulation):
    clock = LockstepClock(simulation)
    simulation.begin()
    with pytest.raises(InvalidDataError, match="hip_4=nan"):
        clock.on_action(action(simulation, value=np.nan))
    assert simulation.observation.step == 0


def test_paused_simulation_takes_exactly_the_steps_asked_for(simulation):
    clock = LockstepClock(simulation)
    simulation.begin()
    simulation.pause(True)
    clock.on_action(action(simulation))
    assert simulation.log.steps == 0
    assert simulation.request_steps(2) == 2
    clock.poll()
    assert simulation.log.steps == 1
    clock.on_action(action(simulation))
    clock.on_action(action(simulation))
    assert simulation.log.steps == 2
    simulation.pause(False)
    clock.poll()
    assert simulation.log.steps == 3


def test_recorder_that_is_too_far_behind_holds_the_next_step(simulation):
    clock = LockstepClock(simulation)
    simulation.begin()
    simulation.held = True
    clock.on_action(action(simulation))
    assert simulation.log.steps == 0
    simulation.held = False
    clock.poll()
    assert simulation.log.steps == 1


def test_realtime_holds_the_last_action_and_then_makes_safe(simulation, heard):
    clock = RealtimeClock(simulation, max_action_age=2.0)
    simulation.begin()
    clock.tick()
    assert simulation.log.steps == 0, "time begins with the first action"
    clock.on_action(action(simulation, value=3.0))
    for _ in range(4):
        clock.tick()
    sources = [o.action_source for o in heard.observations[1:]]
    assert sources == [ActionSource.POLICY, ActionSource.HOLD, ActionSource.SAFE, ActionSource.SAFE]
    assert heard.observations[2].applied_action.tolist() == [3.0] * 8
    assert heard.observations[3].applied_action.tolist() == [0.0] * 8
    assert simulation.log.missed_deadlines == 3


def test_realtime_refuses_stale_and_older_actions_and_names_unsound_ones(simulation):
    clock = RealtimeClock(simulation, max_action_age=2.0)
    simulation.begin()
    clock.on_action(action(simulation))
    for _ in range(5):
        clock.tick()
    clock.on_action(action(simulation, back=4))
    clock.on_action(action(simulation))
    clock.on_action(action(simulation, back=1))
    with pytest.raises(InvalidDataError):
        clock.on_action(action(simulation, value=np.inf))
    assert simulation.log.refused_actions == 2


def test_episodes_follow_each_other_and_the_last_one_finishes(heard):
    short = dataclasses.replace(TASK, max_episode_steps=3)
    simulation = Course(EnvRunner(short, seed=0), 2, heard.listeners)
    clock = LockstepClock(simulation)
    simulation.begin()
    for _ in range(6):
        clock.on_action(action(simulation))
    assert simulation.finished
    assert [o.key for o in heard.observations] == [(e, s) for e in range(2) for s in range(4)]
    assert [r.end_reason for r in heard.results] == [EpisodeEnd.TIME_LIMIT] * 2
    assert not simulation.may_step


@pytest.fixture
def at_its_end(heard):
    """A run of two episodes whose first is over, but for what the two levels of its policy have to say of that."""
    simulation = Course(EnvRunner(dataclasses.replace(TASK, max_episode_steps=3), seed=0), 2, heard.listeners, levels=2)
    simulation.begin()
    for _ in range(3):
        simulation.step(np.zeros(8))
    return simulation


def test_lockstep_ends_an_episode_when_all_levels_have_told_how_their_last_subgoal_ended(at_its_end, heard):
    simulation, clock = at_its_end, LockstepClock(at_its_end)
    told = [(2, 0), (3, 0), (3, 0), (3, 1), (3, 1)]
    for (step, level), episode in zip(told, [0, 0, 0, 1, 1], strict=True):
        simulation.on_result(ended(0, step, level))
        clock.on_action(action(simulation, back=1))
        assert simulation.observation.episode == episode
    assert len(heard.results) == 1
    for _ in range(3):
        simulation.step(np.zeros(8))
    assert not simulation.finished
    for level in (1, 0):
        simulation.on_result(ended(1, 3, level))
    assert simulation.finished


def test_reset_at_the_end_of_an_episode_does_not_cancel_it(at_its_end, heard):
    assert at_its_end.restart(seed=9, goal=None) == 1
    assert [r.end_reason for r in heard.results] == [EpisodeEnd.TIME_LIMIT]
    at_its_end.on_result(ended(0, 3, 0))
    assert at_its_end.observation.key == (1, 0)


def test_reset_cuts_the_episode_and_keeps_its_outcome_apart_from_its_end(simulation, heard):
    clock = LockstepClock(simulation)
    simulation.begin()
    clock.on_action(action(simulation))
    assert simulation.restart(seed=9, goal=np.array([16.0, 0.0])) == 1
    assert heard.results[0].end_reason == EpisodeEnd.CANCELLED
    assert heard.results[0].steps == 1
    assert simulation.observation.desired_goal.tolist() == [16.0, 0.0]


def test_actions_are_clipped_to_their_limits(simulation, heard):
    simulation.begin()
    simulation.step(np.full(8, 99.0))
    assert heard.observations[-1].applied_action.tolist() == [30.0] * 8


def test_paced_lockstep_takes_one_step_per_tick_and_none_without_its_action(simulation):
    clock = LockstepClock(simulation)
    simulation.begin()
    clock.pace(True)
    clock.on_action(action(simulation))
    assert simulation.observation.step == 0
    assert clock.answered
    clock.tick()
    assert simulation.observation.step == 1
    clock.tick()
    clock.tick()
    assert simulation.observation.step == 1
    clock.on_action(action(simulation))
    assert simulation.observation.step == 2
    clock.on_action(action(simulation))
    assert simulation.observation.step == 2
    clock.pace(False)
    clock.poll()
    assert simulation.observation.step == 3
