"""New policies for a node that goes on running: announcements and rollback in, policies between episodes out."""

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from std_srvs.srv import Trigger

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.loading import LoadedPolicy, PolicyLoader, PolicyReference, Refusal
from hrl_core.checkpoints.switch import PeerState, PolicySwitch
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.task.spec import TaskSpec
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health, Level
from hrl_ros.node import HrlNode

PEER_WAIT = 7.0
"""Longest time [s] a node that has just started waits to hear what all its peers act with.

A peer whose first announcements are missed is discovered with its next one, 3 s later by DDS's default."""
REFUSED = "policy refused"
"""Condition of the node's health until a policy is accepted."""
P = TypeVar("P")


class PolicyReload(Generic[P]):
    """Connects one party's ``PolicySwitch`` with topics, service, diagnostics and the loading thread."""

    def __init__(
        self,
        node: HrlNode,
        party: str,
        parties: Sequence[str],
        task: TaskSpec,
        hierarchy: HierarchySpec,
        launched: LoadedPolicy[P],
        build: Callable[[Checkpoint], P],
        health: Health,
        changed: Callable[[PolicyReference], None],
    ) -> None:
        """Create publishers, subscriptions and the service; from now on the node reports its health.

        ``changed`` is told of every policy that comes to act in the place of the one it was launched with.
        """
        self._changed = changed
        self._node, self._logger, self._hierarchy = node, node.get_logger(), hierarchy
        self._switch = PolicySwitch(party, launched, parties)
        self._loader = PolicyLoader(task, hierarchy, build)
        self._resuming: PolicyReference | None = None
        self._returning: PolicyReference | None = None
        self._settled = False
        self._before: PolicyReference | None = None
        self._started = 0.0
        self._health = health
        self._reports = HealthReports(node, health, self._update_figures)
        self._states = node.create_lifecycle_publisher(msg.PolicyState, topics.POLICY_STATE, qos.latched())
        node.subscribe(msg.PolicyUpdate, topics.POLICY_UPDATE, self._on_update, qos.latched(qos.RIVALS))
        node.subscribe(msg.PolicyState, topics.POLICY_STATE, self._on_state, qos.latched(qos.RIVALS))
        node.create_service(Trigger, topics.ROLLBACK, self._on_rollback)

    def start(self) -> None:
        """Say what this party acts with."""
        self._started = time.monotonic()
        self._publish()

    def close(self) -> None:
        """End the loading thread."""
        self._loader.close()

    def acted_with(self, reference: PolicyReference) -> None:
        """Say what a predecessor acted with: what is gone on with, unless peers act with something else together."""
        if not reference.same(self._switch.in_force.reference):
            self._before = reference

    def settled(self) -> bool:
        """Whether the policy to start with is known: nothing loads, and all peers have said what they act with."""
        heard = self._switch.acquainted or time.monotonic() - self._started > PEER_WAIT
        if self._settled or self._loader.busy or not heard:
            return self._settled
        target = self._switch.to_resume() or self._before
        if target is not None and self._resuming is None:
            self._resuming = target
            self._loader.submit(target)
            return False
        self._settled = True
        return True

    def resume(self) -> P:
        """Policy to go live with; call it once, when ``settled``."""
        return self._taken(lambda: self._switch.resume(None), "from now on")

    def renew(self, version: int) -> P:
        """The policy for the episode that begins; ``version`` is what the level above acts with, if there is one."""
        change = self._switch.begin_episode if self._switch.leads else lambda: self._switch.follow(version)
        return self._taken(change, "from the episode that begins")

    def poll(self) -> None:
        """Fetch what has been loaded."""
        while self._loader.busy and (outcome := self._loader.fetch()) is not None:
            self._take_in(outcome)

    def _taken(self, change: Callable[[], P], when: str) -> P:
        before = self._switch.in_force
        policy = change()
        if self._switch.in_force is not before:
            old, new = before.reference.version, self._switch.in_force.reference.version
            self._logger.info(f"policy version {new} acts {when} (before: version {old})")
            self._changed(self._switch.in_force.reference)
            self._publish()
        return policy

    def _on_update(self, update: msg.PolicyUpdate) -> None:
        reference = _reference(update)
        reference = reference._replace(party=self._hierarchy.party_of(reference.party))
        try:
            if self._switch.wants(reference):
                self._loader.submit(reference)
        except HrlError as error:
            self._refuse(Refusal(reference, str(error)))

    def _on_state(self, state: msg.PolicyState) -> None:
        if state.party not in self._switch.peers:
            return
        before = self._switch.ready
        ready = _reference(state.ready) if state.ready.file else None
        missing = self._switch.hear(state.party, PeerState(_reference(state.in_force), ready))
        if missing is not None and missing != self._returning:
            self._returning = missing
            self._loader.submit(missing)
        if self._switch.ready is not before:
            self._publish()

    def _on_rollback(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            if not self._node.active:
                raise HrlError("the node is not active")
            target = self._switch.rollback()
        except HrlError as error:
            response.message = str(error)
            self._logger.warning(f"rollback refused: {error}")
            return response
        response.success = True
        response.message = f"version {target.version} acts from the next episode"
        self._logger.info(f"rollback: {response.message}")
        self._publish()
        return response

    def _take_in(self, outcome: LoadedPolicy[P] | Refusal) -> None:
        if isinstance(outcome, Refusal):
            self._refuse(outcome)
            return
        reference = outcome.reference
        try:
            if reference == self._resuming and not self._settled:
                self._taken(lambda: self._switch.resume(outcome), "as on its peers")
            elif reference == self._returning:
                self._returning = None
                self._switch.return_to(outcome)
            elif self._switch.add(outcome):
                self._health.clear_condition(REFUSED)
                self._logger.info(f"policy version {reference.version} is checked and waits for the next episode")
        except HrlError as error:
            self._refuse(Refusal(reference, str(error)))
        self._publish()

    def _refuse(self, refusal: Refusal) -> None:
        reference = refusal.reference
        refused = f"refused policy version {reference.version} in {reference.file}: {refusal.reason}"
        self._logger.error(f"{refused}; version {self._switch.in_force.reference.version} stays")
        self._health.set_condition(REFUSED, Level.WARN, refused)
        self._reports.report()

    def _update_figures(self) -> None:
        switch = self._switch
        self._health.doing = f"acts with policy version {switch.in_force.reference.version}"
        self._health.figures |= {
            "policy version": switch.in_force.reference.version,
            "policy": switch.in_force.reference.file,
            "sha256": switch.in_force.reference.sha256,
            "waits for the next episode": switch.ready.reference.version if switch.ready else "nothing",
            "rollback leads to": switch.previous.version if switch.previous else "nothing",
        }

    def _publish(self) -> None:
        ready = self._switch.ready
        state = msg.PolicyState(party=self._switch.party, in_force=_message(self._switch.in_force.reference))
        if ready is not None:
            state.ready = _message(ready.reference)
        state.header.stamp = messages.to_time(time.time_ns())
        self._states.publish(state)


def _reference(update: msg.PolicyUpdate) -> PolicyReference:
    return PolicyReference(update.version, update.party, update.file, update.sha256, update.task_hash)


def _message(reference: PolicyReference) -> msg.PolicyUpdate:
    return msg.PolicyUpdate(**reference._asdict())
