"""Faults injected for real: every one ends in one clear message, no hang, no orphan, no half-written bag."""

import array
import contextlib
import dataclasses
import random
import time

import numpy as np
import psutil
import pytest

from hrl.policies.shipped import resolve_policy
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.messages import Mode
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_msgs.srv import SetRealTimeFactor
from hrl_ros import messages, qos

pytestmark = pytest.mark.ros


@pytest.mark.alone
@pytest.mark.parametrize("step", [0, 499], ids=["anywhere", "at_the_end_of_an_episode"])
def test_killed_worker_is_named_and_everything_ends_within_five_seconds(launch, listener, observe, read_bag, step):
    graph = launch("task:=AntMaze", "episodes:=0")
    listener.spin_until(lambda: len(observe) > 400)
    family, worker = psutil.Process(graph.process.pid).children(recursive=True), graph.node("worker")
    listener.spin_until(lambda: observe[-1].step >= step)
    worker.kill()
    killed = time.monotonic()
    code, output = graph.wait()
    assert time.monotonic() - killed < 5.0
    assert code == 1
    assert "worker died: killed by SIGKILL (signal 9)" in output
    assert not any(member.is_running() for member in family)
    bag = read_bag(graph.out / "bag")
    assert not (graph.out / "bag.partial").exists()
    observations, actions = bag["observation"], bag["action"]
    keys = [o.key for o in observations]
    assert len(keys) == len(set(keys))
    assert {o.key for o in observe} <= set(keys), "the bag is complete up to the death"
    last, steps = max(keys), {(a.episode, a.step) for a in actions}
    asked = {o.key for o in observations if o.key < last and not o.last}
    unanswered = asked - steps
    # One that dies while it speaks is not asked again: its last action may have reached the simulator alone, or at the
    # end of an episode, where the simulator waits for nobody, the result of the last subgoal nobody.
    assert unanswered <= {max(asked)}
    assert steps <= set(keys)
    between_episodes = max(observations, key=lambda o: o.key).last or last[1] == 0
    lost = graph.summary()["lost"]
    assert lost["observation"] == 0
    assert lost["action"] == len(unanswered)
    assert lost["subgoal message"] <= between_episodes


@pytest.mark.alone
def test_ctrl_c_ends_cleanly_within_five_seconds_with_a_closed_bag(launch, listener, observe, read_bag):
    graph = launch("task:=AntMaze", "episodes:=0")
    listener.spin_until(lambda: len(observe) > 100)
    pressed = time.monotonic()
    code, output = graph.stop()
    assert time.monotonic() - pressed < 5.0
    assert code == 0, output
    assert {o.key for o in observe} <= {o.key for o in read_bag(graph.out / "bag")["observation"]}
    assert graph.summary()["lost_messages"] == 0
    listener.until_alone()


def test_wrong_task_is_refused_before_anything_starts(launch, tmp_path):
    task = dataclasses.replace(load_task("AntMaze"), control_period=0.05)
    (tmp_path / "other.yaml").write_text(task.to_yaml())
    policy = tmp_path / "policy"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), policy)
    graph = launch(f"task:={tmp_path / 'other.yaml'}", f"policy:={policy}")
    code, output = graph.wait()
    assert code == 2
    assert "control_period: 0.1 != 0.05" in output
    assert not graph.out.exists()


@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_missing_or_corrupt_checkpoint_is_refused_before_anything_starts(launch, tmp_path, damage):
    policy = tmp_path / "policy"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), policy)
    weights = policy / "weights.safetensors"
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-100])
    graph = launch("task:=AntMaze", f"policy:={policy}")
    code, output = graph.wait()
    assert code == 2
    assert ("weights.safetensors is missing" if damage == "missing" else "is damaged") in output
    assert "Traceback" not in output
    assert not graph.out.exists()


def send(listener, graph, observe, change, topic, kind: type):
    """Publish a forged message that claims to be of the running run, until the graph ends."""
    listener.spin_until(lambda: len(observe) > 20)
    publisher = listener.create_publisher(kind, topic, qos.lockstep())
    listener.spin_until(lambda: publisher.get_subscription_count() >= 2)
    end = time.monotonic() + 20
    while graph.process.poll() is None and time.monotonic() < end:
        # One of many steps ahead meets the simulator waiting for just that step.
        for ahead in range(50):
            publisher.publish(change(observe[-1], ahead))
        listener.spin_for(0.05)


def test_action_that_is_not_a_number_stops_the_run_by_name(launch, listener, observe, read_bag):
    graph = launch("task:=AntMaze", "episodes:=0", "mode:=lockstep")

    def forged(last, ahead):
        step = (last.step + ahead) % 500
        action = msg.Action(run=last.run, robot=last.robot, episode=last.episode, step=step)
        action.value = array.array("d", [float("nan")] * 8)
        return action

    send(listener, graph, observe, forged, "action", msg.Action)
    code, output = graph.wait()
    assert code == 1
    assert "action received: non-finite hip_4=nan" in output
    read_bag(graph.out / "bag")


