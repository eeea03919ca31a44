"""New policies for a graph that runs: between episodes, on both levels at once, or refused with a reason."""

import dataclasses
import itertools

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_srvs.srv import Trigger

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.learner import hierarchy as tree_hierarchy
from hrl_core.checkpoints.checkpoint import load_checkpoint, load_hierarchy, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.checkpoints.tree_files import swap_node
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.messages import Mode
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import messages, qos

pytestmark = pytest.mark.ros
TASK = "PointMaze"
ABOVE = tuple(
    LevelSpec(space, "absolute", {"x": (-4.0, 20.0), "y": (-4.0, 20.0)}, horizon=3, unit="attempts")
    for space in ("here", "there")
)
THREE_LEVELS = HierarchySpec((*hierarchy_of(load_task(TASK)).levels, *ABOVE))


@pytest.fixture
def policy(tmp_path):
    """Save a policy of a version, of the task's hierarchy unless another is given."""

    def save(version, hierarchy=None, **change):
        untrained = random_checkpoint(load_task(TASK), seed=version, hierarchy=hierarchy)
        checkpoint = dataclasses.replace(untrained, version=version, **change)
        folder = tmp_path / "policies" / str(version)
        save_checkpoint(checkpoint, folder)
        return folder

    return save


@pytest.fixture
def announce(listener):
    """Publish a latched PolicyUpdate of a checkpoint folder, the first one when all whom it concerns listen."""
    publisher = listener.create_publisher(msg.PolicyUpdate, "policy_update", qos.latched())
    heard = []

    def publish(folder, **change):
        said = read_manifest(folder)
        update = msg.PolicyUpdate(
            version=said.version,
            file=str(folder),
            sha256=said.weights_sha256,
            task_hash=said.task_hash,
        )
        for name, value in change.items():
            setattr(update, name, value)
        if not heard:
            # All who act, and the recorder.
            listeners = len(load_hierarchy(folder).parties) + 1
            listener.spin_until(lambda: publisher.get_subscription_count() >= listeners)
        heard.append(update)
        publisher.publish(update)

    return publish


@pytest.fixture
def versions(listener):
    """Episode -> policy versions of its messages, per level, as they come."""
    seen = {"action": {}, "subgoal": {}}
    for topic, codec, kind in (("action", messages.ACTION, msg.Action), ("subgoal", messages.SUBGOAL, msg.Subgoal)):

        def note(data, topic=topic, codec=codec):
            message = codec.decode(data)
            seen[topic].setdefault(message.episode, set()).add(message.policy_version)

        listener.create_subscription(kind, topic, note, qos.lockstep(), raw=True)
    return seen


@pytest.fixture
def statuses(listener):
    """Diagnostics of manager and worker as they come."""
    seen = []
    listener.create_subscription(DiagnosticArray, "/diagnostics", lambda array: seen.extend(array.status), qos.event())
    return seen


def newest(versions):
    return {max(of_level[max(of_level)]) if of_level else -1 for of_level in versions.values()}


def versions_by_episode(bag):
    """Version per episode; every message of an episode, on all levels, has the same one."""
    found = {}
    for message in [*bag["action"], *bag["subgoal"]]:
        found.setdefault(message.episode, set()).add(message.policy_version)
    assert all(len(of_episode) == 1 for of_episode in found.values()), found
    return [found[episode].pop() for episode in sorted(found)]


