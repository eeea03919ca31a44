"""Who evaluates the policies of a training, and whether that goes on meanwhile."""

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Protocol

import torch

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments
from hrl_core.parent_process import end_with_parent
from hrl_core.threads import limit_threads
from hrl_core.training.evaluate import EvaluationResult, evaluate_checkpoint

_log = logging.getLogger(__name__)


class Closable(Environments, Protocol):
    """Environments that end with the process that they were made in."""

    def close(self) -> None:
        """Free what they hold."""
        ...


MakeEnvs = Callable[[], Closable]
LONG = 2.0
"""Seconds of an evaluation from which on the next ones are worth a process, which takes that long to start."""
_STOPS = (signal.SIGINT, signal.SIGTERM)
_CLOSING = 2.0
"""Seconds in which a process that is no longer needed may close its environments."""


class Evaluations:
    """Evaluates a training's policies, one at a time: waited for, or by a process beside it that is not."""

    def __init__(self, envs: Environments | None, make_envs: MakeEnvs | None = None) -> None:
        """No process yet.

        Args:
            envs: what policies are evaluated in; None: they are not.
            make_envs: makes the same ones in a process beside this one, once an evaluation was long: a function of a
                module, or a partial one; None: none is ever started.
        """
        self._envs, self._make_envs, self._here_took = envs, make_envs, 0.0
        self._process: _Process | None = None
        self.cpu_seconds = 0.0
        """Of the process, for the evaluations that are over."""

    @property
    def made(self) -> bool:
        """Whether policies are evaluated at all."""
        return self._envs is not None

    def begin(self, policy: Checkpoint, wait: bool) -> list[EvaluationResult] | None:
        """Evaluate a policy, or have the process begin with it as it is now: then None, and ``result`` will tell."""
        if self._make_envs is None or self._here_took < LONG or wait:
            return self._here(policy)
        try:
            self._process = self._process or _Process(self._make_envs)
            self._process.connection.send(policy)
        except (OSError, AssertionError):  # No more processes, or this is one that may have none.
            return self._alone(policy)
        return None

    @property
    def ready(self) -> bool:
        """Whether ``result`` does not have to wait for the process."""
        return self._process is None or self._process.connection.poll()

    def result(self, policy: Checkpoint) -> list[EvaluationResult]:
        """What became of the policy that was begun with; evaluated here where no process did, or it has ended."""
        if self._process is None:
            return self._here(policy)
        begun = time.perf_counter()
        try:
            results, cpu_seconds = self._process.connection.recv()
        except (EOFError, OSError):
            return self._alone(policy)
        self.cpu_seconds += cpu_seconds
        if time.perf_counter() - begun > self._here_took:
            # Waited for longer than for all cores: the process has too few of them.
            self.close()
            self._make_envs = None
        return results

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.close()
        self._process = None

    def _alone(self, policy: Checkpoint) -> list[EvaluationResult]:
        """Without the process from now on; what went wrong there goes wrong here as well, or does not matter."""
        _log.warning("the process that evaluates has ended: evaluations are made by this one from now on")
        self.close()
        self._make_envs = None
        return self._here(policy)

    def _here(self, policy: Checkpoint) -> list[EvaluationResult]:
        if self._envs is None:
            return []
        begun = time.perf_counter()
        results = evaluate_checkpoint(policy, self._envs)
        self._here_took = time.perf_counter() - begun
        return results


class _Process:
    """Evaluates what is sent to it; it ends with this process, however that ends."""

    def __init__(self, make_envs: MakeEnvs) -> None:
        # A copy of this process would have its locks, but not its threads.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_envs, torch.get_num_threads()), daemon=True)
        resource_tracker.ensure_running()  # It would not leave the signals blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # It does not listen to the SIGTERM that daemons are sent at the end.
        Finalize(self, self._process.kill, exitpriority=1)
        # Held by it alone: once it is gone, whoever waits for it is told.
        theirs.close()

    def close(self) -> None:
        self.connection.close()
        self._process.join(_CLOSING)
        self._process.kill()
        self._process.join()


def _serve(parent: Connection, make_envs: MakeEnvs, threads: int) -> None:
    """Evaluate what is sent, as long as there is a parent."""
    for number in _STOPS:
        # The parent's to answer. Not ignored: processes of the environments would inherit that.
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    end_with_parent(_CLOSING)
    limit_threads(threads)
    # Whatever fails ends the process: the parent then does the same, and meets the error where it can be told.
    with suppress(Exception):
        envs = make_envs()
        try:
            while True:
                policy, begun = parent.recv(), time.process_time()
                parent.send((evaluate_checkpoint(policy, envs), time.process_time() - begun))
        finally:
            envs.close()
