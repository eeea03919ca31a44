"""Collectors of episodes as Ray actors: a process each, with environments that stay."""

import logging
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from hrl_cluster.calls import LostError
from hrl_cluster.connection import first_line, last_line, told
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.errors import HrlError
from hrl_core.threads import one_thread
from hrl_core.training.rounds.blocks import Block, Collected

Collect = Callable[[Block, Checkpoint], Collected]
_LOGGER = logging.getLogger(__name__)
TRIES = 10
"""How often a block is handed out whose collectors are lost, each of which had answered just before."""
_PAUSE = 1.0
"""Seconds before those that are lost are asked again: they take some to begin anew."""
PATIENCE = 20.0
"""Seconds that collectors may take to begin, before people are told, and the work is begun without the rest."""


class RayCollectors:
    """So many collectors; block after block is handed to the next of those that have begun. A ``Collectors``.

    One for which there is no core takes part as soon as there is. A collector whose process or node is lost is begun
    anew where there is a core, and another one collects its block. One that cannot collect is told, and left out.
    """

    def __init__(self, count: int, make: Callable[..., Collect], *given: object) -> None:
        """Begin them; waits for the first as long as that takes, for the others not long.

        Args:
            count: of collectors, which take a core each.
            make: of a module; makes what collects a block of what is ``given``, once for each of them.
            given: to each.

        Raises:
            HrlError: none of them can collect.
        """
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": -1}
        actor = ray.remote(**options)(_Collector)
        self._count = count
        self._turns: deque[Any] = deque()
        """Those that have begun."""
        self._coming: dict[Any, Any] = {}
        """Those that have not, or may be lost, by the calls that they answer when they are there."""
        self._refusals: list[HrlError] = []
        """Of those that cannot collect, until they are told."""
        self._policy: tuple[Checkpoint | None, Any] = None, None
        self._waiting: dict[Any, _Task] = {}
        self._ask(actor.remote(make, *given) for _ in range(count))
        self._await_somebody()
        self._welcome(len(self._coming), PATIENCE)
        if self._coming:
            self._tell_missing()

    def submit(self, block: Block, policy: Checkpoint) -> None:
        """Have a block collected by a policy as it is now.

        Raises:
            HrlError: nobody is left who can collect.
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
            # Its collector is gone, or cannot be reached, and perhaps not alone: the block is for one that answers now.
            lost, self._turns = self._turns, deque()
            self._ask(lost)
            self._send(task._replace(tries=task.tries + 1))

    def _ask(self, collectors: Iterable[Any]) -> None:
        """Have collectors answer as soon as they are there."""
        self._coming |= {collector.require.remote(): collector for collector in collectors}

    def _await_somebody(self) -> None:
        """Wait until somebody can collect, however long that takes.

        Raises:
            HrlError: nobody is left who can.
        """
        while not self._turns:
            self._welcome(1, PATIENCE)
            if self._turns:
                return
            if self._refusals:
                raise self._refusals[0]
            if not self._coming:
                raise LostError("no collector is left that can collect")
            if not self._busy():
                self._tell_missing()

    def _welcome(self, wanted: int, patience: float) -> None:
        """Let those take part that have begun; waits for so many of them, and no longer than that [s]."""
        end, wanted = time.monotonic() + patience, len(self._turns) + wanted
        while self._coming:
            ray.wait(list(self._coming), num_returns=1, timeout=max(0.0, end - time.monotonic()))
            begun, _ = ray.wait(list(self._coming), num_returns=len(self._coming), timeout=0.0)
            before = len(self._turns)
            for answer in begun:
                self._hear(answer)
            left = end - time.monotonic()
            if len(self._turns) >= wanted or left <= 0:
                break
            if begun and len(self._turns) == before:
                # Of those that are lost it is told at once, again and again.
                time.sleep(min(_PAUSE, left))
        if self._turns:
            for refusal in self._refusals:
                _LOGGER.warning("a collector is left out: %s", refusal)
            self._refusals.clear()

    def _hear(self, answer: Any) -> None:  # noqa: ANN401 - Ray's
        """Let a collector take part that answers so, leave it out, or ask again."""
        collector = self._coming.pop(answer)
        try:
            _got(answer)
        except HrlError as refusal:
            self._refusals.append(refusal)
        except RayTaskError:
            raise
        except RayError as error:
            if isinstance(error, RayActorError) and error.actor_init_failed:
                # Nothing begins it anew.
                self._refusals.append(HrlError(f"a collector cannot be made: {last_line(error)}"))
            else:
                self._ask([collector])
        else:
            self._turns.append(collector)

    def _busy(self) -> bool:
        """Whether somebody collects, and will answer afterwards."""
        calls = list(self._waiting)
        return bool(calls) and bool(ray.wait(calls, num_returns=len(calls), timeout=0.0)[1])

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
        self._await_somebody()
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
        except Exception as error:
            _LOGGER.exception("a collector cannot be made")
            self._refusal = HrlError(f"a collector cannot be made on {platform.node()}: {told(error)}")

    def require(self) -> None:
        """Raise ``HrlError`` where nothing can be collected."""
        if self._refusal is not None:
            raise self._refusal

    def collect(self, block: Block, policy: Checkpoint) -> Collected:
        """Collect a block; raises ``HrlError`` where that cannot be."""
        self.require()
        return self._collect(block, policy)
