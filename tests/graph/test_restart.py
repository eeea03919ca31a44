"""The barrier: a manager or worker that is killed and started again in mid-episode changes nothing."""

import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.text import load_task

pytestmark = pytest.mark.ros


def test_killed_nodes_are_restarted_and_the_trajectory_is_the_same(
    launch, listener, observe, read_bag, in_process, assert_same_run
):
    # Several episodes: a short run may be over before the listener is heard of.
    graph = launch("task:=AntMaze", "episodes:=6", "seed:=2", "respawn:=true", "explore:=true")
    for victims in (("worker",), ("manager",), ("worker", "manager")):
        reached = observe[-1].key if observe else (0, 0)
        # By what it has reached, not by how much came: a waiting simulator repeats itself.
        listener.spin_until(lambda reached=reached: observe and observe[-1].key > (reached[0], reached[1] + 60))
        for victim in victims:
            graph.node(victim).kill()
    code, output = graph.wait()
    assert code == 0, output
    assert output.count("restarting it") == 4, output
    bag = read_bag(graph.out / "bag")
    # Also what was killed between two readers of its last word: its successor says it again.
    assert_same_run(bag, in_process(graph.summary()["policy"], episodes=6, seed=2, mode=Mode.TRAIN))
    assert graph.summary()["lost_messages"] == 0
    assert not list(graph.out.glob("memory_*"))


def test_killed_worker_of_a_flat_policy_is_restarted_and_the_trajectory_is_the_same(
    launch, listener, observe, read_bag, in_process, assert_same_run, tmp_path
):
    policy = tmp_path / "flat"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), seed=6, hierarchy=FLAT), policy)
    words = [f"policy:={policy}", "episodes:=12", "seed:=2", "respawn:=true", "explore:=true"]
    graph = launch(*words, file="policy.launch.py")
    for _ in range(2):
        reached = observe[-1].key if observe else (0, 0)
        listener.spin_until(lambda reached=reached: observe and observe[-1].key > (reached[0], reached[1] + 60))
        graph.node("worker").kill()
    code, output = graph.wait()
    assert code == 0, output
    assert_same_run(read_bag(graph.out / "bag"), in_process(policy, episodes=12, seed=2, mode=Mode.TRAIN))
    assert graph.summary()["lost_messages"] == 0


def test_managers_above_managers_that_are_killed_at_once_are_restarted_and_the_trajectory_is_the_same(
    launch, listener, observe, read_bag, in_process, assert_same_run, tall, tmp_path
):
    policy = tmp_path / "tall"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), seed=6, hierarchy=tall(2)), policy)
    words = [f"policy:={policy}", "episodes:=12", "seed:=2", "respawn:=true", "explore:=true"]
    graph = launch(*words, file="policy.launch.py")
    for victims in (("manager_2",), ("manager", "manager_2"), ("worker", "manager", "manager_2")):
        reached = observe[-1].key if observe else (0, 0)
        listener.spin_until(lambda reached=reached: observe and observe[-1].key > (reached[0], reached[1] + 60))
        for victim in victims:
            graph.node(victim).kill()
    code, output = graph.wait()
    assert code == 0, output
    assert output.count("restarting it") == 6, output
    assert_same_run(read_bag(graph.out / "bag"), in_process(policy, episodes=12, seed=2, mode=Mode.TRAIN))
    assert graph.summary()["lost_messages"] == 0
    assert not list(graph.out.glob("memory_*"))
