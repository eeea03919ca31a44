"""Collectors of episodes as Ray actors: a process each, with environments that stay."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from hrl_cluster.calls import LostError
from hrl_cluster.connection import first_line
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.errors import HrlError
from hrl_core.threads import one_thread
from hrl_core.training.rounds.blocks import Block, Collected

Collect = Callable[[Block, Checkpoint], Collected]
TRIES = 10
"""How often a block is handed out whose collectors are lost."""
_PAUSE = 1.0
"""Seconds before the next try: it takes some until a lost node is known as lost."""


class RayCollectors:
    """So many collectors; block after block is handed to the next of them. A ``Collectors``.

    A collector whose process or node is lost is begun anew where there is a core, and another one collects its block.
    """

    def __init__(self, count: int, make: Callable[..., Collect], *given: object) -> None:
        """Begin them.

        Args:
            count: of collectors, which take a core each.
            make: of a module; makes what collects a block of what is ``given``, once for each of them.
            given: to each.

        Raises:
            HrlError: what is given cannot be collected; of the first that has begun.
        """
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": -1}
        actor = ray.remote(**options)(_Collector)
        self._turns: deque[Any] = deque(actor.remote(make, *given) for _ in range(count))
        self._policy: tuple[Checkpoint | None, Any] = None, None
        self._waiting: dict[Any, _Task] = {}
        (first,), _ = ray.wait([actor.require.remote() for actor in self._turns], num_returns=1)
        # One that is lost is begun anew.
        with suppress(RayActorError):
            _got(first)

    def submit(self, block: Block, policy: Checkpoint) -> None:
        """Have a block collected by a policy as it is now."""
        if self._policy[0] is not policy:
            self._policy = policy, ray.put(policy)
        self._send(_Task(block, self._policy[1]))

    def next(self, block: Block | None) -> Collected:
        """A block that was submitted; None: whichever comes first.

        Raises:
            HrlError: it could not be collected.
        """
        while True:
            calls = [call for call, task in self._waiting.items() if block in (None, task.block)]
            (call,), _ = ray.wait(calls, num_returns=1)
            task = self._waiting.pop(call)
            try:
                return _got(call)
            except RayTaskError:
                raise
            except RayError as error:
                if task.tries == TRIES:
                    raise LostError(f"block {task.block.number} was lost {TRIES} times: {first_line(error)}") from None
            # Its collector is gone, or cannot be reached.
            time.sleep(_PAUSE)
            self._send(task._replace(tries=task.tries + 1))

    def _send(self, task: "_Task") -> None:
        call = self._turns[0].collect.remote(task.block, task.policy)
        self._turns.rotate(-1)
        self._waiting[call] = task


def _got(call: Any) -> Any:  # noqa: ANN401 - Ray's
    """The result of a call; what a collector has refused as it was raised there."""
    try:
        return ray.get(call)
    except RayTaskError as error:
        if isinstance(error.cause, HrlError):
            raise error.cause from None
        raise


class _Task(NamedTuple):
    """What a collector is to do."""

    block: Block
    policy: Any
    """Ray's reference of it."""
    tries: int = 1


class _Collector:
    """On a node."""

    def __init__(self, make: Callable[..., Collect], *given: object) -> None:
        one_thread()
        self._refusal: HrlError | None = None
        try:
            self._collect = make(*given)
        except HrlError as refusal:
            # Raised here, it would be told as the loss of this process.
            self._refusal = refusal

    def require(self) -> None:
        """Raise ``HrlError`` where nothing can be collected."""
        if self._refusal is not None:
            raise self._refusal

    def collect(self, block: Block, policy: Checkpoint) -> Collected:
        """Collect a block; raises ``HrlError`` where that cannot be."""
        self.require()
        return self._collect(block, policy)
