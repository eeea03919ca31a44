"""Collectors that are lost, or cannot be made: the others collect everything. Ray is played by a few lines."""

import logging
from typing import Any

import pytest

from hrl_core.errors import HrlError
from hrl_core.training.rounds.blocks import Block, Collected

BLOCKS = [Block(number, 1) for number in range(48)]
POLICY: Any = "policy"


def begin(count, make, *given):
    # Not before Ray is played.
    from hrl_cluster.collectors import RayCollectors

    return RayCollectors(count, make, *given)


def collect(block, policy):
    return Collected(block, [], 0.0)


def make():
    return collect


def test_where_half_of_the_collectors_are_lost_for_good_the_others_collect_all_blocks(world):
    made = begin(24, make)
    for block in BLOCKS:
        made.submit(block, POLICY)
    world.lost = set(range(12))
    assert [made.next(block).block for block in BLOCKS] == BLOCKS
    for block in BLOCKS:
        made.submit(block, POLICY)
    assert {made.next(None).block for _ in BLOCKS} == set(BLOCKS)


def test_who_collects_nothing_yet_when_it_is_lost_costs_no_try(world):
    made = begin(24, make)
    made.submit(BLOCKS[0], POLICY)
    world.lost = set(range(23))
    assert made.next(BLOCKS[0]).block == BLOCKS[0]


def test_a_block_that_kills_whoever_collects_it_is_given_up(world):
    made = begin(3, make)
    world.killers = {BLOCKS[1]}
    for block in BLOCKS[:3]:
        made.submit(block, POLICY)
    assert made.next(BLOCKS[0]).block == BLOCKS[0]
    with pytest.raises(HrlError, match="block 1 was lost 10 times: the actor is unavailable"):
        made.next(BLOCKS[1])


def test_where_all_are_lost_the_block_waits_for_the_first_that_is_begun_anew(world, monkeypatch, caplog):
    made = begin(2, make)
    made.submit(BLOCKS[0], POLICY)
    world.lost = {0, 1}
    monkeypatch.setattr(made, "_tell_missing", lambda: world.lost.discard(1))
    assert made.next(BLOCKS[0]).block == BLOCKS[0]


def test_collectors_that_cannot_be_made_are_told_and_end_the_command(world):
    def broken():
        raise KeyError("no such thing")

    with pytest.raises(HrlError, match=r"a collector cannot be made on .*: KeyError: 'no such thing'"):
        begin(3, broken)
    world.never_made = set(range(10))
    with pytest.raises(HrlError, match="a collector cannot be made: ModuleNotFoundError: no module 'hrl'"):
        begin(3, make)


@pytest.mark.parametrize("late", [False, True], ids=["at the beginning", "later"])
@pytest.mark.parametrize("why", ["refusal", "not made"])
def test_one_that_cannot_collect_is_told_and_left_out_where_others_do(world, caplog, late, why):
    def strange():
        if why == "refusal" and len(world.actors) == 1:
            raise HrlError("rounds exact: node b computes otherwise")
        return collect

    if why == "not made":
        world.never_made = {1}
    world.coreless = {1} if late else set()
    with caplog.at_level(logging.WARNING):
        made = begin(3, strange)
        world.coreless = set()
        for block in BLOCKS:
            made.submit(block, POLICY)
        assert [made.next(block).block for block in BLOCKS] == BLOCKS
    word = {"refusal": "node b computes otherwise", "not made": "ModuleNotFoundError"}[why]
    assert [f"a collector is left out: {word}" in line or word in line for line in caplog.messages].count(True) == 1
    assert len(made._turns) == 2
