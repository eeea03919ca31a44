"""What decides the last bits of a machine's numbers."""

import platform
from importlib.metadata import version

import torch

from hrl_core.threads import matrix_libraries


def arithmetic() -> dict[str, str]:
    """What decides the last bits of simulation and products here; where it is the same, so are they."""
    kernels = {name: f"{found['library']}, {found['kernel']}" for name, found in matrix_libraries().items()}
    versions = {name: version(name) for name in ("mujoco", "numpy", "torch")}
    return {
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "torch kernels": torch.backends.cpu.get_cpu_capability(),
        **{f"{name} products": told for name, told in kernels.items()},
        **versions,
    }
