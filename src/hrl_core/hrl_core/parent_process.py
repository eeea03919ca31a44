"""Processes of ``multiprocessing`` end with the one that started them, however that ends."""

import multiprocessing
import os
import threading
import time


def end_with_parent(grace: float = 0.0) -> None:
    """To be called in the process: once its parent is gone, it has so many seconds to end by itself."""
    threading.Thread(target=_watch, args=(grace,), daemon=True).start()


def _watch(grace: float) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    time.sleep(grace)
    os._exit(1)
