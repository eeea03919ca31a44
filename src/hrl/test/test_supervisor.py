"""The supervisor ends a graph cleanly, names what died, leaves no orphan and stops the recorder last."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import yaml
from rich.console import Console

from hrl.launching.node_process import ros_arguments
from hrl.launching.supervisor import Patience
from hrl_core.errors import HrlError

DRIVER = """
import os, sys
from pathlib import Path
from rich.console import Console
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import Graph, NodeDescription
from hrl.graphs.run_folder import RunFolder
from hrl.launching.supervisor import Supervisor
nodes = [NodeDescription(f"stub_{name}", name, name) for name in sys.argv[2:]]
folder = RunFolder(Path("out"), LaunchArguments(), Path("policy"), False)
environment = {**os.environ, "AMENT_PREFIX_PATH": sys.argv[1]}
sys.exit(Supervisor(Graph(nodes=nodes, folder=folder), environment, Console()).run())
"""


def signal_when_started(stubs, count, number=signal.SIGINT):
    """Send this process a signal as soon as ``count`` nodes have started."""

    def wait_and_send():
        while len(stubs.pids()) < count:
            time.sleep(0.01)
        stubs.start_the_clock()
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait_and_send)
    thread.start()
    return thread


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


def ended(stubs):
    return [name for name, event, _ in stubs.journal if event == "ended"]


def test_the_death_of_an_onlooker_is_told_and_ends_nothing(stubs):
    stubs.add("viewer", "sys.exit(3)", expendable=True)
    stubs.add("simulator", "until_gone('viewer')", required=True)
    assert stubs.run() == 0
    assert "viewer died: exit code 3; the run goes on without it" in stubs.screen


def test_the_clean_end_of_a_required_node_ends_the_graph_with_code_0(stubs, is_alive):
    stubs.add("worker", "wait()")
    stubs.add("simulator", "until('worker started')", required=True)
    assert stubs.run() == 0
    assert ended(stubs) == ["worker"]
    assert "[worker] hello from worker" in stubs.screen
    assert not any(map(is_alive, stubs.pids()))


@pytest.mark.parametrize(
    "stuck",
    [
        "signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGALRM))",
        "signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))",
    ],
    ids=["SIGALRM of its own", "SIGTERM of ours"],
)
def test_a_node_that_has_done_everything_but_leave_the_network_has_not_failed(stubs, is_alive, stuck):
    stubs.add("worker", f"{stuck}\njournal('stuck')\nwait()")
    stubs.add("simulator", "until('worker stuck')", required=True)
    assert stubs.run() == 0
    assert "worker has ended; the middleware did not let go of it" in stubs.screen
    assert not any(map(is_alive, stubs.pids()))


def test_the_clean_end_of_another_node_ends_nothing(stubs):
    stubs.add("viewer", "")
    stubs.add("simulator", "until_gone('viewer')", required=True)
    assert stubs.run() == 0
    assert "viewer has ended" in stubs.screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_all_nodes_cleanly(stubs, is_alive, number):
    for name in ("manager", "worker", "simulator"):
        stubs.add(name, "wait()")
    thread = signal_when_started(stubs, 3, number)
    assert stubs.run() == 0
    assert stubs.elapsed() < 5
    thread.join()
    assert sorted(ended(stubs)) == ["manager", "simulator", "worker"]
    assert not any(map(is_alive, stubs.pids()))


def test_a_hangup_that_is_ignored_ends_nothing(stubs):
    """As by nohup, in a terminal that is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stubs.add("simulator", "time.sleep(1)\nprint('undisturbed', flush=True)", required=True)
        thread = signal_when_started(stubs, 1, signal.SIGHUP)
        assert stubs.run() == 0
        thread.join()
        assert "undisturbed" in stubs.screen
        assert "SIGHUP" not in stubs.screen
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_ends_what_a_script_runs_beside_itself(stubs):
    """Shells without job control have such children ignore SIGINT, whoever sends it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stubs.add("simulator", "wait()")
        thread = signal_when_started(stubs, 1)
        assert stubs.run() == 0
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_recorder_is_stopped_when_all_others_have_ended(stubs):
    stubs.add("recorder", "wait()", role="recorder")
    slow = "signal.signal(signal.SIGINT, lambda *_: (time.sleep(0.3), leave(0, None)))"
    stubs.add("manager", f"{slow}\njournal('ready')\nwait()")
    stubs.add("simulator", "until('recorder started')\nuntil('manager ready')", required=True)
    assert stubs.run() == 0
    assert ended(stubs) == ["manager", "recorder"]


def test_a_node_that_dies_is_named_and_the_rest_is_ended_in_time(stubs, is_alive):
    stubs.add("worker", "print('cause', flush=True)\nstart_the_clock()\nos.kill(os.getpid(), signal.SIGKILL)")
    stubs.add("simulator", "wait()", required=True)
    stubs.add("recorder", "wait()", role="recorder")
    assert stubs.run() == 1
    assert stubs.elapsed() < 5
    assert "worker died: killed by SIGKILL (signal 9)" in stubs.screen
    assert stubs.screen.index("cause") < stubs.screen.index("worker died")
    assert not any(map(is_alive, stubs.pids()))


def test_an_exit_code_is_reported(stubs):
    stubs.add("simulator", "sys.exit(3)", required=True)
    assert stubs.run() == 1
    assert "the run failed: simulator died: exit code 3" in stubs.screen


def test_nodes_that_ignore_signals_are_gone_within_five_seconds(stubs, is_alive):
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    deaf += "journal('deaf')\nwait()"
    stubs.add("recorder", deaf, role="recorder")
    stubs.add("worker", deaf)
    stubs.add("simulator", "until('recorder deaf')\nuntil('worker deaf')\nstart_the_clock()\nsys.exit(1)")
    assert stubs.run() == 1
    assert stubs.elapsed() < 5
    assert "worker did not end cleanly: killed by SIGKILL" in stubs.screen
    assert not any(map(is_alive, stubs.pids()))


def test_patience_with_what_does_nothing_stays_below_five_seconds():
    patience = Patience()
    assert 2 * (patience.stall + patience.terminate) < 5


def test_a_recorder_that_works_on_its_bag_is_waited_for_and_that_is_said(stubs):
    patience = Patience()
    seconds = patience.stall + patience.terminate + 0.5
    busy = f"end = time.monotonic() + {seconds}\n    while time.monotonic() < end: pass\n    leave(0, None)"
    closing = f"def close(*_):\n    {busy}\nsignal.signal(signal.SIGINT, close)"
    stubs.add("recorder", f"{closing}\njournal('ready')\nwait()", role="recorder")
    stubs.add("simulator", "until('recorder ready')", required=True)
    assert stubs.run() == 0
    assert ended(stubs) == ["recorder"]
    assert "waiting for recorder, still at work; Ctrl-C again would leave that unfinished" in stubs.screen


def test_several_signals_within_a_second_are_one(stubs):
    """As from GNU ``timeout``, which signals its child and then the whole group."""
    slow = "signal.signal(signal.SIGINT, lambda *_: (journal('asked'), until('test twice'), leave(0, None)))"
    stubs.add("worker", f"{slow}\njournal('ready')\nwait()")

    def twice():
        wait_until(lambda: "ready" in [event for _, event, _ in stubs.journal])
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: "asked" in [event for _, event, _ in stubs.journal])
        os.kill(os.getpid(), signal.SIGINT)
        with (stubs.folder / "journal").open("a") as journal:
            journal.write("test twice 0\n")

    thread = threading.Thread(target=twice)
    thread.start()
    assert stubs.run() == 0
    thread.join()
    assert ended(stubs) == ["worker"]
    assert "again" not in stubs.screen


def test_a_node_that_has_not_begun_is_ended_without_a_word(stubs):
    """Who does not catch SIGTERM yet is an interpreter that is starting: it answers SIGINT as it likes."""
    starting = "signal.signal(signal.SIGTERM, signal.SIG_DFL)\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(1))"
    stubs.add("worker", f"{starting}\njournal('starting')\nwait()")

    def stop():
        wait_until(lambda: "starting" in [event for _, event, _ in stubs.journal])
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=stop)
    thread.start()
    assert stubs.run() == 0
    thread.join()
    assert "end cleanly" not in stubs.screen


@pytest.mark.parametrize("later", [0.0, 0.01, 0.1, 0.21, 0.25])
def test_ctrl_c_around_the_restart_of_a_node_that_was_killed_is_no_failure(stubs, later):
    stubs.add("worker", "wait()", respawn=True)

    def kill_and_stop():
        wait_until(stubs.pids)
        os.kill(stubs.pids()[0], signal.SIGKILL)
        time.sleep(later)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=kill_and_stop)
    thread.start()
    assert stubs.run() == 0
    thread.join()


def test_a_second_signal_does_not_wait(stubs):
    # Deaf to both: SIGTERM goes out a moment before SIGKILL, and who is quick would end cleanly in between.
    deaf = "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, lambda *_: journal('asked'))\n"
    stubs.add("worker", f"{deaf}journal('deaf')\nwait()")

    def hurry():
        wait_until(lambda: "deaf" in [event for _, event, _ in stubs.journal])
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: "asked" in [event for _, event, _ in stubs.journal])
        time.sleep(1.1)
        stubs.start_the_clock()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=hurry)
    thread.start()
    # On a loaded machine the second signal comes late: never would it without it.
    assert stubs.supervisor(Patience(stall=60)).run() == 1
    assert stubs.elapsed() < 10
    assert "SIGINT again: not waiting any longer" in stubs.screen
    thread.join()


def test_a_node_with_respawn_is_started_again(stubs):
    marker = stubs.folder / "died"
    once = "if not marker.exists():\n    marker.touch()\n    sys.exit(1)\nwait()"
    body = f"marker = pathlib.Path({str(marker)!r})\n{once}"
    stubs.add("worker", body, respawn=True)
    stubs.add("simulator", "until('worker started', 2)", required=True)
    assert stubs.run() == 0
    assert "worker died: exit code 1; restarting it (1 of 3 in 60 s)" in stubs.screen
    assert ended(stubs) == ["worker"]


def test_a_node_that_keeps_dying_is_given_up(stubs):
    stubs.add("worker", "sys.exit(1)", respawn=True)
    stubs.add("simulator", "wait()")
    assert stubs.run() == 1
    assert [name for name, event, _ in stubs.journal if (name, event) == ("worker", "started")] == ["worker"] * 4
    assert "restarted 3 times" in stubs.screen


def test_no_orphan_survives_a_killed_supervisor(stubs, is_alive):
    stubs.add("worker", "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwait()")
    stubs.add("simulator", "wait()")
    command = [sys.executable, "-c", DRIVER, str(stubs.prefix), "worker", "simulator"]
    process = subprocess.Popen(command, cwd=stubs.folder, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(stubs.pids()) == 2, 10)
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_alive, stubs.pids())))


def test_a_reader_that_goes_away_ends_the_run(stubs):
    stubs.add("simulator", "while True:\n    print('x' * 100, flush=True)\n    time.sleep(0.01)")
    command = [sys.executable, "-c", DRIVER, str(stubs.prefix), "simulator"]
    process = subprocess.Popen(command, cwd=stubs.folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(5) == 0
    assert ended(stubs) == ["simulator"]


FLOOD = "for _ in range(200): print('x' * 10_000, flush=True)\n"
"""More than a pipe and its reader hold."""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_under_the_console_stops_no_node_and_not_the_end(stubs):
    stubs.add("worker", f"{FLOOD}journal('through')\nwait()")
    stubs.add("simulator", "until('worker through')", required=True)
    with contextlib.suppress(OSError), open("/dev/full", "w") as full:  # closing it fails, too
        code = stubs.supervisor(console=Console(file=full)).run()
    assert (code, ended(stubs)) == (0, ["worker"])


class BrokenPanel:
    """Takes every line, and breaks."""

    def takes(self, name, line):
        raise RuntimeError(f"broken by {name}")

    def close(self):
        pass


def test_a_node_is_read_from_whatever_becomes_of_its_lines(stubs, caplog):
    stubs.add("simulator", f"{FLOOD}journal('through')", required=True)
    assert stubs.supervisor(panel=BrokenPanel()).run() == 0
    assert "through" in [event for _, event, _ in stubs.journal]
    assert "a line of simulator could not be shown" in caplog.text
    assert "broken by simulator" in caplog.text


def test_what_a_node_leaves_behind_with_its_output_open_is_not_waited_for(stubs):
    left = "import subprocess\nchild = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
    stubs.add("simulator", f"{left}journal(f'left {{child.pid}}')\nstart_the_clock()", required=True)
    try:
        assert stubs.run() == 0
        assert stubs.elapsed() < 10
    finally:
        (pid,) = [int(words[2]) for words in stubs.journal if words[1] == "left"]
        os.kill(pid, signal.SIGKILL)


def test_a_missing_executable_is_named_before_anything_starts(stubs):
    stubs.add("worker", "wait()")
    (stubs.prefix / "lib" / "stub_worker" / "worker").unlink()
    with pytest.raises(HrlError, match=r"package stub_worker has no executable 'worker'.*make setup"):
        stubs.supervisor()


def test_defaults_of_the_environment_yield_to_the_users(stubs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    stubs.add("worker", "print(os.environ['OMP_NUM_THREADS'], os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'])")
    assert stubs.run() == 0
    assert "[worker] 7 LOCALHOST" in stubs.screen


def test_ros_arguments_keep_types_and_texts(stubs):
    node = stubs.add("worker", "", namespace="robot_1")
    node = replace(node, parameters={"a": True, "b": 2.0, "c": "0,16", "d": "2024", "e": ""})
    words = ros_arguments(node, "debug")
    assert words[:5] == ["--ros-args", "-r", "__node:=worker", "-r", "__ns:=/robot_1"]
    assert {"/clock:=clock", "/tf:=tf", "/tf_static:=tf_static"} <= set(words)
    assert {"a:=true", "b:=2.0", 'c:="0,16"', 'd:="2024"', 'e:=""'} <= set(words)
    assert words[-2:] == ["--log-level", "robot_1.worker:=debug"]


@pytest.mark.parametrize("text", ["runs/é", "実験/走行", "runs/🐜", 'a "b" \\ c', "a\u2028b\x85c", "yes", "1e3", ""])
def test_ros_reads_every_letter_of_a_parameter(stubs, text):
    node = replace(stubs.add("worker", ""), parameters={"out": text})
    (word,) = [word for word in ros_arguments(node, "info") if word.startswith("out:=")]
    assert yaml.safe_load(word.removeprefix("out:=")) == text
    assert word.isascii()


def test_ctrl_c_is_heard_after_nodes_have_been_started_at_the_same_moment(stubs):
    for name in ("worker", "manager", "recorder"):
        stubs.add(name, "wait()")
    nodes = stubs.supervisor()._nodes

    async def start_together():
        await asyncio.gather(*(node.start() for node in nodes))
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        for node in nodes:
            node.send(signal.SIGKILL)
            await node.end()
        return blocked

    assert signal.SIGINT not in asyncio.run(start_together())


def test_an_interrupt_while_a_node_of_ours_is_imported_waits_until_it_can_end(stubs):
    """A stub of another package hears it at once; what begins with hrl_ unblocks it itself."""
    heard = "journal('blocked' if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []) else 'open')"
    stubs.add("worker", heard)
    ours = stubs.prefix / "lib" / "hrl_stub" / "manager"
    ours.parent.mkdir(parents=True)
    shutil.copy(stubs.prefix / "lib" / "stub_worker" / "worker", ours)
    stubs.nodes.append(replace(stubs.nodes[0], package="hrl_stub", executable="manager", name="manager"))
    stubs.run()
    assert sorted(event for _, event, _ in stubs.journal if event in ("blocked", "open")) == ["blocked", "open"]
