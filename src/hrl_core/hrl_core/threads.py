"""One thread for policies: quicker for one observation at a time, and the same bits wherever they run."""

import sys
from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


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
