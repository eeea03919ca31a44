"""One thread for policies: quicker for one observation at a time, and the same bits wherever they run."""

from contextlib import AbstractContextManager

import torch
from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """Limit matrix products of NumPy and torch to one thread, at once.

    A matrix-vector product summed by two threads may differ in its last bit from one summed by one. A process that only
    acts never leaves the context.
    """
    return limit_threads(1)


def limit_threads(count: int) -> AbstractContextManager[object]:
    """Limit matrix products of NumPy and torch, both of which learning uses, to ``count`` threads, at once.

    Leaving the context restores NumPy's threads.
    """
    torch.set_num_threads(count)
    return threadpool_limits(limits=count, user_api="blas")
