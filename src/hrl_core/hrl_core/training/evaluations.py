"""Who evaluates the policies of a training, and whether that goes on meanwhile."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments
from hrl_core.threads import limit_threads
from hrl_core.training.evaluate import EvaluationResult, evaluate_checkpoint

_log = logging.getLogger(__name__)


MakeEnvs = Callable[[], Environments]
LONG = 2.0
"""Seconds of an evaluation from which on the next ones are worth a process, which takes that long to start."""


class Evaluations:
    """Evaluates a training's policies, one at a time: waited for, or by a process beside it that is not."""

    def __init__(self, envs: Environments | None, make_envs: MakeEnvs | None = None) -> None:
        """No process yet.

        Args:
            envs: what policies are evaluated in; None: they are not.
            make_envs: makes the same ones in a process beside this one, once an evaluation was long: a function of a
                module, or a partial one; None: none is ever started.
        """
        self._envs, self._make_envs, self._long = envs, make_envs, False
        self._process: _Process | None = None
        self.cpu_seconds = 0.0
        """Of the process, for the evaluations that are over."""

    def begin(self, policy: Checkpoint, wait: bool) -> list[EvaluationResult] | None:
        """Evaluate a policy, or have the process begin with it as it is now: then None, and ``result`` will tell."""
        if self._make_envs is None or not self._long or wait:
            return self._here(policy)
        self._process = self._process or _Process(self._make_envs)
        try:
            self._process.connection.send(policy)
        except OSError:
            return self._alone(policy)
        return None

    @property
    def ready(self) -> bool:
        """Whether ``result`` does not have to wait for the process."""
        return self._process is None or self._process.connection.poll()

    def result(self, policy: Checkpoint) -> list[EvaluationResult]:
        """What became of the policy that was begun with; evaluated here where no process did, or it was killed.

        Raises:
            Exception: whatever the evaluation raised.
        """
        if self._process is None:
            return self._here(policy)
        try:
            results, cpu_seconds = self._process.result()
        except (EOFError, OSError):
            return self._alone(policy)
        self.cpu_seconds += cpu_seconds
        return results

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.close()
        self._process = None

    def _alone(self, policy: Checkpoint) -> list[EvaluationResult]:
        _log.warning("the process that evaluates was killed (memory?): evaluations are made by this one from now on")
        self.close()
        self._make_envs = None
        return self._here(policy)

    def _here(self, policy: Checkpoint) -> list[EvaluationResult]:
        if self._envs is None:
            return []
        begun = time.perf_counter()
        results = evaluate_checkpoint(policy, self._envs)
        self._long = time.perf_counter() - begun > LONG
        return results


class _Process:
    """Evaluates what is sent to it; it ends with this process, however that ends."""

    def __init__(self, make_envs: MakeEnvs) -> None:
        # A copy of this process would have its locks, but not its threads.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_envs, torch.get_num_threads()), daemon=True)
        self._process.start()
        # Held by it alone: once it is gone, whoever waits for it is told.
        theirs.close()

    def result(self) -> tuple[list[EvaluationResult], float]:
        """Results and the processor time [s] they took.

        Raises:
            EOFError, OSError: the process was killed.
            Exception: whatever the evaluation raised.
        """
        outcome = self.connection.recv()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(parent: Connection, make_envs: MakeEnvs, threads: int) -> None:
    """Evaluate what is sent, as long as there is a parent."""
    for stopped_by in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopped_by, signal.SIG_IGN)  # The parent's to answer.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_threads(threads)
    envs: Environments | None = None
    while True:
        policy, begun = parent.recv(), time.process_time()
        try:
            envs = envs or make_envs()
            outcome = evaluate_checkpoint(policy, envs), time.process_time() - begun
        except Exception as error:
            outcome = error
        parent.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
