"""What the session of a recurrent policy keeps of an episode, so that one that is started again goes on with it."""

import struct
from typing import NamedTuple, TypeVar

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.policies import ActionChoice, Manager, SubgoalChoice, Worker
from hrl_core.hierarchy.recurrent_policies import Moment, Recurrent, RecurrentManager, RecurrentWorker
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Observation, Subgoal
from hrl_core.networks.memory_actor import Memory, MemoryActor
from hrl_core.randomness import Draws

C = TypeVar("C")
_KEY = struct.Struct("<QQQQ")
"""Episode, step, steps since the decision before, version of the policy."""


class _Kept(NamedTuple):
    episode: int
    step: int
    since: int
    version: int
    before: Memory
    """What was remembered when the step was decided: whoever decides it again comes to the same."""
    after: Memory


class Recall:
    """The memory of a policy over an episode. Its clock is the step, never the number of calls."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.strict = True
        """Whether nothing is decided where steps are missing; real time goes on all the same."""
        self._kept: _Kept | None = None
        self._network: MemoryActor | None = None
        self._restored = b""

    def select(self, manager: Manager, observation: Observation, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Have a manager choose; raises ``InvalidDataError`` as ``decide`` does, of one that remembers."""
        if isinstance(manager, RecurrentManager):
            return self.decide(manager, observation, task, draws)
        return manager.select(observation.state, task, draws)

    def act(
        self, worker: Worker, observation: Observation, subgoal: Subgoal | None, task: Assignment, draws: Draws
    ) -> ActionChoice:
        """Have a worker choose.

        Raises:
            InvalidDataError: of a worker that remembers as ``decide`` does, and where a direction is one of another
                version's latent space.
        """
        if not isinstance(worker, RecurrentWorker):
            return worker.act(observation.state, task, draws)
        if subgoal is not None and subgoal.policy_version != worker.version:
            raise InvalidDataError(
                f"direction of policy version {subgoal.policy_version}, the worker's is {worker.version}: their latent "
                "spaces have nothing in common; both levels change between episodes, to the same version"
            )
        return self.decide(worker, observation, task, draws)

    def decide(self, policy: Recurrent[C], observation: Observation, task: Assignment, draws: Draws) -> C:
        """Have a policy decide with what it remembers of the episode.

        Raises:
            InvalidDataError: steps are missing, or are those of another version of the policy.
        """
        self._network, kept = policy.network, self._known(policy)
        moment, before = Moment(observation.step), policy.network.initial()
        same = kept is not None and (kept.episode, kept.version) == (observation.episode, policy.version)
        if kept is not None and same and kept.step == observation.step:
            moment, before = Moment(kept.step, kept.since), kept.before
        elif kept is not None and same and kept.step < observation.step:
            moment, before = Moment(observation.step, observation.step - kept.step), kept.after
        if self.strict and not observation.first and (not same or moment.since > 1):
            raise InvalidDataError(_gap(kept, observation, policy.version))
        after, choice = policy.decide(before, moment, observation.state, task, draws)
        self._kept = _Kept(observation.episode, observation.step, moment.since, policy.version, before, after)
        return choice

    def pack(self) -> bytes:
        """What a successor needs; nothing where nothing is remembered."""
        kept, network = self._kept, self._network
        if kept is None or network is None:
            return self._restored
        key = _KEY.pack(kept.episode, kept.step, kept.since, kept.version)
        return key + network.pack(kept.before) + network.pack(kept.after)

    def restore(self, data: bytes) -> None:
        """Go on with what a predecessor has packed."""
        self._kept, self._restored = None, data

    def _known(self, policy: Recurrent[C]) -> _Kept | None:
        """What is remembered, or was by a predecessor; raises ``InvalidDataError`` where that was another policy."""
        data, self._restored = self._restored, b""
        if data:
            states, half = data[_KEY.size :], (len(data) - _KEY.size) // 2
            memories = policy.network.unpack(states[:half]), policy.network.unpack(states[half:])
            episode, step, since, version = _KEY.unpack_from(data)
            self._kept = _Kept(episode, step, since, version, *memories)
        return self._kept


def _gap(kept: _Kept | None, observation: Observation, version: int) -> str:
    """Why a decision cannot be made."""
    known = "nothing"
    if kept is not None:
        known = f"episode {kept.episode} up to step {kept.step} (policy version {kept.version})"
    return (
        f"memory of a policy: asked to decide episode {observation.episode} step {observation.step} with version "
        f"{version}, remembered is {known}; a policy that remembers needs every step before: start a new episode, and "
        "give its node a file for what has to survive a restart (parameter memory)"
    )