@pytest.mark.parametrize(("node", "party"), [("Avoid", "manager"), ("StayInLane", "worker")])
def test_a_single_node_of_a_tree_is_exchanged_in_a_running_graph(
    node, party, launch, listener, versions, announce, read_bag, assert_same_run, tmp_path
):
    task = load_task("lane_drive")
    folders = [tmp_path / f"tree_{seed}" for seed in range(3)]
    for seed, folder in zip((0, 0, 1), folders, strict=True):
        save_checkpoint(random_checkpoint(task, seed, hierarchy=tree_hierarchy(task, TreeConfig())), folder)
    swap_node(folders[1], node, folders[2])
    before, after = (load_checkpoint(folder) for folder in folders[:2])
    graph = launch(f"policy:={folders[0]}", "episodes:=0", "seed:=3", file="policy.launch.py")
    topic = "subgoal" if party == "manager" else "action"
    listener.spin_until(lambda: versions[topic])
    announce(folders[1], party=node)
    listener.spin_until(lambda: 1 in {v for seen in versions[topic].values() for v in seen})
    listener.spin_until(
        lambda: max(versions["action"]) > max(e for e, seen in versions[topic].items() if 0 in seen) + 1
    )
    graph.stop()
    bag = read_bag(graph.out / "bag")
    other = "action" if topic == "subgoal" else "subgoal"
    assert {message.policy_version for message in bag[other]} == {0}, "whoever has not the node goes on as before"
    of_episode = {}
    for message in bag[topic]:
        of_episode.setdefault(message.episode, set()).add(message.policy_version)
    assert all(len(seen) == 1 for seen in of_episode.values()), "between episodes"
    last = max(r.episode for r in bag["episode_result"])
    taken = [next(iter(of_episode[episode])) for episode in range(last + 1)]
    assert set(taken) == {0, 1}
    assert taken == sorted(taken)
    runner, hierarchies = EnvRunner(task, 3, Mode.EVAL), [policy.stack(seed=3) for policy in (before, after)]
    traces = [rollout(runner, hierarchies[version], episode) for episode, version in enumerate(taken)]
    told = {(a.episode, a.step): a.value.tobytes() for a in bag["action"]}
    assert all(told[a.episode, a.step] == a.value.tobytes() for trace in traces for a in trace.actions)


def test_policies_change_between_episodes_on_both_levels_and_back(
    launch, listener, versions, policy, announce, read_bag, statuses, assert_same_run
):
    folders = [policy(version) for version in range(3)]
    graph = launch(f"task:={TASK}", f"policy:={folders[0]}", "episodes:=0", "seed:=3")
    listener.spin_until(lambda: newest(versions) == {0})
    refused = listener.call(Trigger, "worker/rollback")
    assert not refused.success
    assert "no version before 0" in refused.message
    for version in (1, 2):
        announce(folders[version])
        listener.spin_until(lambda version=version: newest(versions) == {version})
    back = listener.call(Trigger, "worker/rollback")
    assert (back.success, back.message) == (True, "version 1 acts from the next episode")
    listener.spin_until(lambda: newest(versions) == {1})
    listener.spin_until(lambda: any(s.message == "acts with policy version 1" for s in statuses))
    code, output = graph.stop()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    order = versions_by_episode(bag)
    assert [version for version, _ in itertools.groupby(order)] == [0, 1, 2, 1]
    assert graph.summary()["lost_messages"] == 0
    assert len(bag["policy_update"]) >= 1
    finished = {o.episode for o in bag["observation"] if o.last}
    whole = {topic: [m for m in bag[topic] if m.episode in finished] for topic in ("observation", "action", "subgoal")}
    whole["subgoal_result"] = [r for r in bag["subgoal_result"] if r.episode in finished]
    assert_same_run(whole, changing_rollout(folders, order[: len(finished)], seed=3))


def changing_rollout(folders, order, seed):
    """The run in one process, with the policies that the graph used."""
    checkpoints = [load_checkpoint(folder) for folder in folders]
    task = checkpoints[0].task
    runner = EnvRunner(task, seed, Mode.EVAL)
    hierarchy = checkpoints[0].stack(seed)
    (manager,), worker = hierarchy.managers, hierarchy.worker
    traces = []
    for episode, version in enumerate(order):
        manager.manager, worker.worker = checkpoints[version].manager(), checkpoints[version].worker()
        traces.append(rollout(runner, hierarchy, episode))
    return traces


