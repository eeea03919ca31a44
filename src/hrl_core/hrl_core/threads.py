"""One thread for policies: quicker for one observation at a time, and the same bits wherever they run."""

from contextlib import AbstractContextManager

import torch
from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """Limit matrix products of NumPy and torch to one thread, at once.

    A matrix-vector product summed by two threads may differ in its last bit from one summed by one. Leaving the context
    restores NumPy's threads; a process that only acts never leaves it.
    """
    torch.set_num_threads(1)
    return threadpool_limits(limits=1, user_api="blas")
