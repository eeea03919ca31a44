"""Pieces of work at once: every one is done, whatever becomes of the others."""

import threading

import pytest
import torch

from hrl_core.training.at_once import AtOnce


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_results_come_in_the_order_of_the_work(cores):
    assert AtOnce(cores)(lambda: "first", [lambda k=k: k for k in range(5)]) == ("first", [0, 1, 2, 3, 4])


def test_with_two_cores_work_is_done_at_once():
    together = threading.Barrier(2, timeout=10)
    AtOnce(2)(together.wait, [together.wait])


@pytest.mark.parametrize("failing", ["first", "other"])
def test_a_failure_is_raised_when_all_have_ended(failing):
    ended, may_end = [], threading.Event()

    def fail():
        may_end.set()
        raise ZeroDivisionError

    def go_on():
        may_end.wait(10)
        ended.append(1)

    first, other = (fail, go_on) if failing == "first" else (go_on, fail)
    with pytest.raises(ZeroDivisionError):
        AtOnce(2)(first, [other])
    assert ended


def test_a_thread_beside_uses_as_many_threads_as_its_caller():
    assert AtOnce(2)(torch.get_num_threads, [torch.get_num_threads] * 3) == (
        torch.get_num_threads(),
        [torch.get_num_threads()] * 3,
    )
