"""A node's process ends, whatever the middleware does with it; its node is made safe and released before."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hrl_ros import running

pytestmark = pytest.mark.ros
DOMAIN = "33"
PROGRAM = """
import ctypes, sys
import rclpy
from hrl_core.errors import HrlError
from hrl_ros import running
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters

class Node(HrlNode):
    def __init__(self):
        super().__init__("stub", NodeParameters)

    def setup(self):
        pass

    def start(self):
        if "fails" in sys.argv:
            raise HrlError("the cause")
        self.finished = True

# A lock that is never given back. Not CDLL, which would let Python go on meanwhile.
mutex, lock = ctypes.create_string_buffer(64), ctypes.PyDLL(None).pthread_mutex_lock
rclpy.try_shutdown = lambda: (print('done', flush=True), lock(mutex), lock(mutex))
running.main_of(Node)()
"""
FAILING = """
import sys
from hrl_core.errors import HrlError
from hrl_ros import running
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters

class Node(HrlNode):
    def __init__(self):
        super().__init__("stub", NodeParameters)

    def start(self):
        # As a service's: nothing guards it.
        self.create_timer(0.01, self._break)

    def _break(self):
        raise {"HrlError": HrlError, "ValueError": ValueError}[sys.argv[1]]("the cause")

    def stop(self):
        print("made safe", flush=True)
        raise HrlError("another error")

    def teardown(self):
        print("released, for", self.failure.splitlines()[0], flush=True)
        raise HrlError("another error")

running.main_of(Node)()
"""


@pytest.mark.parametrize(("error", "told"), [("HrlError", "the cause"), ("ValueError", "internal error:")])
def test_one_that_fails_where_nothing_guards_it_is_made_safe_and_released_and_tells_the_cause(error, told):
    said, _ = (process := stub(error, program=FAILING)).communicate(timeout=30)
    assert process.returncode == running.EXIT_FAILURE
    assert f"[stub]: {told}" in said
    assert f"made safe\nreleased, for {told}\n" in said
    assert "another error" not in said


def stub(*arguments, program=PROGRAM):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"ROS_DOMAIN_ID": DOMAIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.learning
def test_one_that_has_done_everything_ends_all_the_same_and_says_where_it_hung():
    said, _ = (process := stub()).communicate(timeout=30)
    assert process.returncode == -signal.SIGALRM
    assert "in run_node" in said


def test_one_that_has_done_everything_can_be_ended_sooner():
    process = stub()
    assert process.stdout is not None
    assert "done" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=running.LEAVING_LIMIT / 2)
    assert process.returncode == -signal.SIGTERM
    assert "in run_node" in said


def test_one_that_has_failed_says_where_it_hangs_and_is_left_to_its_starter():
    process = stub("fails")
    told = ""
    while "the cause" not in told:
        told += process.stdout.readline()  # pyright: ignore[reportOptionalMemberAccess]
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    process.kill()
    assert "in run_node" in process.communicate()[0]
