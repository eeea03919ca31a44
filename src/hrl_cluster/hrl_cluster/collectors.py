"""Collectors of episodes as Ray actors: a process each, with environments that stay."""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError, RayTaskError

from hrl_cluster.calls import LostError
from hrl_cluster.connection import first_line
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.errors import HrlError
from hrl_core.threads import one_thread
from hrl_core.training.rounds.blocks import Block, Collected

Collect = Callable[[Block, Checkpoint], Collected]
_LOGGER = logging.getLogger(__name__)
TRIES = 10
"""How often a block is handed out whose collectors are lost."""
_PAUSE = 1.0
"""Seconds before the next try: it takes some until a lost node is known as lost."""
PATIENCE = 20.0
"""Seconds that collectors may take to begin, before people are told, and the work is begun without the rest."""


class RayCollectors:
    """So many collectors; block after block is handed to the next of those that have begun. A ``Collectors``.

    One for which there is no core takes part as soon as there is. A collector whose process or node is lost is begun
    anew where there is a core, and another one collects its block.
    """

    def __init__(self, count: int, make: Callable[..., Collect], *given: object) -> None:
        """Begin them; waits for the first as long as that takes, for the others not long.

        Args:
            count: of collectors, which take a core each.
            make: of a module; makes what collects a block of what is ``given``, once for each of them.
            given: to each.

        Raises:
            HrlError: what is given cannot be collected; of the first that has begun.
        """
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": -1}
        actor = ray.remote(**options)(_Collector)
        self._count = count
        self._turns: deque[Any] = deque()
        """Those that have begun."""
        self._coming = {begun.require.remote(): begun for begun in (actor.remote(make, *given) for _ in range(count))}
        """Those that have not, by the calls that they answer when they do."""
        self._policy: tuple[Checkpoint | None, Any] = None, None
        self._waiting: dict[Any, _Task] = {}
        while not self._turns:
            self._welcome(1, PATIENCE)
            if not self._turns:
                self._tell_missing()
        self._welcome(count, PATIENCE)
        if self._coming:
            self._tell_missing()

    def submit(self, block: Block, policy: Checkpoint) -> None:
        """Have a block collected by a policy as it is now.

        Raises:
            HrlError: a collector that has begun only now cannot collect.
        """
        self._welcome(len(self._coming), 0.0)
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

    def _welcome(self, wanted: int, patience: float) -> None:
        """Let those take part that have begun; waits for so many of them, and no longer than that [s]."""
        coming = list(self._coming)
        begun, _ = ray.wait(coming, num_returns=min(wanted, len(coming)), timeout=patience) if coming else ([], [])
        for answer in begun:
            collector = self._coming.pop(answer)
            try:
                _got(answer)
            except RayTaskError:
                raise
            except RayError:
                # One that is lost is begun anew.
                time.sleep(_PAUSE)
                self._coming[collector.require.remote()] = collector
            else:
                self._turns.append(collector)

    def _tell_missing(self) -> None:
        """Say who has not begun, and why that may be: nobody should wait for a core and not know."""
        total, free = (int(each().get("CPU", 0)) for each in (ray.cluster_resources, ray.available_resources))
        others = "until then the others collect its blocks" if self._turns else "nothing is collected until then"
        _LOGGER.warning(
            "%d of %d collectors have begun; %d of %d cores are free: does something else hold them"
            " (`ray status`)? What is missing takes part as soon as it has a core; %s. With fewer --collectors none"
            " waits",
            len(self._turns), self._count, free, total, others,
        )  # fmt: skip

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
