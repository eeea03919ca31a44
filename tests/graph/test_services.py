"""What an operator does to a running graph: pause, step, reset, set a goal, leave the start to a lifecycle manager."""

import pytest
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.action import ActionClient

from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_msgs.action import ReachGoal
from hrl_msgs.srv import Reset, SetPaused, SetRealTimeFactor, Step
from hrl_ros import qos

pytestmark = pytest.mark.ros


@pytest.fixture
def status(listener):
    """SimStatus as it comes."""
    seen = []
    listener.create_subscription(msg.SimStatus, "sim_status", seen.append, qos.latched())
    return seen


def test_pause_step_and_reset(launch, listener, observe, status):
    graph = launch("task:=AntMaze", "episodes:=0", "wait_limit:=5")
    listener.spin_until(lambda: len(observe) > 20)
    assert not listener.call(Step, "step", n=3).accepted
    assert listener.call(SetPaused, "set_paused", paused=True).paused
    listener.spin_until(lambda: status and status[-1].paused)
    reached = status[-1].reached_step
    response = listener.call(Step, "step", n=7)
    assert response.accepted
    assert response.target_step == reached + 7
    listener.spin_until(lambda: status[-1].reached_step == reached + 7)
    episode = status[-1].episode
    answer = listener.call(Reset, "reset", use_seed=True, seed=5, goal=[16.0, 0.0])
    assert (answer.accepted, answer.episode) == (True, episode + 1)
    listener.spin_until(lambda: observe[-1].key == (episode + 1, 0))
    assert observe[-1].desired_goal.tolist() == [16.0, 0.0]
    refused = listener.call(Reset, "reset", goal=[1.0])
    assert not refused.accepted
    assert "needs 2 numbers" in refused.message
    listener.call(SetPaused, "set_paused", paused=False)
    listener.spin_until(lambda: observe[-1].step > 20)
    code, output = graph.stop()
    assert code == 0, output


def test_goal_pose_and_reach_goal_change_the_task_goal_on_both_levels(launch, listener, observe, read_bag):
    graph = launch("task:=AntMaze", "policy:=untrained_ant_maze", "episodes:=0")
    listener.spin_until(lambda: len(observe) > 20)
    publisher = listener.create_publisher(PoseStamped, "goal_pose", 1)
    listener.spin_until(lambda: publisher.get_subscription_count() == 1)
    pose = PoseStamped()
    pose.pose.position.x, pose.pose.position.y = 8.0, 4.0
    publisher.publish(pose)
    listener.spin_until(lambda: observe[-1].desired_goal.tolist() == [8.0, 4.0])
    client = ActionClient(listener, ReachGoal, "reach_goal")
    listener.spin_until(client.server_is_ready)
    feedback = []

    def pursue(goal, stop_when_reached):
        request = ReachGoal.Goal(goal=goal, stop_when_reached=stop_when_reached)
        sent = client.send_goal_async(request, feedback_callback=lambda m: feedback.append(m.feedback))
        listener.spin_until(sent.done)
        handle = sent.result()
        assert handle is not None
        return handle

    def result(handle):
        future = handle.get_result_async()
        listener.spin_until(future.done)
        return future.result().result

    # At full speed an episode is over in half a second, perhaps before a goal is given up.
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=2.0).accepted
    assert listener.call(Reset, "reset").accepted
    here = observe[-1].achieved_goal.tolist()
    near = result(pursue(here, True))
    assert (near.end_reason, near.success) == (ReachGoal.Result.REACHED, True)
    far = pursue([20.0, 20.0], False)
    listener.spin_until(lambda: feedback)
    listener.spin_until(far.cancel_goal_async().done)
    cancelled = result(far)
    assert (cancelled.end_reason, cancelled.success) == (ReachGoal.Result.CANCELLED, False)
    far = pursue([20.0, 20.0], False)
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=0.0).accepted
    ended = result(far)
    assert (ended.end_reason, ended.success) == (ReachGoal.Result.EPISODE_ENDED, False)
    assert not pursue([1.0, 2.0, 3.0], False).accepted
    assert listener.call(SetPaused, "set_paused", paused=True).paused
    assert listener.call(Reset, "reset").accepted
    far = pursue([20.0, 20.0], False)
    assert far.accepted
    assert listener.call(Reset, "reset").accepted
    cut = result(far)
    assert (cut.end_reason, cut.success) == (ReachGoal.Result.EPISODE_ENDED, False)
    graph.stop()
    bag = read_bag(graph.out / "bag")
    observations = {o.key: o for o in bag["observation"]}
    for subgoal in bag["subgoal"]:
        shown = observations[subgoal.episode, subgoal.step].desired_goal
        assert subgoal.task_goal.tolist() == shown.tolist()


