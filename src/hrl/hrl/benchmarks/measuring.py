"""How benchmarks of learning measure: alternating repetitions, the best of each, the machine's own limit."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import tyro
from rich.console import Console

from hrl.benchmarks.machine import machine
from hrl_core.errors import HrlError
from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.threads import limit_threads

REPETITIONS = 40
Figures = dict[str, Any]


@dataclass(frozen=True)
class LearningBenchmark:
    """Measure our way and the plain reference in one process, in turn."""

    threads: int = 1
    """Threads of the simulation (sim) and of matrix products (the others)."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def run_benchmark(name: str, measure: Callable[[int], Figures], arguments: Sequence[str]) -> None:
    """Parse, measure with a number of threads, print.

    Args:
        name: word after ``hrl bench``.
        measure: takes the number of threads; its figures begin with ``ratio`` and ``unit``.
        arguments: words of the command line.
    """
    report(name, measure, tyro.cli(LearningBenchmark, args=arguments, prog=f"hrl bench {name}"))


def report(name: str, measure: Callable[[int], Figures], options: LearningBenchmark) -> None:
    """Measure and print, as ``run_benchmark``."""
    if options.threads < 1:
        raise HrlError(f"--threads {options.threads}: must be 1 or more")
    with limit_threads(options.threads):
        figures = measure(options.threads)
    outcome = {"name": name, **figures, "threads": options.threads, "machine": machine()}
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
        return
    console = Console(highlight=False)
    for key, value in outcome.items():
        console.print(f"{key}: {value:.4g}" if isinstance(value, float) else f"{key}: {value}", markup=False)


def best_seconds(*functions: Callable[[], object], calls: int = 1, repetitions: int = REPETITIONS) -> list[float]:
    """Seconds per call of each function: best of many short repetitions, taken in turn to share noise.

    On a machine with other work a long repetition is never undisturbed.
    """
    best = [float("inf")] * len(functions)
    for _ in range(repetitions):
        for i, function in enumerate(functions):
            started = time.perf_counter()
            for _ in range(calls):
                function()
            best[i] = min(best[i], (time.perf_counter() - started) / calls)
    return best


def matmul_flops() -> float:
    """Measured floating-point operations per second of a large float32 matrix product by the quicker library."""
    size = 1024
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / min(best_seconds(lambda: a @ b, lambda: a.numpy() @ b.numpy()))


def update_flops(config: TD3Config, actor: ActorConfig) -> float:
    """Floating-point operations of one TD3 update, averaged over the policy delay; products of layers only."""
    inputs, actions = actor.input_dim, actor.output_dim
    h1, h2 = config.hidden
    again = actions if config.action_twice else 0
    forward = inputs * h1 + h1 * h2 + h2 * actions
    critic = (inputs + actions) * h1 + (h1 + again) * h2 + h2
    critic_backward = critic + h1 * h2 + h2
    actor_phase = forward + critic + (h1 + again) * h2 + h1 * actions + forward + h1 * h2 + h2 * actions
    per_row = forward + 2 * critic + 2 * critic + 2 * critic_backward + actor_phase / config.policy_delay
    return 2 * config.batch_size * per_row


def forward_flops(actor: ActorConfig, rows: int) -> float:
    """Floating-point operations of ``rows`` actions."""
    h1, h2 = actor.hidden
    return 2 * rows * (actor.input_dim * h1 + h1 * h2 + h2 * actor.output_dim)
