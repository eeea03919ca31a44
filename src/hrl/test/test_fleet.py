"""Many robots at a glance: worst level, rates, how far policies are behind, whose clock goes wrong."""

import pytest
from rich.console import Console

from hrl.watching.fleet import Fleet
from hrl.watching.node_states import NodeStates

NOW = 100.0


@pytest.fixture
def states():
    """Two robots on two machines, and what learns from them."""
    heard = NodeStates()
    for number, host in enumerate(("workstation", "arm-7")):
        robot, here = f"fleet/robot_{number + 1}", {"host": host}
        simulator = {"action [Hz]": f"{9.5 + number}", "real-time factor": "0.99", "missed deadlines": str(3 * number)}
        worker = {"policy version": str(4000 - 1000 * number), "latency p99 [ms]": "2.5", "missed deadlines": "1"}
        heard.hear(f"{robot}/simulator", 0, "running", simulator | here, NOW, 0.001 + 2.5 * number)
        heard.hear(f"{robot}/worker", number, "late", worker | here, NOW, 0.004 + 2.5 * number)
        heard.hear(f"{robot}/recorder", 0, "recording", {"observations": "1200"} | here, NOW)
    figures = {"env_steps": "2400", "worker/updates": "5000", "owed_updates": "8", "policy version": "5000"}
    heard.hear("fleet/trainer", 0, "training", figures, NOW)
    return heard


def test_a_row_a_robot(states):
    first, second = Fleet(states, NOW).rows
    assert (first.robot, first.level, first.nodes, first.hosts) == ("fleet/robot_1", "OK", 3, ("workstation",))
    assert (first.actions, first.real_time, first.latency_p99, first.missed) == (9.5, 0.99, 2.5, 1)
    assert (first.recorded, first.policy, first.behind) == (1200, 4000, 1000)
    assert (second.level, second.missed, second.behind) == ("WARN", 4, 2000)


def test_a_robot_of_which_nothing_is_heard_any_more_is_told_first_of_all(states):
    later = NOW + 10
    states.hear("fleet/robot_1/simulator", 0, "running", {}, later)
    first, second = Fleet(states, later).rows
    assert (first.level, second.level) == ("SILENT", "SILENT")
    assert first.actions is None


def test_without_a_trainer_the_newest_policy_is_that_of_whoever_has_it():
    states = NodeStates()
    for robot, version in (("a", 7), ("b", 3)):
        states.hear(f"{robot}/worker", 0, "acting", {"policy version": str(version)}, NOW)
    states.hear("worker", 0, "acting", {}, NOW)
    assert [(row.robot, row.behind) for row in Fleet(states, NOW).rows] == [("", None), ("a", 0), ("b", 4)]


def test_clocks_that_differ_are_named_by_the_shortest_way_of_their_words(states):
    data = Fleet(states, NOW).as_data()
    assert data["delays"] == {"arm-7": pytest.approx(2.501), "workstation": pytest.approx(0.001)}
    assert data["learning"] == {"fleet/trainer": {"level": "OK", "steps": 2400, "updates": 5000, "owed": 8}}
    assert [row["robot"] for row in data["robots"]] == ["fleet/robot_1", "fleet/robot_2"]
    states.hear("fleet/robot_2/worker", 0, "", {"host": "arm-7"}, NOW, -0.3)
    assert Fleet(states, NOW).as_data()["delays"]["arm-7"] == -0.3


@pytest.mark.parametrize("width", [200, 40])
def test_people_are_told_the_same(states, width):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))
    console.print(Fleet(states, NOW).as_table())
    text = " ".join(console.export_text().split())
    assert "2 robots, 1 not well, 20 actions/s, 10 Hz each (median)" in text
    assert "fleet/trainer: OK, training, 2400 steps, 5000 updates, 8 owed" in text
    assert "the clock of arm-7 is 2.50 s behind this machine's" in text
    assert "workstation is" not in text


def test_thirty_two_robots_fit_a_screen():
    states = NodeStates()
    for number in range(32):
        states.hear(f"robot_{number:02}/worker", 0, "acting", {"policy version": "1"}, NOW)
    console = Console(width=120, record=True, file=open("/dev/null", "w"))
    console.print(Fleet(states, NOW).as_table())
    assert len(console.export_text().splitlines()) < 40