def test_goals_for_a_task_without_one_are_refused_and_the_run_goes_on(launch, listener, observe, tmp_path):
    policy = tmp_path / "flat"
    save_checkpoint(random_checkpoint(load_task("cart_pole"), seed=1, hierarchy=FLAT), policy)
    graph = launch(f"policy:={policy}", "episodes:=0", file="policy.launch.py")
    listener.spin_until(lambda: len(observe) > 20)
    publisher = listener.create_publisher(PoseStamped, "goal_pose", 1)
    client = ActionClient(listener, ReachGoal, "reach_goal")
    listener.spin_until(lambda: publisher.get_subscription_count() == 1 and client.server_is_ready())
    publisher.publish(PoseStamped())
    sent = client.send_goal_async(ReachGoal.Goal(goal=[]))
    listener.spin_until(sent.done)
    handle = sent.result()
    assert handle is not None
    assert not handle.accepted
    seen = len(observe)
    listener.spin_until(lambda: len(observe) > seen + 20)
    code, output = graph.stop()
    assert code == 0, output
    assert "goal_pose ignored: the task has no goal" in output
    assert "reach_goal rejected: task 'cart_pole' has no goal" in output


def test_a_recorder_that_was_taken_down_ends_well(launch, listener, observe):
    graph = launch("task:=AntMaze", "episodes:=0", "mode:=realtime", "rtf:=5")
    listener.spin_until(lambda: len(observe) > 20)
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
        assert listener.call(ChangeState, "recorder/change_state", transition=Transition(id=transition)).success
    code, output = graph.stop()
    # What was said after it is missing, which is all that is wrong.
    assert code == 1
    assert "the recording lacks" in output
    assert not any(words in output for words in ("internal error", "Traceback", "died", "did not end cleanly"))
    assert read_bags([graph.out / "bag"]).episodes


def test_nodes_wait_for_a_lifecycle_manager_without_autostart(launch, listener, observe):
    graph = launch("task:=AntMaze", "episodes:=0", "autostart:=false")
    # The recorder last: until it listens nobody may begin.
    names = ("manager", "worker", "simulator", "recorder")
    for name in names:
        assert listener.call(GetState, f"{name}/get_state").current_state.label == "unconfigured"
    for transition in (1, 3):  # configure, activate
        for name in names:
            request = ChangeState.Request()
            request.transition.id = transition
            assert listener.call(ChangeState, f"{name}/change_state", transition=request.transition).success
    listener.spin_until(lambda: len(observe) > 100)
    request = ChangeState.Request()
    request.transition.id = 4  # deactivate
    assert listener.call(ChangeState, "simulator/change_state", transition=request.transition).success

    def silent():
        heard = len(observe)
        listener.spin_for(0.5)
        return len(observe) == heard

    # What was on its way has yet to be read.
    listener.spin_until(silent)
    code, output = graph.stop()
    assert code == 0, output
    assert graph.summary()["lost_messages"] == 0


@pytest.mark.alone
def test_real_time_keeps_the_control_period(launch, listener, observe):
    graph = launch("task:=AntMaze", "episodes:=1", "mode:=realtime", "rtf:=20")
    code, output = graph.wait(timeout=90)
    assert code == 0, output
    summary = graph.summary()
    assert summary["env_steps"] == 500
    # 20 times real time at 10 Hz is 200 steps a second; a loaded machine may be late, never early.
    assert 100 < summary["env_steps_per_s"] < 205
    assert summary["lost_messages"] <= summary["missed_deadlines"]
