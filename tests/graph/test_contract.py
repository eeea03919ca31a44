"""One contract for whoever closes the loop: the simulator node and the bridge with a robot behind it keep it alike.

The robot's state comes on topics of its own, or on the standard ones, which the recorder records as well.
"""

import itertools
import json
import signal
import time

import numpy as np
import pytest
from aftermath import LIMIT, Witness
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from running_stack import standard_robot
from std_srvs.srv import Trigger

from hrl_core.messages import NAN, Action, ActionSource
from hrl_core.task.text import parse_task
from hrl_msgs import msg
from hrl_msgs.action import ReachGoal
from hrl_msgs.srv import Reset, SetPaused
from hrl_ros import messages, qos

pytestmark = [pytest.mark.ros, pytest.mark.alone]
KINDS = {"sim": ["mode:=realtime", "respawn:=true"], "real": ["robot:=real"], "standard": ["robot:=real"]}
FACTOR = 5.0
FAULTS = ("nan", "inf", "short", "foreign run", "future", "old", "other episode")


class Loop:
    """A running stack, and what it says."""

    def __init__(self, kind, graph, node):
        self.kind, self.graph, self.node = kind, graph, node
        self.told_faults = False
        self.observations, self.status, self.info, self.results = [], [], [], []
        decode = messages.OBSERVATION.decode
        keep = self.observations.append
        node.create_subscription(msg.Observation, "observation", lambda d: keep(decode(d)), qos.lockstep(), raw=True)
        node.create_subscription(msg.SimStatus, "sim_status", self.status.append, qos.latched())
        node.create_subscription(msg.RunInfo, "run_info", self.info.append, qos.latched())
        node.create_subscription(msg.EpisodeResult, "episode_result", self.results.append, qos.event())
        self.actions = node.create_publisher(msg.Action, "action", qos.lockstep())
        self.until(lambda: self.info and self.steps(20))

    def until(self, condition):
        self.node.spin_until(condition, timeout=60)

    def steps(self, n):
        return len(self.observations) > n and self.observations[-1].step > 0

    def go_on(self, n=10):
        """See ``n`` further observations."""
        wanted = len(self.observations) + n
        self.until(lambda: len(self.observations) >= wanted)

    def refused(self):
        """What the next status says of refusals."""
        seen = len(self.status)
        self.until(lambda: len(self.status) > seen)
        return self.status[-1].refused_actions


@pytest.fixture(scope="module", params=list(KINDS))
def loop(request, launch_once, listener_in, tmp_path_factory):
    words = list(KINDS[request.param])
    if request.param == "standard":
        words.append(f"robot_config:={standard_robot(tmp_path_factory.mktemp('robot'))}")
    graph = launch_once(*words, f"rtf:={FACTOR}", "episodes:=0", out=request.param)
    loop = Loop(request.param, graph, listener_in(graph.domain))
    yield loop
    code, output = graph.stop()
    assert code == 0, output
    if not loop.told_faults:
        return
    refusals = json.loads((graph.out / "simulator.json").read_text())["refusals"]
    assert refusals["unsound"] >= 3
    assert refusals.keys() >= {"foreign run", "from the future", "other episode"}
    assert refusals.keys() & {"older than the last", "too old"}


def test_run_is_announced_with_the_specification_it_keeps(loop):
    info = loop.info[-1]
    task = parse_task(info.task)
    assert (info.task_hash, info.clock_mode, info.real_time_factor) == (task.sha256, msg.RunInfo.REALTIME, FACTOR)
    last = loop.observations[-1]
    assert (last.run, last.robot, last.task_hash) == (info.run, info.robot, task.hash64)
    task.check_state(last.state)
    assert np.array_equal(last.achieved_goal, last.state[:2])


def test_every_step_is_told_once_and_in_order(loop):
    loop.go_on(30)
    for before, after in itertools.pairwise(loop.observations):
        if before.last or after.episode != before.episode:
            assert after.key == (before.episode + 1, 0)
            assert after.first
        else:
            assert after.step in (before.step, before.step + 1)
        assert after.stamp >= before.stamp


def test_applied_actions_are_within_limits_and_named_by_their_source(loop):
    task = parse_task(loop.info[-1].task)
    loop.go_on(30)
    acted = [o for o in loop.observations if not o.first]
    for observation in acted:
        assert (observation.applied_action >= task.action_low).all()
        assert (observation.applied_action <= task.action_high).all()
        assert observation.action_source in (ActionSource.POLICY, ActionSource.HOLD, ActionSource.SAFE)
    assert np.mean([o.action_source == ActionSource.POLICY for o in acted]) > 0.5
    assert np.ptp([o.applied_action for o in acted], axis=0).min() > 0