def test_bad_policies_are_refused_with_a_reason_and_the_old_one_stays(
    launch, listener, versions, policy, announce, read_bag, statuses
):
    graph = launch(f"task:={TASK}", f"policy:={policy(1)}", "episodes:=0")
    listener.spin_until(lambda: newest(versions) == {1})

    def refused(reason, *names):
        def heard():
            found = {s.name for s in statuses if s.level == DiagnosticStatus.WARN and reason in s.message}
            return found >= set(names)

        listener.spin_until(heard)

    both = ("manager", "worker")
    good = policy(5)
    announce(good, sha256="0" * 64)
    refused("is not what was announced: sha256", *both)
    announce(policy(6, task=dataclasses.replace(load_task(TASK), control_period=0.05)))
    refused("control_period: 0.05 != ", *both)
    half = policy(7)
    update = {"sha256": load_checkpoint(half).weights_sha256, "version": 7, "file": str(half)}
    weights = half / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    announce(good, **update)
    refused("weights.safetensors is damaged: SHA-256", *both)
    sound = random_checkpoint(load_task(TASK), seed=8).weights
    announce(policy(8, weights={**sound, "worker.layers.0.bias": np.full(300, np.nan, np.float32)}))
    refused("holds non-finite numbers", *both)
    announce(policy(0))
    refused("not newer than version 1", *both)
    assert newest(versions) == {1}
    announce(good)
    listener.spin_until(lambda: newest(versions) == {5})
    code, output = graph.stop()
    assert code == 0, output
    assert output.count("refused policy version") == 10
    assert set(versions_by_episode(read_bag(graph.out / "bag"))) == {1, 5}


@pytest.mark.learning
def test_all_of_three_levels_take_a_policy_at_the_same_step_refuse_a_bad_one_and_go_back(
    launch, listener, versions, policy, announce, read_bag, statuses
):
    first, second = (policy(version, THREE_LEVELS) for version in (1, 2))
    graph = launch(f"policy:={first}", "episodes:=0", file="policy.launch.py")
    listener.spin_until(lambda: newest(versions) == {1})
    announce(second)
    listener.spin_until(lambda: newest(versions) == {2})
    sound = random_checkpoint(load_task(TASK), seed=3, hierarchy=THREE_LEVELS).weights
    # Only the topmost manager's part is bad: one party must not take what another has to refuse.
    spoilt = {**sound, "manager_3.layers.0.bias": np.full(300, np.nan, np.float32)}
    announce(policy(3, THREE_LEVELS, weights=spoilt))
    refusal = "manager_3: tensor 'layers.0.bias' holds non-finite numbers"

    def refused_by():
        return {s.name for s in statuses if s.level == DiagnosticStatus.WARN and refusal in s.message}

    listener.spin_until(lambda: refused_by() >= set(THREE_LEVELS.parties))
    back = listener.call(Trigger, "manager_2/rollback")
    assert (back.success, back.message) == (True, "version 1 acts from the next episode")
    listener.spin_until(lambda: newest(versions) == {1})
    code, output = graph.stop()
    assert code == 0, output
    bag = read_bag(graph.out / "bag")
    assert {subgoal.level for subgoal in bag["subgoal"]} == {0, 1, 2}
    assert [version for version, _ in itertools.groupby(versions_by_episode(bag))] == [1, 2, 1]
    assert graph.summary()["lost_messages"] == 0


@pytest.mark.learning
@pytest.mark.parametrize(
    ("hierarchy", "victims"),
    [(None, ["worker"]), (None, ["manager"]), (None, ["manager", "worker"]), (FLAT, ["worker"])],
    ids=["worker", "manager", "both", "flat"],
)
def test_restarted_node_goes_on_with_the_policy_in_force(
    launch, listener, versions, observe, policy, announce, read_bag, hierarchy, victims
):
    """As its peers say, or, where there are none that know, as it has kept itself."""
    folders = [policy(version, hierarchy) for version in range(3)]
    graph = launch(f"policy:={folders[0]}", "episodes:=0", "respawn:=true", file="policy.launch.py")
    acting = {-1} if hierarchy == FLAT else set()
    listener.spin_until(lambda: newest(versions) == {0} | acting)
    announce(folders[1])
    listener.spin_until(lambda: newest(versions) == {1} | acting)
    # In mid-episode, with a still newer policy announced: the restarted node must not act with that one yet.
    count = len(observe)
    listener.spin_until(lambda: len(observe) > count and 5 < observe[-1].step < 30)
    for victim in victims:
        graph.node(victim).kill()
    announce(folders[2])
    listener.spin_until(lambda: newest(versions) == {2} | acting)
    code, output = graph.stop()
    assert code == 0, output
    order = versions_by_episode(read_bag(graph.out / "bag"))
    assert sorted(set(order)) == [0, 1, 2]
    assert order == sorted(order)
