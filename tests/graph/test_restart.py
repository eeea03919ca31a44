"""The barrier: managers and workers that are killed and started again in mid-episode change nothing."""

from pathlib import Path

import pytest

from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.recordings import untrained
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy as tree_hierarchy
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.text import load_task

pytestmark = pytest.mark.ros
MANAGERS = ("manager", "manager_2")


@pytest.fixture
def policy_of(tmp_path):
    """Save an untrained policy of a hierarchy, None: the task's; returns its folder."""

    def save(hierarchy):
        task = load_task("AntMaze")
        # A flat one whose actions are drawn: what is told again must be the same draw.
        flat = untrained(task, OnPolicyFlatConfig(), seed=6)
        save_checkpoint(
            flat if hierarchy == FLAT else random_checkpoint(task, seed=6, hierarchy=hierarchy), tmp_path / "policy"
        )
        return tmp_path / "policy"

    return save


@pytest.fixture
def killed_run(launch, listener, observe, read_bag, in_process, assert_same_run):
    """Run a policy, kill in turn who is named, and demand the trajectory of a run without kills."""

    def run(policy, episodes, kills, at_an_end=False):
        words = [f"policy:={policy}", f"episodes:={episodes}", "seed:=2", "respawn:=true", "explore:=true"]
        graph = launch(*words, file="policy.launch.py")
        for victims in kills:
            reached = observe[-1].key if observe else (0, 0)
            # By what it has reached, not by how much came: a waiting simulator repeats itself.
            then = (reached[0] + 1, 0) if at_an_end else (reached[0], reached[1] + 60)
            listener.spin_until(lambda then=then: observe and observe[-1].key > then and observe[-1].last >= at_an_end)
            for victim in victims:
                process = graph.node(victim)
                # A lock in shared memory would outlive it.
                assert "/dev/shm/fast" not in Path(f"/proc/{process.pid}/maps").read_text()
                process.kill()
        code, output = graph.wait()
        assert code == 0, output
        assert output.count("restarting it") == sum(map(len, kills)), output
        # Also what was killed between two readers of its last word: its successor says it again.
        assert_same_run(read_bag(graph.out / "bag"), in_process(policy, episodes=episodes, seed=2, mode=Mode.TRAIN))
        assert graph.summary()["lost_messages"] == 0
        assert not list(graph.out.glob("memory_*"))

    return run


# Several episodes: a short run may be over before the listener is heard of.
def test_killed_nodes_are_restarted_and_the_trajectory_is_the_same(killed_run, policy_of):
    killed_run(policy_of(None), 6, [("worker",), ("manager",), ("worker", "manager")])


def test_a_worker_killed_as_episodes_end_has_its_successor_tell_how(killed_run, policy_of, tall):
    killed_run(policy_of(tall(1)), 12, [("worker",), ("worker", *MANAGERS[:1]), ("worker",)], at_an_end=True)


def test_a_killed_worker_of_a_flat_policy_is_restarted_and_the_trajectory_is_the_same(killed_run, policy_of):
    killed_run(policy_of(FLAT), 12, [("worker",), ("worker",)])


def test_composites_and_leaves_of_a_tree_killed_on_a_path_are_restarted_and_the_trajectory_is_the_same(
    killed_run, tmp_path
):
    task = load_task("lane_drive")
    save_checkpoint(random_checkpoint(task, seed=6, hierarchy=tree_hierarchy(task, TreeConfig())), tmp_path / "tree")
    killed_run(tmp_path / "tree", 16, [("worker",), ("manager",), ("worker", "manager"), ("worker",)])


def test_managers_above_managers_killed_at_once_are_restarted_and_the_trajectory_is_the_same(
    killed_run, policy_of, tall
):
    killed_run(policy_of(tall(2)), 12, [("manager_2",), MANAGERS, ("worker", *MANAGERS)])