def test_reward_is_the_tasks_and_success_its_rule(loop):
    task = parse_task(loop.info[-1].task)
    for observation in [o for o in loop.observations if not o.first][-20:]:
        distance = task.distance(observation.achieved_goal, observation.desired_goal)
        assert observation.reward == pytest.approx(-distance)
        assert observation.success == (distance <= task.success.radius)


def faulty(fault, last):
    """An action that must not be applied, otherwise one to the last observation."""
    values = {"nan": np.full(8, np.nan), "inf": np.full(8, np.inf), "short": np.zeros(3)}
    run = last.run + (fault == "foreign run")
    step = last.step + 1000 * (fault == "future") - 5 * (fault == "old")
    episode = last.episode + 7 * (fault == "other episode")
    return Action(0, "", run, last.robot, episode, step, values.get(fault, np.full(8, 29.0)), 0, last.stamp, NAN, 0)


def test_what_must_not_be_applied_is_refused_and_counted(loop):
    """Why each was refused is looked at when the run has ended."""
    loop.until(lambda: 5 < loop.observations[-1].step < 400)
    before, loop.told_faults = loop.refused(), True
    for fault in FAULTS:
        loop.actions.publish(messages.ACTION.encode(faulty(fault, loop.observations[-1])))
        loop.go_on(2)
    loop.until(lambda: loop.status[-1].refused_actions >= before + len(FAULTS))
    assert loop.graph.process.poll() is None


@pytest.mark.parametrize("victims", [("worker",), ("manager",), ("worker", "manager")], ids="+".join)
def test_a_worker_or_manager_that_was_killed_acts_again_within_a_second_of_being_back(loop, victims):
    witness, node = Witness(loop.node), loop.node
    # In mid-episode: at its beginning the first observation is repeated for whoever is new.
    loop.until(lambda: 30 < loop.observations[-1].step < 350)
    killed = time.time()
    for victim in victims:
        loop.graph.node(victim).kill()
    loop.until(lambda: witness.active_since(victims, killed))
    back = witness.active_since(victims, killed)
    assert back is not None
    loop.until(lambda: witness.acted_after(back) is not None)
    node.spin_for(2.0)
    assert 0 <= (witness.acted_after(back) or 0.0) < LIMIT
    # The very first actions may come late on a busy machine.
    assert witness.share(back + LIMIT) >= 0.8
    # What is told is applied, and moves the robot; in the next episode, if it has fallen on its back meanwhile.
    applied = [
        abs(observation.applied_action).max() for observation in loop.observations[-20:] if not observation.first
    ]
    assert np.median(applied) > 1.0
    loop.until(lambda: witness.distance(back + LIMIT) > 0.3)


def test_reset_cuts_the_episode_and_begins_one_with_the_goal_asked_for(loop):
    # Not while the robot is being placed for the next episode, where there is none to be cut.
    loop.until(lambda: 0 < loop.observations[-1].step < 450)
    episode = loop.observations[-1].episode
    answer = loop.node.call(Reset, "reset", goal=[8.0, 0.0])
    assert (answer.accepted, answer.episode) == (True, episode + 1)
    loop.until(lambda: loop.observations[-1].episode == episode + 1 and loop.observations[-1].step > 3)
    assert loop.observations[-1].desired_goal.tolist() == [8.0, 0.0]
    assert np.linalg.norm(next(o for o in loop.observations if o.key == (episode + 1, 0)).achieved_goal) < 0.5
    assert loop.results[-1].end_reason == msg.EpisodeResult.CANCELLED
    refused = loop.node.call(Reset, "reset", goal=[1.0])
    assert not refused.accepted
    assert "needs 2 numbers" in refused.message


def test_pause_holds_the_episode_and_ends_without_a_loss(loop):
    assert loop.node.call(SetPaused, "set_paused", paused=True).paused
    loop.until(lambda: loop.status[-1].paused)
    loop.node.spin_for(0.2)
    step = loop.observations[-1].key
    loop.node.spin_for(0.5)
    assert loop.observations[-1].key == step
    assert not loop.node.call(SetPaused, "set_paused", paused=False).paused
    loop.go_on()


