"""Which policy of a party acts, which acts next and which acted before; how all parties change over together.

A policy for all acts from the same episode on everywhere: the topmost manager, who speaks first in an episode, takes it
only once all others have said that they hold it ready, and each of these takes it with the episode's first subgoal from
above, which carries the version. Where several wait, the worker's word decides which it is, and the managers between
call that one ready. A policy for one party is its own affair and acts from its next episode. So does a way back.
"""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from hrl_core.checkpoints.loading import ALL, MANAGER, WORKER, LoadedPolicy, PolicyReference
from hrl_core.errors import CheckpointError, HrlError

KEPT = 3
"""Earlier policies that ``rollback`` can return to."""
HELD = 16
"""Policies that may wait for an episode to end; only a paused graph ever holds more than one or two."""
P = TypeVar("P")


class PeerState(NamedTuple):
    """What another party has said of itself."""

    in_force: PolicyReference
    ready: PolicyReference | None


class PolicySwitch(Generic[P]):
    """One party's policies. They change in ``begin_episode`` (who leads), ``follow`` (others) and ``resume`` alone."""

    def __init__(self, party: str, launched: LoadedPolicy[P], parties: Sequence[str] = (WORKER, MANAGER)) -> None:
        """Act with the policy that the party was launched with.

        Args:
            party: whose policies these are.
            launched: the policy to start with.
            parties: all of the hierarchy, the worker first; the last one leads: it speaks first in an episode.
        """
        self.party = party
        self.leads = party == parties[-1]
        self._order = tuple(parties)
        self.in_force = launched
        self.ready: LoadedPolicy[P] | None = None
        """The latest request that is checked and waits."""
        self.peers: dict[str, PeerState | None] = {other: None for other in reversed(parties) if other != party}
        """The other parties, the topmost first; None: has not been heard yet."""
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

    @property
    def acquainted(self) -> bool:
        """Whether all other parties have been heard."""
        return None not in self.peers.values()

    def wants(self, reference: PolicyReference) -> bool:
        """Whether an announced policy should be loaded: not if it is for another party or known already.

        Raises:
            CheckpointError: it is for no known party, or not newer than what this party has had.
        """
        if reference.party not in (ALL, self.party, *self.peers):
            allowed = ", ".join(sorted((self.party, *self.peers)))
            raise CheckpointError(f"party {reference.party[:40]!r}: allowed are {allowed} and '' (all)")
        known = [self.in_force, *self._previous, *self._shared.values(), *([self._own] if self._own else [])]
        if reference.party not in (self.party, ALL) or any(reference.same(p.reference) for p in known):
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
        self._hold(loaded, shared=loaded.reference.party == ALL)
        self._echo()
        return True

    def rollback(self) -> PolicyReference:
        """Ask for the policy before the one in force; all return that act with the one that is left.

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

    def hear(self, party: str, state: PeerState) -> PolicyReference | None:
        """Take what another party says; returns a policy to load for a way back that it asks for, if not held."""
        self.peers[party] = state
        missing = self._join_rollback()
        self._echo()
        return missing

    def return_to(self, loaded: LoadedPolicy[P]) -> None:
        """Hold a policy that ``hear`` asked for, unless the way back has become pointless meanwhile."""
        if loaded.reference.version < self.in_force.reference.version:
            self._hold(loaded, shared=True)

    def begin_episode(self) -> P:
        """The policy of who leads for the episode that begins now."""
        agreed = self._agreed()
        if agreed is not None:
            self._take(agreed)
        elif self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def follow(self, version: int) -> P:
        """The policy of another for the episode whose first subgoal from above carries ``version``."""
        if version in self._shared:
            self._take(self._shared[version])
        elif self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def to_resume(self) -> PolicyReference | None:
        """What the others act with and this party, having just started, does not; None when they agree.

        Where they differ it is what acts higher up: that has changed over first.
        """
        shared = (state.in_force for state in self.peers.values() if state is not None and state.in_force.party == ALL)
        theirs = next(shared, None)
        return None if theirs is None or theirs.same(self.in_force.reference) else theirs

    def resume(self, loaded: LoadedPolicy[P] | None) -> P:
        """Start acting, perhaps in mid-episode: with the policy shared with the others, then with one's own."""
        if loaded is not None:
            self._newest = max(self._newest, loaded.reference.version)
            self._take(loaded)
        if self._own is not None:
            self._take(self._own)
        return self.in_force.policy

    def _agreed(self) -> LoadedPolicy[P] | None:
        """What waits here and, by their own word, with all others."""
        if not self.peers:
            return self._shared.get(self.ready.reference.version) if self.ready is not None else None
        mine, together = self.in_force.reference, list(self._together().values())
        peers = [state for state in self.peers.values() if state is not None]
        ready = (together or peers)[-1].ready if self.acquainted else None
        if ready is None:
            return None
        back = ready.version < mine.version
        # Who has gone on alone is not asked about a way back of the others.
        asked = together if back else peers
        if back and not (asked and all(state.in_force.same(mine) for state in asked)):
            return None  # a way back from something else
        if not all(state.ready is not None and state.ready.same(ready) for state in asked):
            return None
        held = self._shared.get(ready.version)
        return held if held is not None and held.reference.same(ready) else None

    def _together(self) -> dict[str, PeerState]:
        """Those heard that have not gone on alone, to a newer policy of their own; the lowest last."""
        mine = self.in_force.reference
        heard = {party: state for party, state in self.peers.items() if state is not None}
        return {p: s for p, s in heard.items() if s.in_force.party == ALL or s.in_force.version <= mine.version}

    def _echo(self) -> None:
        """A manager between calls ready, of all that it holds for all, what the lowest party calls ready."""
        lower = [s for p, s in self._together().items() if self._order.index(p) < self._order.index(self.party)]
        if self.leads or not lower or lower[-1].ready is None:
            return
        held = self._shared.get(lower[-1].ready.version)
        if held is None or not held.reference.same(lower[-1].ready):
            return
        # Who has asked for a way back insists on it until the others have heard.
        if held.reference.version <= self.in_force.reference.version or held.reference.version > self._given_up:
            self.ready = held

    def _leaves_shared(self) -> bool:
        """Whether any other acts with the policy in force here, too, or is about to."""
        mine = self.in_force.reference
        theirs = [state.in_force if state is not None else None for state in self.peers.values()]
        if mine.party != ALL:
            return any(t is not None and t.party == ALL and t.same(mine) for t in theirs)
        # Another policy for all, or an older one, is their word from before they change over; a newer one of their own
        # is not.
        return any(t is None or t.party == ALL or t.version <= mine.version for t in theirs)

    def _join_rollback(self) -> PolicyReference | None:
        """Go back along with another party, if what it leaves acts here, too; else its word is old."""
        missing = (self._join(state) for state in self.peers.values() if state is not None)
        return next((reference for reference in missing if reference is not None), None)

    def _join(self, peer: PeerState) -> PolicyReference | None:
        mine, ready = self.in_force.reference, peer.ready
        if ready is None or not peer.in_force.same(mine):
            return None
        together = ALL in (mine.party, peer.in_force.party)
        if not together or ready.version >= mine.version or ready.version in self._shared:
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
        # Who follows keeps what it has ever called ready and not passed: who leads may have chosen it already.
        kept = floor if self.leads else version
        self._shared = {v: p for v, p in self._shared.items() if v > kept}
        if self._own is not None and self._own.reference.version <= floor:
            self._own = None
        waiting = [p for p in (*self._shared.values(), self._own) if p is not None and p.reference.version > floor]
        self.ready = max(waiting, key=lambda p: p.reference.version, default=None)
        self._join_rollback()
