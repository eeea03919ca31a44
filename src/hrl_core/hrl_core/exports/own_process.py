"""Work in a process of its own, for libraries that crash instead of raising."""

import faulthandler
import gc
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

_STDERR = 2


def in_own_process(work: Callable[[], object], what: str) -> None:
    """Do ``work`` in a copy of this process, whose crash is an error here.

    The copy is a fork: what ``work`` needs is there without being sent. ``work`` leaves files, nothing else.

    Args:
        work: what to do; it must not need threads of this process.
        what: who works, for people.

    Raises:
        OSError: the process was killed or crashed.
        Exception: whatever ``work`` raised, with its traceback as the cause.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    # A daemon: this process does not end before it, and ends it.
    process = context.Process(target=_run, args=(work, theirs), daemon=True)
    try:
        process.start()
        theirs.close()
        outcome = _outcome(ours)
        process.join()
    except BaseException:
        process.kill()
        raise
    finally:
        ours.close()
    if outcome is None:
        raise OSError(f"{what} {_death(process.exitcode)}, perhaps because the disk is full")
    error, place = outcome
    if error is not None:
        raise error from RuntimeError(f"in the process of {what}:\n{place}")


Outcome = tuple[Exception | None, str]


def _run(work: Callable[[], object], parent: Connection) -> None:
    # A library that crashes complains at length first; what counts is sent, and the crash is told by who waits.
    faulthandler.disable()
    # What the copied process no longer uses belongs to threads and libraries that are not copied: nobody frees it here.
    gc.freeze()
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    try:
        work()
    except Exception as error:
        parent.send((error, traceback.format_exc()))
    else:
        parent.send((None, ""))


def _outcome(process: Connection) -> Outcome | None:
    """What the process says in the end; None: it died before."""
    try:
        return process.recv()
    except EOFError:
        return None


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"died of {signal.Signals(-code).name}"
    return f"ended with code {code}"
