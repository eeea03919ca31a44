"""Many calls of one function, each wherever there is a core for it, again elsewhere if its machine is lost."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from hrl_cluster.connection import first_line, told
from hrl_core.errors import HrlError
from hrl_core.threads import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOGGER = logging.getLogger(__name__)
RETRIES = 3
"""How often a call is made again whose process or machine was lost."""
_LOOK = 0.1
"""Seconds between two looks at what has ended."""


class LostError(HrlError):
    """What worked on something was lost, and so was all that took its place."""


class MakeAgainError(Exception):
    """Raised by a call that is to be made again, on whichever machine."""


class Stop(Protocol):
    """Requests to stop, counted."""

    count: int


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """How a call ended; without a result and an error it was stopped before it had begun."""

    number: int
    """Of the item, in their order."""
    item: Item
    result: Result | None = None
    error: HrlError | None = None


class Calls(Generic[Item, Result]):
    """Calls of a function of one item."""

    def __init__(self, function: Callable[..., Result], *shared: object, cores: int = 1) -> None:
        """Nothing is called yet.

        Args:
            function: of a module, so that other machines find it; takes an item and what is ``shared``. Where it raises
                an ``HrlError``, that is how the call ends; where it raises ``MakeAgainError``, it is called again.
            shared: by all calls; sent to each machine once.
            cores: that a call takes.
        """
        self._shared = [ray.put(each) for each in (function, *shared)]
        options: dict[str, Any] = {"num_cpus": cores, "max_retries": RETRIES, "retry_exceptions": [MakeAgainError]}
        self._call: Any = ray.remote(**options)(_call)

    def outcomes(
        self,
        items: Sequence[Item],
        at_once: int,
        stop: Stop | None = None,
        started: Callable[[Item], object] = lambda item: None,
        look: Callable[[], object] = lambda: None,
    ) -> Iterator[Outcome[Item, Result]]:
        """Make the calls, the first ones first, until all have ended or a stop is asked for.

        A first request to stop interrupts what is running, as Ctrl-C would; a second one kills it.

        Args:
            items: of the calls.
            at_once: most calls on their way.
            stop: asks to stop; None: nobody does.
            started: is told of each call that is on its way.
            look: is called now and then.

        Yields:
            How calls ended, in the order in which they do.
        """
        waiting, working, passed_on = deque(enumerate(items)), dict[Any, tuple[int, Item]](), 0
        while working or (waiting and not (stop and stop.count)):
            while waiting and len(working) < at_once and not (stop and stop.count):
                number, item = waiting.popleft()
                working[self._call.remote(item, *self._shared)] = number, item
                started(item)
            if stop and passed_on < stop.count:
                passed_on = stop.count
                for call in working:
                    ray.cancel(call, force=passed_on > 1)
            done, _ = ray.wait(list(working), timeout=_LOOK)
            for call in done:
                yield _outcome(call, *working.pop(call))
            look()

    def results(
        self, items: Sequence[Item], at_once: int, tell: Callable[[int], object] = lambda done: None
    ) -> list[Result]:
        """Results of all, in the order of their items; ``tell`` is told how many there are.

        Raises:
            HrlError: that of the first call that failed; the others come to nothing.
        """
        results: dict[int, Any] = {}
        for outcome in self.outcomes(items, at_once):
            if outcome.error is not None:
                raise outcome.error
            results[outcome.number] = outcome.result
            tell(len(results))
        return [results[number] for number in range(len(items))]


def ask_each(nodes: Sequence[str], function: Callable[..., Result], *given: object) -> list[Result | HrlError]:
    """What ``function(node, *given)`` returns on each node, or what it failed with; takes no core."""
    remote: Any = ray.remote(num_cpus=0, max_retries=0)(_call)
    placed = [remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)) for node in nodes]
    calls = [each.remote(node, function, *given) for each, node in zip(placed, nodes, strict=True)]
    outcomes = [_outcome(call, number, node) for number, (call, node) in enumerate(zip(calls, nodes, strict=True))]
    return [outcome.error or cast(Result, outcome.result) for outcome in outcomes]


def _call(item: object, function: Callable[..., Result], *shared: object) -> Result:
    """On a node: the same bits everywhere take one thread of products."""
    one_thread()
    return function(item, *shared)


def _outcome(call: Any, number: int, item: Item) -> Outcome[Item, Any]:  # noqa: ANN401 - Ray's
    try:
        return Outcome(number, item, ray.get(call))
    except TaskCancelledError:
        return Outcome(number, item)
    except RayTaskError as error:
        if isinstance(error.cause, HrlError):
            return Outcome(number, item, error=error.cause)
        if isinstance(error.cause, MakeAgainError):
            return Outcome(number, item, error=LostError(f"lost {RETRIES + 1} times: {error.cause}"))
        # One node of many: what the others do goes on.
        _LOGGER.error("unexpected error:\n%s", error)
        return Outcome(number, item, error=HrlError(f"unexpected error: {told(error.cause)} (the log has it whole)"))
    except RayError as error:
        return Outcome(number, item, error=LostError(f"lost {RETRIES + 1} times: {first_line(error)}"))
