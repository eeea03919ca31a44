"""The same work for each of many things, in this process or in several."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from hrl.policies.each import at_once, in_turn
from hrl_core.errors import HrlError, TaskError
from hrl_core.task.text import load_task


def test_several_processes_come_to_what_one_does() -> None:
    items = ["ant_maze", "cart_pole", "pendulum"]
    assert at_once(2)(load_task, items) == in_turn(load_task, items)
    assert at_once(2)(pow, [2, 3], 5) == [32, 243]


def test_what_one_of_them_raises_is_raised() -> None:
    with pytest.raises(TaskError, match="unknown task 'nowhere'"):
        at_once(2)(load_task, ["ant_maze", "nowhere"])


def test_one_that_is_killed_is_told_and_no_traceback() -> None:
    with pytest.raises(HrlError, match="a process at work was killed"):
        at_once(2)(os._exit, [1, 1])


_AT_WORK = """
import sys
sys.path[:] = filter(None, sys.path)
from time import sleep
from hrl.policies.each import at_once
at_once(2)(sleep, [600, 600])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_none_of_them_outlives_who_has_started_them(number: int) -> None:
    begun = subprocess.Popen([sys.executable, "-c", _AT_WORK], stderr=subprocess.DEVNULL)
    try:
        # Two at work, and the tracker of multiprocessing.
        while len(psutil.Process(begun.pid).children()) < 3:
            assert begun.poll() is None
            time.sleep(0.05)
        processes = psutil.Process(begun.pid).children()
    finally:
        begun.send_signal(number)
    begun.wait(20)
    _, alive = psutil.wait_procs(processes, 20)
    assert not alive
