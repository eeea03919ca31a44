"""How benchmarks of learning measure: alternating repetitions, the best of each, the machine's own limit."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

REPETITIONS = 15


def best_seconds(*functions: Callable[[], object], calls: int = 10) -> list[float]:
    """Seconds per call of each function: best of many short repetitions, taken in turn to share noise."""
    best = [float("inf")] * len(functions)
    for _ in range(REPETITIONS):
        for i, function in enumerate(functions):
            started = time.perf_counter()
            for _ in range(calls):
                function()
            best[i] = min(best[i], (time.perf_counter() - started) / calls)
    return best


def matmul_flops() -> float:
    """Measured floating-point operations per second of a large float32 matrix product."""
    size = 1024
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / best_seconds(lambda: a @ b, calls=2)[0]


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "machine": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
