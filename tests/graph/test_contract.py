"""One contract for whoever closes the loop: the simulator node and the bridge with a robot behind it keep it alike."""

import itertools
import signal

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionClient
from std_srvs.srv import Trigger

from hrl_core.task import parse_task
from hrl_core.types import NAN, Action, ActionSource
from hrl_msgs import msg
from hrl_msgs.action import ReachGoal
from hrl_msgs.srv import Reset, SetPaused
from hrl_ros import messages, qos

pytestmark = pytest.mark.ros
KINDS = {"sim": ["mode:=realtime", "respawn:=true"], "real": ["robot:=real"]}
FACTOR = 5.0


class Loop:
    """A running stack, and what it says."""

    def __init__(self, kind, graph, node):
        self.kind, self.graph, self.node = kind, graph, node
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

    def call(self, kind, name, **fields):
        client = self.node.create_client(kind, name)
        self.node.spin_until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.node.spin_until(future.done)
        return future.result()

    def refused(self):
        """What the next status says of refusals."""
        seen = len(self.status)
        self.until(lambda: len(self.status) > seen)
        return self.status[-1].refused_actions


@pytest.fixture(scope="module", params=list(KINDS))
def loop(request, launch_once, listener_in):
    graph = launch_once(*KINDS[request.param], f"rtf:={FACTOR}", "episodes:=0", out=request.param)
    loop = Loop(request.param, graph, listener_in(graph.domain))
    yield loop
    code, output = graph.stop()
    assert code == 0, output


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


@pytest.mark.parametrize("fault", ["nan", "inf", "short", "foreign", "future", "old", "other episode"])
def test_what_must_not_be_applied_is_refused_and_counted(loop, fault):
    before, last = loop.refused(), loop.observations[-1]
    values = {"nan": np.full(8, np.nan), "inf": np.full(8, np.inf), "short": np.zeros(3)}
    run = last.run + (fault == "foreign")
    step = last.step + 1000 * (fault == "future") - 1000 * (fault == "old")
    episode = last.episode + 7 * (fault == "other episode")
    action = Action(
        0, "", run, last.robot, episode, max(step, 0), values.get(fault, np.full(8, 29.0)), 0, last.stamp, NAN, 0
    )
    if fault == "old":
        loop.until(lambda: loop.observations[-1].step > 5)
    loop.actions.publish(messages.ACTION.encode(action))
    loop.until(lambda: loop.status[-1].refused_actions > before)
    loop.go_on()
    assert loop.graph.process.poll() is None


def test_reset_cuts_the_episode_and_begins_one_with_the_goal_asked_for(loop):
    episode = loop.observations[-1].episode
    answer = loop.call(Reset, "reset", goal=[8.0, 0.0])
    assert (answer.accepted, answer.episode) == (True, episode + 1)
    loop.until(lambda: loop.observations[-1].episode == episode + 1 and loop.observations[-1].step > 3)
    assert loop.observations[-1].desired_goal.tolist() == [8.0, 0.0]
    assert np.linalg.norm(next(o for o in loop.observations if o.key == (episode + 1, 0)).achieved_goal) < 0.5
    assert loop.results[-1].end_reason == msg.EpisodeResult.CANCELLED
    refused = loop.call(Reset, "reset", goal=[1.0])
    assert not refused.accepted
    assert "needs 2 numbers" in refused.message


def test_pause_holds_the_episode_and_ends_without_a_loss(loop):
    assert loop.call(SetPaused, "set_paused", paused=True).paused
    loop.until(lambda: loop.status[-1].paused)
    loop.node.spin_for(0.2)
    step = loop.observations[-1].key
    loop.node.spin_for(0.5)
    assert loop.observations[-1].key == step
    assert not loop.call(SetPaused, "set_paused", paused=False).paused
    loop.go_on()


def test_goal_pose_sets_the_goal_of_the_next_observation(loop):
    publisher = loop.node.create_publisher(PoseStamped, "goal_pose", 1)
    loop.until(lambda: publisher.get_subscription_count() == 1)
    pose = PoseStamped()
    pose.pose.position.x, pose.pose.position.y = 8.0, 4.0
    publisher.publish(pose)
    loop.until(lambda: loop.observations[-1].desired_goal.tolist() == [8.0, 4.0])


def test_reach_goal_says_why_it_ended_apart_from_success(loop):
    client = ActionClient(loop.node, ReachGoal, "reach_goal")
    loop.until(client.server_is_ready)
    sent = client.send_goal_async(ReachGoal.Goal(goal=[0.0, 0.0], stop_when_reached=True))
    loop.until(sent.done)
    handle = sent.result()
    assert handle is not None
    result = handle.get_result_async()
    loop.until(result.done)
    assert result.result().result.end_reason in (ReachGoal.Result.REACHED, ReachGoal.Result.EPISODE_ENDED)


def test_emergency_stop_is_safe_and_latched_until_released(loop):
    assert loop.call(Trigger, "emergency_stop").success
    mark = len(loop.observations) + 1
    loop.go_on(8)
    after = [o for o in loop.observations[mark:] if not o.first]
    assert all(o.action_source == ActionSource.SAFE and not o.applied_action.any() for o in after)
    assert loop.call(Trigger, "release_emergency_stop").success
    assert not loop.call(Trigger, "release_emergency_stop").success
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
