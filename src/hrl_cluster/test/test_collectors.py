"""Collectors where others hold cores: who has one collects, nobody waits unsaid, results keep their order."""

import logging
import os

import pytest

from hrl_cluster.connection import LOCAL, connected
from hrl_core.errors import HrlError
from hrl_core.training.rounds.blocks import Block, Collected

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.needs("ray")]
BLOCKS = [Block(number, 1) for number in range(6)]


@pytest.fixture(scope="module")
def cluster():
    with connected(LOCAL, 2) as made:
        yield made


class Job:
    """Something else that takes a core."""

    def ready(self):
        """It has it."""


def job():
    """Begin something else, and wait until it has its core."""
    # Ray reads its environment when it is imported: not before there is a cluster.
    import ray

    other = ray.remote(num_cpus=1)(Job).remote()
    ray.get(other.ready.remote())
    return other


def end(*actors):
    """Have them give their cores back."""
    import ray

    for actor in actors:
        ray.kill(actor)


def collect(block, policy):
    """Tells who did it."""
    return Collected(block, [], float(os.getpid()))


def make(word):
    if word == "refuse":
        raise HrlError("there is nothing to collect")
    return collect


def collected(made, blocks):
    """What is collected of blocks, in the order in which they are asked for, and by which processes."""
    for block in blocks:
        made.submit(block, "policy")
    found = [made.next(block) for block in blocks]
    return [one.block for one in found], {one.cpu_seconds for one in found}


def test_a_core_that_something_else_holds_is_told_and_its_collector_comes_later(cluster, monkeypatch, caplog):
    monkeypatch.setattr("hrl_cluster.collectors.PATIENCE", 4.0)
    other = job()
    with caplog.at_level(logging.WARNING):
        made = cluster.collectors(2, make, "collect")
    told = caplog.messages[-1]
    assert told.startswith("1 of 2 collectors have begun; 0 of 2 cores are free")
    assert "until then the others collect its blocks" in told
    blocks, processes = collected(made, BLOCKS)
    assert (blocks, len(processes)) == (BLOCKS, 1)
    end(other)
    made._welcome(1, 60.0)
    blocks, processes = collected(made, BLOCKS)
    assert (blocks, len(processes)) == (BLOCKS, 2)
    end(*made._turns)


def test_who_waits_for_the_first_core_is_told_so(cluster, monkeypatch, caplog):
    from hrl_cluster.collectors import RayCollectors

    monkeypatch.setattr("hrl_cluster.collectors.PATIENCE", 1.0)
    others, tell = [job(), job()], RayCollectors._tell_missing

    def tell_and_give_back(self):
        tell(self)
        end(*others)

    monkeypatch.setattr(RayCollectors, "_tell_missing", tell_and_give_back)
    with caplog.at_level(logging.WARNING):
        made = cluster.collectors(1, make, "collect")
    assert caplog.messages[0].startswith("0 of 1 collectors have begun; 0 of 2 cores are free")
    assert "nothing is collected until then" in caplog.messages[0]
    assert collected(made, BLOCKS)[0] == BLOCKS
    end(*made._turns)


def test_with_a_core_for_each_nothing_is_told_and_all_take_part(cluster, caplog):
    with caplog.at_level(logging.WARNING):
        made = cluster.collectors(2, make, "collect")
    assert not caplog.messages
    blocks, processes = collected(made, BLOCKS)
    assert (blocks, len(processes)) == (BLOCKS, 2)
    end(*made._turns)


def test_what_cannot_be_collected_is_refused_at_once(cluster):
    with pytest.raises(HrlError, match="there is nothing to collect"):
        cluster.collectors(2, make, "refuse")
    with pytest.raises(HrlError, match="--collectors 3: there are 2 cores of this machine"):
        cluster.collectors(3, make, "collect")
