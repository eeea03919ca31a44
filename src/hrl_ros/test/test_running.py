"""A node's process ends, whatever the middleware does with it."""

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


def stub(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"ROS_DOMAIN_ID": DOMAIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
