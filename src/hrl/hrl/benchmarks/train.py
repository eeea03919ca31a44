"""The whole HIRO loop at update ratio 1, batch 128: the trainer against a plain loop of the same arithmetic."""

import dataclasses
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from hrl.benchmarks.measuring import (
    Figures,
    LearningBenchmark,
    best_seconds,
    forward_flops,
    matmul_flops,
    report,
    update_flops,
)
from hrl.benchmarks.plain_hiro import PlainHiro
from hrl.benchmarks.relabel import make_sensitive
from hrl.benchmarks.update import BATCH, CONFIG, goal_space
from hrl_core.algorithms.hiro.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.learner import HiroLearner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.learners.device_names import CPU
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.choose_device import with_device
from hrl_core.training.choose_products import AUTO, with_products
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer

WARM_UP, STEPS, REPETITIONS = 600, 40, 20


@dataclass(frozen=True)
class TrainBenchmark(LearningBenchmark):
    """Measure the trainer and a plain loop of the same arithmetic in one process, in turn."""

    preset: Literal["", "paper", "fast"] = ""
    """Instead: whole iterations of the trainer with the switches of a preset, with overlap and without, in turn."""
    device: str = ""
    """With --preset: where its levels make their updates (cpu, cuda, cuda:N). Measured is the same: environment steps
    per second of whole iterations, acting, drawing and copies to the device included. Called with cpu and with cuda it
    tells what the device brings."""


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(TrainBenchmark, args=arguments, prog="hrl bench train")
    if options.device and not options.preset:
        raise HrlError(f"--device {options.device}: give --preset paper or fast, whose iterations are measured there")
    report("train", partial(measure_preset, options.preset, options.device) if options.preset else measure, options)


def measure_preset(name: str, device: str = "", threads: int = 1) -> Figures:
    """Time whole iterations of a preset on Ant Maze with overlap and without, its updates made on a device.

    Raises:
        HrlError: there is no such device here.
    """
    del threads
    at_once, in_turn = (preset_trainer(name, overlap, device or CPU) for overlap in (True, False))
    seconds = best_seconds(at_once.iterate, in_turn.iterate, calls=5)
    at_once_rate, in_turn_rate = (at_once.config.num_envs / s for s in seconds)
    return {
        "ratio": at_once_rate / in_turn_rate,
        "unit": "env steps/s",
        "overlap": at_once_rate,
        "in_turn": in_turn_rate,
        "device": device or CPU,
        "cores": len(os.sched_getaffinity(0)),
    }


def preset_trainer(name: str, overlap: bool, device: str) -> Trainer:
    """A trainer of the preset that has begun to learn at both levels on a device."""
    spec, chosen = load_task("ant_maze"), with_device(preset(name), device)
    starts = {"learning_starts": WARM_UP, "manager_learning_starts": WARM_UP, "warm_start_steps": WARM_UP}
    config = chosen.changed({**starts, "replay": 60_000, "overlap": overlap})
    envs = VectorEnv(spec, config.num_envs, seed=0, stagger=config.stagger)
    config = with_products(config, AUTO, lambda: HiroLearner(spec, config.agent, envs, 0))
    trainer = Trainer(spec, config, envs, None, Path(tempfile.gettempdir()) / "unused", seed=0)
    while trainer.env_steps < 2 * WARM_UP:
        trainer.iterate()
    return trainer


def measure(threads: int = 1) -> Figures:
    """Time the loop with and without off-policy correction."""
    spec = load_task("ant_maze")
    ours, theirs = seconds_per_step(spec, 10)
    ours_off, theirs_off = seconds_per_step(spec, 0)
    limit = flops_per_step(spec, 10) / matmul_flops()
    return {
        "ratio": theirs / ours,
        "unit": "env steps/s",
        "fast": 1 / ours,
        "reference": 1 / theirs,
        "reference_is": "plain loop: one environment, separate modules under autograd, lists, candidate by candidate",
        "arithmetic_limit": 1 / limit,
        "fraction_of_limit": limit / ours,
        "arithmetic_limit_is": "matrix products of the updates and of a full candidate search, no simulation",
        "ratio_without_correction": theirs_off / ours_off,
        "fast_without_correction": 1 / ours_off,
        "reference_without_correction": 1 / theirs_off,
    }


def hiro_config(candidates: int) -> HiroConfig:
    """The paper's switches at batch 128."""
    return HiroConfig(worker=CONFIG.worker, manager=TD3Config(batch_size=BATCH), candidates=candidates)


def warm_trainer(spec: TaskSpec, candidates: int) -> Trainer:
    """The trainer, past its warm-up."""
    agent = dataclasses.replace(hiro_config(candidates), replay=20_000, learning_starts=WARM_UP, overlap=False)
    config = TrainConfig(agent=agent, num_envs=20)
    envs = VectorEnv(spec, config.num_envs, seed=0)
    config = with_products(config, AUTO, lambda: HiroLearner(spec, agent, envs, 0))
    trainer = Trainer(spec, config, envs, None, Path(tempfile.gettempdir()) / "unused", seed=0)
    assert isinstance(trainer.learner, HiroLearner)
    worker = trainer.learner.agent.worker
    assert isinstance(worker, FastTD3)
    make_sensitive(worker)
    while trainer.env_steps < WARM_UP:
        trainer.iterate()
    return trainer


def warm_plain(spec: TaskSpec, candidates: int) -> PlainHiro:
    """The plain loop, past its warm-up."""
    plain = PlainHiro(goal_space(spec), hiro_config(candidates), 0, np.random.default_rng(0))
    for _ in range(WARM_UP):
        plain.step(learn=False)
    return plain


def seconds_per_step(spec: TaskSpec, candidates: int) -> tuple[float, float]:
    """Best of a few repetitions, taken in turn: trainer, plain loop."""
    trainer, plain = warm_trainer(spec, candidates), warm_plain(spec, candidates)
    best = [float("inf")] * 2
    for _ in range(REPETITIONS):
        started, before = time.perf_counter(), trainer.env_steps
        while trainer.env_steps < before + STEPS:
            trainer.iterate()
        middle = time.perf_counter()
        for _ in range(STEPS):
            plain.step()
        ended = time.perf_counter()
        best = [min(best[0], (middle - started) / STEPS), min(best[1], (ended - middle) / STEPS)]
    return best[0], best[1]


def flops_per_step(spec: TaskSpec, candidates: int) -> float:
    """Matrix products per environment step: a worker update, and 1 / c of a manager update with its search."""
    config = hiro_config(candidates)
    space = goal_space(spec)
    worker, manager = worker_actor_config(space, config), manager_actor_config(space, config)
    search = forward_flops(worker, BATCH * candidates * space.level.horizon)
    return update_flops(config.worker, worker) + (update_flops(config.manager, manager) + search) / space.level.horizon
