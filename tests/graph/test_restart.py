"""The barrier: managers and workers that are killed and started again in mid-episode change nothing."""

import dataclasses
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from hrl.policies.shipped import resolve_policy
from hrl_core.algorithms import presets
from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.recordings import untrained
from hrl_core.algorithms.fun.config import hierarchy as fun_hierarchy
from hrl_core.algorithms.fun.learner import FunLearner
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy as tree_hierarchy
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.text import load_task

pytestmark = pytest.mark.ros
MANAGERS = ("manager", "manager_2")
ANYWHERE, AT_AN_END = False, True


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
    """Run a policy, kill in turn who is named, and demand the trajectory of a run without kills.

    A kill comes anywhere, or with the last observation of an episode.
    """

    def run(policy, episodes, kills):
        words = [f"policy:={policy}", f"episodes:={episodes}", "seed:=2", "respawn:=true", "explore:=true"]
        graph = launch(*words, file="policy.launch.py")
        for victims, at_an_end in kills:
            reached = observe[-1].key if observe else (0, 0)
            # By what it has reached, not by how much came: a waiting simulator repeats itself.
            then = (reached[0] + 1, 0) if at_an_end else (reached[0], reached[1] + 60)
            listener.spin_until(
                lambda then=then, end=at_an_end: observe and observe[-1].key > then and observe[-1].last >= end
            )
            for victim in victims:
                process = graph.node(victim)
                # A lock in shared memory would outlive it.
                assert "/dev/shm/fast" not in Path(f"/proc/{process.pid}/maps").read_text()
                process.kill()
        code, output = graph.wait()
        assert code == 0, output
        assert output.count("restarting it") == sum(len(victims) for victims, _ in kills), output
        # Also what was killed between two readers of its last word: its successor says it again.
        assert_same_run(read_bag(graph.out / "bag"), in_process(policy, episodes=episodes, seed=2, mode=Mode.TRAIN))
        assert graph.summary()["lost_messages"] == 0
        assert not list(graph.out.glob("memory_*"))

    return run


# Several episodes: a short run may be over before the listener is heard of.
@pytest.mark.learning
def test_killed_nodes_are_restarted_and_the_trajectory_is_the_same(killed_run, policy_of):
    killed_run(
        policy_of(None), 9, [(("worker",), AT_AN_END), (("manager",), ANYWHERE), (("worker", "manager"), AT_AN_END)]
    )


@pytest.mark.learning
def test_a_killed_worker_of_a_flat_policy_is_restarted_and_the_trajectory_is_the_same(killed_run, policy_of):
    killed_run(policy_of(FLAT), 12, [(("worker",), ANYWHERE), (("worker",), AT_AN_END)])


@pytest.mark.learning
def test_a_killed_worker_of_the_shipped_policy_that_reaches_is_restarted_and_the_trajectory_is_the_same(killed_run):
    """Very many episodes, of a few steps each: a kill comes while the graph runs."""
    killed_run(resolve_policy("flat_fetch_reach", None), 1000, [(("worker",), ANYWHERE), (("worker",), AT_AN_END)])


@pytest.mark.learning
def test_composites_and_leaves_of_a_tree_killed_on_a_path_are_restarted_and_the_trajectory_is_the_same(
    killed_run, tmp_path
):
    task = load_task("lane_drive")
    save_checkpoint(random_checkpoint(task, seed=6, hierarchy=tree_hierarchy(task, TreeConfig())), tmp_path / "tree")
    kills = [(("worker",), ANYWHERE), (("manager",), ANYWHERE), (("worker", "manager"), AT_AN_END)]
    killed_run(tmp_path / "tree", 16, kills)


@pytest.mark.learning
def test_a_worker_killed_in_the_middle_of_an_option_draws_its_end_as_one_that_lives(killed_run):
    """Hundreds of short episodes: a kill comes somewhere in the steps of an option, whose end is drawn at each."""
    kills = [(("worker",), ANYWHERE), (("worker", "manager"), ANYWHERE)]
    killed_run(resolve_policy("option_critic_four_rooms_point", None), 200, kills)


@pytest.mark.learning
def test_managers_above_managers_killed_at_once_are_restarted_and_the_trajectory_is_the_same(
    killed_run, policy_of, tall
):
    kills = [(("manager_2",), ANYWHERE), (MANAGERS, ANYWHERE), (("worker", *MANAGERS), AT_AN_END)]
    killed_run(policy_of(tall(2)), 12, kills)


@pytest.mark.learning
def test_a_policy_that_remembers_is_killed_in_mid_corridor_and_the_trajectory_is_the_same(killed_run, tmp_path):
    """Many short episodes: what was seen at the first step of one counts at its last."""
    task, config = load_task("t_maze"), presets("fun")["fun"].agent
    learner = FunLearner(task, config, VectorEnv(task, 2, 0), 0)
    policy = untrained_checkpoint("fun", task, fun_hierarchy(task, config), learner.levels(), 0)
    save_checkpoint(dataclasses.replace(policy, evaluation="sampled"), tmp_path / "policy")
    kills = [(("worker",), ANYWHERE), (("manager",), ANYWHERE), (("worker", "manager"), ANYWHERE)]
    killed_run(tmp_path / "policy", 150, kills)


@pytest.mark.learning
def test_both_that_are_taken_down_in_order_in_mid_episode_go_on_where_they_were(
    launch, listener, observe, read_bag, in_process, assert_same_run
):
    # Of two episodes, which take one second, the last step may come before the first answer.
    graph = launch("episodes:=12", "seed:=2", "policy:=hiro_ant_maze")
    listener.spin_until(lambda: observe and observe[-1].key > (0, 60))
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        for name in ("worker", "manager"):
            asked = listener.call(ChangeState, f"{name}/change_state", transition=Transition(id=transition))
            assert asked.success, (name, transition)
    code, output = graph.wait()
    assert code == 0, output
    assert_same_run(read_bag(graph.out / "bag"), in_process(resolve_policy("hiro_ant_maze", None), episodes=12, seed=2))
