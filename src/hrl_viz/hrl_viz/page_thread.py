"""The thread in which the page is changed."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import viser

P = ParamSpec("P")
R = TypeVar("R")


class PageThread:
    """Has the page changed by its server's own thread, and waits until it is.

    viser may be called from any thread, but a change that another thread makes just as the server, finding none, goes
    to sleep does not wake it, nor does any later one: all browsers show an old page for ever. Its ``asyncio.Event`` is
    set from outside of its loop (viser 1.1.1, ``AsyncMessageBuffer.push``).
    """

    def __init__(self, server: viser.ViserServer) -> None:
        """Take the thread of a running server."""
        self._loop = server.get_event_loop()

    def run(self, change: Callable[[], R]) -> R:
        """Return what ``change`` returns, or raise what it raises; not to be called in the page's thread itself."""

        async def changed() -> R:
            return change()

        return asyncio.run_coroutine_threadsafe(changed(), self._loop).result()

    def inside(self, change: Callable[P, R]) -> Callable[P, R]:
        """Return ``change`` as a function for other threads."""

        def from_outside(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.run(lambda: change(*args, **kwargs))

        return from_outside
