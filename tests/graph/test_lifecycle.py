"""Nodes go up and down as often as one likes, leave nothing behind, and work afterwards."""

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

pytestmark = [pytest.mark.ros, pytest.mark.learning]
CYCLES, SETTLED = 20, 5
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
STACKS = {
    "sim": (["mode:=realtime", "rtf:=5"], ["manager", "worker", "simulator"]),
    "real": (["robot:=real", "rtf:=5", "supervise:=false"], ["manager", "worker", "bridge"]),
}


@pytest.mark.learning
@pytest.mark.parametrize("stack", list(STACKS))
def test_twenty_cycles_up_and_down_leave_nothing_behind(launch, listener, observe, stack):
    words, names = STACKS[stack]
    graph = launch(*words, "record:=false", "autostart:=false")
    clients = {name: listener.create_client(ChangeState, f"{name}/change_state") for name in names}

    def change(name, transitions):
        for transition in transitions:
            listener.spin_until(clients[name].service_is_ready)
            future = clients[name].call_async(ChangeState.Request(transition=Transition(id=transition)))
            listener.spin_until(future.done)
            assert future.result().success, (name, transition)

    def held(name):
        """Megabytes, threads, files, and what the graph shows of the node."""
        # What is gone disappears from the graph a little later.
        listener.spin_for(0.5)
        process = graph.node(name)
        publishers = len(listener.get_publisher_names_and_types_by_node(name, "/"))
        return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds(), publishers

    settled = {}
    for cycle in range(CYCLES):
        for name in names:
            change(name, UP)
        for name in reversed(names):
            change(name, DOWN)
        if cycle == SETTLED:
            settled = {name: held(name) for name in names}
    for name in names:
        before, after = settled[name], held(name)
        assert after[0] < 1.05 * before[0] + 2, f"{name}: {before[0]:.0f} MB, then {after[0]:.0f} MB"
        # What a cycle leaves behind adds up; the middleware opens a file or two when it first speaks to somebody.
        grown = [now - then for then, now in zip(before[1:], after[1:], strict=True)]
        assert max(grown) < (CYCLES - SETTLED) // 2, (name, before, after)
    for name in names:
        change(name, UP)
    seen = len(observe)
    listener.spin_until(lambda: len(observe) > seen + 30)
    # A machine that is busy may have it hold still for a step.
    listener.spin_until(lambda: observe[-1].applied_action.any())
    code, output = graph.stop()
    assert code == 0, output
