"""Who gives way of several runs in one namespace: whoever came later, and of two that came together exactly one."""

import itertools

import pytest

from hrl_core.errors import PeerError
from hrl_msgs import msg
from hrl_ros.loop.rivals import AT_WORK, PATIENCE, SETTLED, Rivals


class Namespace:
    """Topics that several runs share, and the time."""

    def __init__(self):
        self.now = 0.0
        self.runs = []

    def pass_time(self, seconds):
        """Let time pass; whoever has to give way is gone."""
        for _ in range(round(10 * seconds)):
            self.now += 0.1
            for run in list(self.runs):
                run.try_to(lambda run=run: run.check())


class Run:
    """A simulator in the namespace."""

    def __init__(self, namespace, run, stamp=0):
        self.namespace, self.id, self.answers, self.said = namespace, run, 0, ""
        self.info = msg.RunInfo(run=run)
        self.info.header.stamp.sec = stamp
        self.rivals = Rivals(self, run, lambda: self.answers, lambda: namespace.now)  # pyright: ignore
        self.rivals.announced()
        others = list(namespace.runs)
        namespace.runs.append(self)
        for other in others:
            self.try_to(lambda other=other: self.hear(other.info))
            other.try_to(lambda other=other: other.hear(self.info))

    def try_to(self, call):
        try:
            call()
        except PeerError as error:
            self.said = str(error)
            self.namespace.runs.remove(self)

    def subscribe(self, _kind, _topic, callback, _qos):
        self.hear = callback

    def every(self, _period, callback):
        self.check = callback

    def count_publishers(self, _topic):
        return len(self.namespace.runs)

    def get_namespace(self):
        return "/"

    def get_logger(self):
        return self

    def error(self, text):
        self.said = text


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
@pytest.mark.parametrize("stamp", [0, 2_000_000_000])
def test_run_at_work_stays_whatever_the_other_says_of_its_age(ids, stamp):
    namespace = Namespace()
    first = Run(namespace, ids[0], stamp=1_000_000_000)
    first.answers = 1
    namespace.pass_time(AT_WORK + 0.3)
    second = Run(namespace, ids[1], stamp)
    namespace.pass_time(PATIENCE + 0.3)
    assert namespace.runs == [first]
    assert "has appeared; its messages are ignored" in first.said
    assert "is already running in namespace '/'" in second.said


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
def test_run_that_has_waited_for_its_worker_long_stays_too(ids):
    namespace = Namespace()
    first = Run(namespace, ids[0])
    namespace.pass_time(SETTLED + 0.1)
    Run(namespace, ids[1])
    namespace.pass_time(PATIENCE + 0.3)
    assert namespace.runs == [first]


@pytest.mark.parametrize("ids", list(itertools.permutations((1, 2, 3))))
def test_of_runs_that_begin_together_exactly_one_stays_and_goes_on(ids):
    namespace = Namespace()
    runs = [Run(namespace, number) for number in ids]
    namespace.pass_time(PATIENCE + 0.3)
    assert len(namespace.runs) == 1
    assert not namespace.runs[0].rivals.contested
    assert sum("is already running" in run.said for run in runs) == 2