@pytest.mark.parametrize(
    ("size", "value", "message"), [(29, 0.0, "needs 30 numbers, got shape (29,)"), (30, np.nan, "non-finite x=nan")]
)
def test_unsound_observation_stops_the_run_by_name(launch, listener, observe, read_bag, size, value, message):
    graph = launch("task:=AntMaze", "episodes:=0")

    def forged(last, ahead):
        observation = last._replace(step=last.step + 100_000 + ahead, state=np.full(size, value))
        return messages.OBSERVATION.encode(observation)

    send(listener, graph, observe, forged, "observation", msg.Observation)
    code, output = graph.wait()
    assert code == 1
    assert message in output
    read_bag(graph.out / "bag")


@pytest.mark.learning
def test_second_simulator_gives_way_and_the_first_goes_on(launch, listener, observe, domain, read_bag):
    first = launch("task:=AntMaze", "episodes:=0")
    # Without a pace it would keep the cores from the second.
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=10.0).accepted
    listener.spin_until(lambda: len(observe) > 20)
    second = launch("task:=AntMaze", "episodes:=0", "record:=false", out="second", in_domain=domain)
    code, output = second.wait()
    assert code == 1
    assert "is already running in namespace" in output
    # Older and with the lesser id, as a recording or a stranger may say of itself.
    forger = listener.create_publisher(msg.RunInfo, "run_info", qos.latched())
    forger.publish(msg.RunInfo(run=1))
    listener.spin_for(1.0)
    assert "run 0000000000000001) has appeared; its messages are ignored" in first.said()
    steps = len(observe)
    listener.spin_until(lambda: len(observe) > steps + 100)
    code, output = first.stop()
    assert code == 0, output
    assert len({o.run for o in read_bag(first.out / "bag")["observation"]}) == 1


def test_messages_of_a_foreign_run_are_named_and_change_nothing(launch, listener, observe, read_bag):
    graph = launch("task:=AntMaze", "episodes:=0")
    listener.spin_until(lambda: len(observe) > 20)
    run = observe[-1].run
    publisher = listener.create_publisher(msg.Observation, "observation", qos.lockstep())
    # Worker, manager, recorder and the listener itself.
    listener.spin_until(lambda: publisher.get_subscription_count() >= 4)
    for _ in range(20):
        publisher.publish(messages.OBSERVATION.encode(observe[-1]._replace(run=run ^ 1)))
        listener.spin_for(0.05)
    code, output = graph.stop()
    assert code == 0, output
    for name in ("worker", "manager", "recorder"):
        assert f"[{name}] ERROR: foreign run {run ^ 1:016x}" in output
    assert {o.run for o in read_bag(graph.out / "bag")["observation"]} == {run}


def test_silent_peer_is_named_and_the_wait_ends(launch, listener, observe):
    graph = launch("task:=AntMaze", "episodes:=0", "wait_limit:=3", "record:=false")
    # Before it has begun others would miss it first, by another word.
    listener.spin_until(lambda: len(observe) > 20)
    graph.node("worker").suspend()
    code, output = graph.wait()
    assert code == 1
    assert "gave up after waiting 3 s for the worker" in output


@pytest.mark.learning
def test_nodes_that_stand_still_now_and_then_change_nothing(launch, read_bag, in_process, assert_same_run):
    policy = resolve_policy("hac_mountain_car_k3", None)
    graph = launch(f"policy:={policy}", "episodes:=12", "seed:=2", "explore:=true", file="policy.launch.py")
    nodes = [graph.node(name) for name in ("simulator", "worker", "manager", "manager_2", "recorder")]
    draw = random.Random(0)
    for _ in range(25):
        # The run may be over before.
        with contextlib.suppress(psutil.NoSuchProcess):
            node = draw.choice(nodes)
            node.suspend()
            time.sleep(draw.choice((0.02, 0.1, 0.4)))
            node.resume()
    code, output = graph.wait()
    assert code == 0, output
    assert graph.summary()["lost_messages"] == 0
    assert_same_run(read_bag(graph.out / "bag"), in_process(policy, episodes=12, seed=2, mode=Mode.TRAIN))


def test_recording_is_never_overwritten(launch, tmp_path):
    (tmp_path / "out" / "bag").mkdir(parents=True)
    code, output = launch("task:=AntMaze", "episodes:=1").wait()
    assert code == 2
    assert "out" in output
    assert "Traceback" not in output


def test_everybody_of_every_shipped_policy_can_act():
    from hrl.policies.shipped import shipped_policies

    assert shipped_policies()
    for policy in shipped_policies().values():
        load_checkpoint(policy.folder).stack(seed=0)
