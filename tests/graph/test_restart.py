"""The barrier: a manager or worker that is killed and started again in mid-episode changes nothing."""

import pytest

from hrl_core.types import Mode

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("victim", ["worker", "manager"])
def test_killed_node_is_restarted_and_the_trajectory_is_the_same(
    launch, listener, observe, read_bag, in_process, assert_same_run, victim
):
    graph = launch("task:=AntMaze", "episodes:=1", "seed:=2", "respawn:=true", "explore:=true")
    for step in (60, 300):
        listener.spin_until(lambda step=step: observe and observe[-1].step >= step)
        graph.node(victim).kill()
    code, output = graph.wait()
    assert code == 0, output
    assert output.count("restart") >= 2, output
    bag = read_bag(graph.out / "bag")
    assert_same_run(bag, in_process(graph.summary()["policy"], seed=2, mode=Mode.TRAIN), kills=2)
    assert graph.summary()["lost_messages"] == 0
