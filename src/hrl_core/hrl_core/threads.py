"""One thread for policies: quicker for one observation at a time, and the same bits wherever they run."""

import os
import sys
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits


def usable_cores(asked: int = 0) -> int:
    """So many cores; 0: all that this process may use."""
    return asked or len(os.sched_getaffinity(0))


def one_thread() -> AbstractContextManager[object]:
    """Limit matrix products of NumPy and torch to one thread, at once.

    A matrix-vector product summed by two threads may differ in its last bit from one summed by one. A process that only
    acts never leaves the context.
    """
    return limit_threads(1)


def limit_threads(count: int) -> AbstractContextManager[object]:
    """Limit matrix products of NumPy and torch, both of which learning uses, to ``count`` threads, at once.

    Leaving the context restores NumPy's threads. A torch that is imported later keeps its own: acting does without.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
    return threadpool_limits(limits=count, user_api="blas")


def matrix_libraries() -> dict[str, dict[str, Any]]:
    """Library, kernel and threads of the matrix products of NumPy and, where it is loaded, torch.

    The kernel decides speed and last bits; the environment may choose it (``OPENBLAS_CORETYPE``).
    """
    found: dict[str, dict[str, Any]] = {}
    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            library = " ".join(filter(None, (pool["internal_api"], pool["version"])))
            kernel = pool.get("architecture")
            found["numpy"] = {"library": library, "kernel": kernel, "threads": pool["num_threads"]}
    torch = sys.modules.get("torch")
    if torch is not None:
        library = "mkl" if torch.backends.mkl.is_available() else "other"
        kernel = torch.backends.cpu.get_cpu_capability()
        found["torch"] = {"library": library, "kernel": kernel, "threads": torch.get_num_threads()}
    return found
