"""Ours and every peer that is installed, on the same work, in turn, on one core."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from hrl.benchmarks.measuring import Figures, best_seconds, matmul_flops, update_flops
from hrl.benchmarks.peers import work
from hrl.benchmarks.peers.jax_td3 import jax_updates
from hrl.benchmarks.peers.libraries import library_updates
from hrl.benchmarks.peers.torch_td3 import torch_updates
from hrl.benchmarks.peers.work import Size, Updates, random_transitions
from hrl_core.learners.devices import usable_device
from hrl_core.learners.td3 import TD3
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.training.choose_products import with_quicker_products

SIZES = tuple(Size((units, units), batch) for units in (256, 300) for batch in (128, 256))
BATCHES = (128, 1024, 8192)
"""On a device."""
REPEATED = 5
"""Measurements of which the best counts, on a device: its batches are large."""
OURS = "ours"
PEERS: dict[str, Callable[[Size], Updates]] = {
    "torch, as cleanrl": lambda size: torch_updates(size, fused=False),
    "the same, fused Adam": lambda size: torch_updates(size, fused=True),
    "stable-baselines3": lambda size: library_updates("stable_baselines3", size),
    "sbx": lambda size: library_updates("sbx", size),
    "jax": jax_updates,
}


def measure_peers(threads: int = 1) -> Figures:
    """Milliseconds per update of everyone, and ours as a share of the quickest other."""
    del threads
    with on_one_core():
        table = {size.name: _milliseconds(size) for size in SIZES}
        rate = matmul_flops()
    shares = {name: row[OURS] / min(ms for who, ms in row.items() if who != OURS) for name, row in table.items()}
    limits = {size.name: 1e3 * update_flops(td3_config(size), _actor(size)) / rate for size in SIZES}
    return {
        "ratio": shares[SIZES[0].name],
        "unit": "our time as a share of the quickest peer's, 256-256, batch 128",
        "shares": shares,
        "ms_per_update": table,
        "arithmetic_limit_ms": limits,
        "matmul_gflops": rate / 1e9,
        "missing": sorted(set(PEERS) - set(table[SIZES[0].name])),
    }


def measure_device(device: str, threads: int = 1) -> Figures:
    """Milliseconds per update of ours on a device, and as a share of the fast one's on a core of this machine.

    Raises:
        HrlError: there is no such device here.
    """
    del threads
    usable_device(device)
    table: dict[str, dict[str, float]] = {}
    for size in (Size((256, 256), batch) for batch in BATCHES):
        there = TD3(dataclasses.replace(td3_config(size), device=device), _actor(size), torch.Generator())
        both = our_updates(size), _updates(size, there)
        for updates in both:
            updates()
        ms = (1e3 * seconds / work.TOGETHER for seconds in best_seconds(*both, repetitions=REPEATED))
        table[size.name] = dict(zip((OURS, device), ms, strict=True))
    shares = {name: row[device] / row[OURS] for name, row in table.items()}
    return {
        "ratio": shares[next(iter(shares))],
        "unit": f"time on {device} as a share of the fast one's on a core, 256-256, batch {BATCHES[0]}",
        "shares": shares,
        "ms_per_update": table,
    }


def td3_config(size: Size) -> TD3Config:
    """The peers' switches as ours."""
    return TD3Config(
        hidden=size.hidden,
        actor_lr=work.LR,
        critic_lr=work.LR,
        discount=work.DISCOUNT,
        tau=work.TAU,
        policy_delay=work.POLICY_DELAY,
        batch_size=size.batch,
        target_noise=work.NOISE,
        target_noise_clip=work.NOISE_CLIP,
        action_twice=False,
    )


def our_updates(size: Size) -> Updates:
    """Ours, with the products that a run would choose here."""
    config = with_quicker_products(td3_config(size), _actor(size))
    return _updates(size, FastTD3(config, _actor(size), torch.Generator().manual_seed(0)))


def _updates(size: Size, learner: FastTD3 | TD3) -> Updates:
    replay, rng = random_transitions(), np.random.default_rng(0)

    def make() -> None:
        drawn = map(torch.from_numpy, replay.sample(work.TOGETHER * size.batch, rng))
        inputs, actions, rewards, next_inputs, discounts = drawn
        learner.update_many(TransitionBatch(inputs, actions, rewards, discounts, next_inputs), work.TOGETHER)

    return make


def _milliseconds(size: Size) -> dict[str, float]:
    everyone = {OURS: our_updates(size)}
    for name, make in PEERS.items():
        try:
            everyone[name] = make(size)
        except ImportError:
            continue
    for updates in everyone.values():
        updates()
    return dict(zip(everyone, (1e3 * s / work.TOGETHER for s in best_seconds(*everyone.values())), strict=True))


def _actor(size: Size) -> ActorConfig:
    return ActorConfig(work.INPUTS, size.hidden, (-1.0,) * work.ACTIONS, (1.0,) * work.ACTIONS)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep the process, with all threads that libraries may start, on one of its cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
