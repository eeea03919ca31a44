"""Ray played by a few lines: actors and calls that are lost, or fail, whenever a test wants it."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

OURS = ("hrl_cluster.collectors", "hrl_cluster.calls")


class RayError(Exception):
    """Something is lost."""


class RayTaskError(RayError):
    """A call has raised its cause."""

    def __init__(self, cause):
        super().__init__(str(cause))
        self.cause = cause


class RayActorError(RayError):
    """An actor is lost."""

    def __init__(self, text, actor_init_failed=False):
        super().__init__(text)
        self.actor_init_failed = actor_init_failed


class World:
    """Actors by number, and what becomes of them."""

    def __init__(self):
        self.actors, self.lost, self.coreless, self.never_made = [], set(), set(), set()
        self.killers = set()
        """Blocks that kill whoever collects them; it is begun anew at once."""

    def remote(self, **_):
        def made(kind):
            if isinstance(kind, type):
                return SimpleNamespace(remote=lambda *given: self._actor(kind, given))
            return SimpleNamespace(remote=lambda *given: Call(actor=None, method=kind, given=given))

        return made

    def wait(self, calls, num_returns=1, timeout=None):
        assert len(set(calls)) == len(calls) >= num_returns > 0
        ready = [call for call in calls if call.actor not in self.coreless][:num_returns]
        assert ready or timeout is not None
        return ready, [call for call in calls if call not in ready]

    def get(self, call):
        if call.actor in self.never_made:
            raise RayActorError("died in its creation task\n  File ...\nModuleNotFoundError: no module 'hrl'", True)
        if call.actor in self.lost or call.given[:1] in [(block,) for block in self.killers]:
            raise RayActorError("the actor is unavailable")
        try:
            return call.method(*call.given)
        except Exception as error:
            raise RayTaskError(error) from None

    def _actor(self, kind, given):
        number, made = len(self.actors), kind(*given)
        self.actors.append(made)

        def method(name):
            return SimpleNamespace(remote=lambda *given: Call(actor=number, method=getattr(made, name), given=given))

        return SimpleNamespace(require=method("require"), collect=method("collect"))


class Call(SimpleNamespace):
    """Is itself alone."""

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]
    __eq__ = object.__eq__


@pytest.fixture
def world(monkeypatch):
    played = World()
    ray, strategies = ModuleType("ray"), ModuleType("ray.util.scheduling_strategies")
    vars(ray).update(
        remote=played.remote, wait=played.wait, get=played.get, put=lambda value: value,
        cluster_resources=dict, available_resources=dict,
    )  # fmt: skip
    errors = ModuleType("ray.exceptions")
    kinds = {"RayError": RayError, "RayTaskError": RayTaskError, "RayActorError": RayActorError}
    vars(errors).update(kinds, TaskCancelledError=type("TaskCancelledError", (RayError,), {}))
    vars(strategies).update(NodeAffinitySchedulingStrategy=object)
    for module in (ray, errors, ModuleType("ray.util"), strategies):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import hrl_cluster.collectors as module

    monkeypatch.setattr(module, "_PAUSE", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    monkeypatch.setattr(module, "one_thread", lambda: None)
    yield played
    for name in OURS:
        sys.modules.pop(name, None)
