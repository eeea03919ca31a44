"""Which policy of a level acts, which acts next and which acted before; how two levels change over together.

A policy for all levels acts from the same episode on both: the manager, who speaks first in an episode, takes it only
once the worker has said that it holds it ready, and the worker takes it with the episode's first subgoal, which carries
the version. A policy for one level is that level's own affair and acts from its next episode. So does a way back.
"""

from typing import Generic, NamedTuple, TypeVar

from hrl_core.checkpoints.loading import ALL_LEVELS, MANAGER, WORKER, LoadedPolicy, PolicyReference
from hrl_core.errors import CheckpointError, HrlError

KEPT = 3
"""Earlier policies that ``rollback`` can return to."""
HELD = 16
"""Policies that may wait for an episode to end; only a paused graph ever holds more than one or two."""
P = TypeVar("P")


class PeerState(NamedTuple):
    """What the other level has said of itself."""

    in_force: PolicyReference
    ready: PolicyReference | None


class PolicySwitch(Generic[P]):
    """One level's policies. Nothing changes but in ``begin_episode`` (manager), ``follow`` (worker) and ``resume``."""

    def __init__(self, level: int, launched: LoadedPolicy[P]) -> None:
        """Act with the policy that the level was launched with."""
        self.level = level
        self.in_force = launched
        self.ready: LoadedPolicy[P] | None = None
        """The latest request that is checked and waits."""
        self.peer: PeerState | None = None
        self._shared: dict[int, LoadedPolicy[P]] = {}
        self._own: LoadedPolicy[P] | None = None
        self._previous: list[LoadedPolicy[P]] = []
        self._newest = launched.reference.version
        self._given_up = 0
        """What waited when a way back was asked for, up to this version, is not wanted any more."""

    @property
    def previous(self) -> PolicyReference | None:
        """Where ``rollback`` leads."""
        return self._previous[-1].reference if self._previous else None

    def wants(self, reference: PolicyReference) -> bool:
        """Whether an announced policy should be loaded: not if it is for the other level or known already.

        Raises:
            CheckpointError: it is for no known level, or not newer than what this level has had.
        """
        if reference.level not in (WORKER, MANAGER, ALL_LEVELS):
            raise CheckpointError(f"level {reference.level}: allowed are 0 (worker), 1 (manager) and 255 (all levels)")
        known = [self.in_force, *self._previous, *self._shared.values(), *([self._own] if self._own else [])]
        if reference.level not in (self.level, ALL_LEVELS) or any(reference.same(p.reference) for p in known):
            return False
        if reference.version <= self._newest:
            raise CheckpointError(
                f"not newer than version {self._newest}, which was here before; a policy needs a higher version"
            )
        return True

    def add(self, loaded: LoadedPolicy[P]) -> bool:
        """Hold an announced policy for the next episode; False when it is known already.

        Raises:
            CheckpointError: as in ``wants``.
        """
        if not self.wants(loaded.reference):
            return False
        self._newest = loaded.reference.version
        self._hold(loaded, shared=loaded.reference.level == ALL_LEVELS)
        return True

    def rollback(self) -> PolicyReference:
        """Ask for the policy before the one in force; both levels return if both act with the one that is left.

        Raises:
            HrlError: there is none.
        """
        if self.ready is not None and self.ready.reference.version < self.in_force.reference.version:
            return self.ready.reference
        if not self._previous:
            raise HrlError(f"no version before {self.in_force.reference.version}: nothing to return to")
        self._given_up = self._newest
        self._hold(self._previous[-1], shared=self._leaves_shared())
        return self._previous[-1].reference

    def hear(self, peer: PeerState) -> PolicyReference | None:
        """Take what the other level says; returns a policy to load for a way back that it asks for, if not held."""
        self.peer = peer
        return self._join_rollback()

    def return_to(self, loaded: LoadedPolicy[P]) -> None:
        """Hold a policy that ``hear`` asked for, unless the way back has become pointless meanwhile."""
        if loaded.reference.version < self.in_force.reference.version:
            self._hold(loaded, shared=True)

    def begin_episode(self) -> P:
        """The manager's policy for the episode that begins now."""
        agreed = self._agreed()
        if agreed is not None:
            self._take(agreed)
        elif self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def follow(self, version: int) -> P:
        """The worker's policy for the episode whose first subgoal carries ``version``."""
        if version in self._shared:
            self._take(self._shared[version])
        elif self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def to_resume(self) -> PolicyReference | None:
        """What the other level acts with and this one, having just started, does not; None when they agree."""
        theirs = self.peer.in_force if self.peer is not None else None
        if theirs is None or theirs.level != ALL_LEVELS or theirs.same(self.in_force.reference):
            return None
        return theirs

    def resume(self, loaded: LoadedPolicy[P] | None) -> P:
        """Start acting, perhaps in mid-episode: with the policy shared with the other level, then with one's own."""
        if loaded is not None:
            self._newest = max(self._newest, loaded.reference.version)
            self._take(loaded)
        if self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def _agreed(self) -> LoadedPolicy[P] | None:
        """What waits here and, by its own word, on the other level."""
        if self.peer is None or self.peer.ready is None:
            return None
        mine, ready = self.in_force.reference, self.peer.ready
        if ready.version < mine.version and not self.peer.in_force.same(mine):
            return None  # a way back from something else
        held = self._shared.get(ready.version)
        return held if held is not None and held.reference.same(ready) else None

    def _leaves_shared(self) -> bool:
        """Whether the other level acts with the policy in force here, too, or is about to."""
        mine, theirs = self.in_force.reference, self.peer.in_force if self.peer is not None else None
        if mine.level != ALL_LEVELS:
            return theirs is not None and theirs.level == ALL_LEVELS and theirs.same(mine)
        # Another policy for all levels, or an older one, is its word from before it changes over; a newer one of its
        # own is not.
        return theirs is None or theirs.level == ALL_LEVELS or theirs.version <= mine.version

    def _join_rollback(self) -> PolicyReference | None:
        """Go back along with the other level, if what it leaves acts here, too; else its word is old."""
        mine = self.in_force.reference
        if self.peer is None or self.peer.ready is None or not self.peer.in_force.same(mine):
            return None
        ready = self.peer.ready
        both = ALL_LEVELS in (mine.level, self.peer.in_force.level)
        if not both or ready.version >= mine.version or ready.version in self._shared:
            return None
        held = next((p for p in self._previous if p.reference.same(ready)), None)
        if held is None:
            return ready
        self._hold(held, shared=True)
        return None

    def _hold(self, loaded: LoadedPolicy[P], shared: bool) -> None:
        self.ready = loaded
        if not shared:
            self._own = loaded
            return
        self._shared[loaded.reference.version] = loaded
        if len(self._shared) > HELD:
            del self._shared[next(iter(self._shared))]

    def _take(self, loaded: LoadedPolicy[P]) -> None:
        version = floor = loaded.reference.version
        if version < self.in_force.reference.version:
            floor = max(self._given_up, self.in_force.reference.version)
        else:
            self._previous.append(self.in_force)
        self._previous = [p for p in self._previous if p.reference.version < version][-KEPT:]
        self.in_force = loaded
        # The worker keeps what it has ever called ready and not passed: the manager may have chosen it already.
        kept = floor if self.level == MANAGER else version
        self._shared = {v: p for v, p in self._shared.items() if v > kept}
        if self._own is not None and self._own.reference.version <= floor:
            self._own = None
        waiting = [p for p in (*self._shared.values(), self._own) if p is not None and p.reference.version > floor]
        self.ready = max(waiting, key=lambda p: p.reference.version, default=None)
        self._join_rollback()
