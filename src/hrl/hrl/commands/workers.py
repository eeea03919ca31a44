"""Options of commands whose work can be shared out: ``--workers``, ``--cluster``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress

from hrl.policies.each import in_turn
from hrl_core.errors import HrlError

Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerOptions:
    """Who works: this process, or some at once; the same bits come of it."""

    workers: int = 0
    """Processes at work at once, with one thread each; 0: this one alone, or as many as the cluster has cores."""
    cluster: str = ""
    """Have the nodes of a cluster work (docs/many_machines.md): its HOST:PORT; empty: this machine."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.workers < 0:
            raise HrlError(f"--workers {self.workers}: must be 1 or more, or 0 for this process alone")

    @property
    def shares(self) -> bool:
        """Whether others than this process work."""
        return bool(self.workers or self.cluster)

    def each(self, function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
        """As ``hrl.policies.each.Each``, by these workers.

        Raises:
            HrlError: there is no such cluster, or what ``function`` raises.
        """
        if not self.shares:
            return in_turn(function, items, *shared)
        from hrl_cluster.connection import LOCAL, connected

        console = Console(stderr=True)
        with (
            connected(self.cluster or LOCAL, self.workers) as cluster,
            Progress(console=console, transient=True, disable=not console.is_terminal) as bars,
        ):
            bar = bars.add_task(str(cluster), total=len(items))
            calls = cluster.calls(function, *shared)
            return calls.results(items, self.workers or cluster.cores, lambda done: bars.update(bar, completed=done))