def test_goal_pose_sets_the_goal_of_the_next_observation(loop):
    publisher = loop.node.create_publisher(PoseStamped, "goal_pose", 1)
    loop.until(lambda: publisher.get_subscription_count() == 1)
    pose = PoseStamped()
    pose.header.frame_id, pose.pose.position.x, pose.pose.position.y = "map", 1.0, 4.0
    publisher.publish(pose)
    pose.header.frame_id, pose.pose.position.x = loop.observations[-1].frame, 8.0
    publisher.publish(pose)
    loop.until(lambda: loop.observations[-1].desired_goal.tolist() == [8.0, 4.0])
    assert not any(o.desired_goal.tolist() == [1.0, 4.0] for o in loop.observations), "it is in another frame"


def test_reach_goal_says_why_it_ended_apart_from_success(loop):
    client = ActionClient(loop.node, ReachGoal, "reach_goal")
    loop.until(client.server_is_ready)

    def pursued(goal, then=lambda: None):
        loop.until(lambda: not loop.observations[-1].last and loop.observations[-1].step < 300)
        sent = client.send_goal_async(ReachGoal.Goal(goal=goal, stop_when_reached=True))
        loop.until(sent.done)
        handle = sent.result()
        assert handle is not None
        result = handle.get_result_async()
        then()
        loop.until(result.done)
        told = result.result().result
        return told.end_reason, told.success

    assert pursued(loop.observations[-1].achieved_goal.tolist()) == (ReachGoal.Result.REACHED, True)
    before = loop.observations[-1].episode
    reset = pursued([0.0, 16.0], lambda: loop.node.call(Reset, "reset"))
    assert reset == (ReachGoal.Result.EPISODE_ENDED, False)
    loop.until(lambda: loop.observations[-1].episode > before)


def test_a_cancelled_goal_is_answered_while_the_run_is_paused(loop):
    client = ActionClient(loop.node, ReachGoal, "reach_goal")
    loop.until(client.server_is_ready)
    loop.until(lambda: not loop.observations[-1].last)
    sent = client.send_goal_async(ReachGoal.Goal(goal=[0.0, 16.0]))
    loop.until(sent.done)
    handle = sent.result()
    assert handle is not None
    loop.go_on(3)
    assert loop.node.call(SetPaused, "set_paused", paused=True).paused
    handle.cancel_goal_async()
    result = handle.get_result_async()
    loop.until(result.done)
    assert result.result().result.end_reason in (ReachGoal.Result.CANCELLED, ReachGoal.Result.EPISODE_ENDED)
    assert not loop.node.call(SetPaused, "set_paused", paused=False).paused


def test_a_transition_out_of_another_state_is_refused_and_ends_nobody(loop):
    configure = Transition(id=Transition.TRANSITION_CONFIGURE)
    for name in ("worker", "manager", "recorder"):
        assert not loop.node.call(ChangeState, f"{name}/change_state", transition=configure).success
    loop.go_on()


def test_emergency_stop_is_safe_and_latched_until_released(loop):
    assert loop.node.call(Trigger, "emergency_stop").success
    heard = len(loop.observations)
    # What was published before the answer may yet have to be read.
    loop.until(lambda: any(o.action_source == ActionSource.SAFE for o in loop.observations[heard:]))
    mark = next(n for n, o in enumerate(loop.observations) if n >= heard and o.action_source == ActionSource.SAFE)
    assert mark - heard < 10
    loop.go_on(8)
    after = [o for o in loop.observations[mark:] if not o.first]
    assert all(o.action_source == ActionSource.SAFE and not o.applied_action.any() for o in after)
    assert loop.node.call(Trigger, "release_emergency_stop").success
    assert not loop.node.call(Trigger, "release_emergency_stop").success
    mark = len(loop.observations)
    loop.until(lambda: any(o.action_source == ActionSource.POLICY for o in loop.observations[mark:]))


def test_silent_worker_ends_in_the_safe_action_and_the_run_goes_on_when_it_speaks_again(loop):
    worker = loop.graph.node("worker")
    worker.send_signal(signal.SIGSTOP)
    mark = len(loop.observations)
    try:
        loop.until(lambda: any(o.action_source == ActionSource.SAFE for o in loop.observations[mark:]))
        safe = next(o for o in loop.observations[mark:] if o.action_source == ActionSource.SAFE)
        assert not safe.applied_action.any()
    finally:
        worker.send_signal(signal.SIGCONT)
    mark = len(loop.observations)
    loop.until(lambda: any(o.action_source == ActionSource.POLICY for o in loop.observations[mark:]))
