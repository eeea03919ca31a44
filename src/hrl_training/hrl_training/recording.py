"""What the recorder keeps in mind: which messages it has, when an episode is complete, what it may acknowledge."""

from dataclasses import dataclass, field

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import check_number, check_subgoal
from hrl_core.messages import (
    EPISODE_ENDS,
    WORKER_LEVEL,
    Action,
    ActionSource,
    EpisodeResult,
    Observation,
    Subgoal,
    SubgoalResult,
)

Keyed = Observation | Action | Subgoal | SubgoalResult | EpisodeResult
_REMEMBERED = 3
"""Episodes of which keys are remembered; messages older than that are dropped."""


def require_sound(message: Keyed, space: GoalSpace) -> None:
    """Raise ``InvalidDataError`` for what nobody acts on: recorded, it would stand in the place of the true message."""
    task = space.task
    if isinstance(message, Observation):
        task.check_state(message.state)
        task.check_goal(message.desired_goal)
    elif isinstance(message, Action):
        task.check_action(message.value)
    elif isinstance(message, Subgoal | SubgoalResult):
        if message.level != WORKER_LEVEL:
            raise InvalidDataError(f"level {message.level}: this run has level {WORKER_LEVEL} alone")
        if isinstance(message, Subgoal):
            check_subgoal(space, message)
        else:
            check_number(message.seq, message.step, "subgoal result")


@dataclass
class _Episode:
    """Keys seen of one episode."""

    seen: set[tuple[object, ...]] = field(default_factory=set)
    owed: set[int] = field(default_factory=set)
    """Steps that an observation says were taken with the worker's action, while that has not come."""
    last_step: int | None = None
    last_subgoal: tuple[object, ...] | None = None
    """Key of the subgoal whose result ended the episode."""
    result: bool = False

    def complete(self) -> bool:
        """Whether everything that belongs to the finished episode is there.

        Topics are ordered in themselves: who has the last subgoal has all of them. Among each other they are not: its
        result may come first. By the wall clock not every step has an action of its own: the observation after it says.
        """
        acted = self.last_step is not None and not self.owed
        return acted and self.last_subgoal in self.seen and self.result


class RecordingLedger:
    """Drops duplicates and counts what the simulator may consider safe."""

    def __init__(self) -> None:
        """Start empty."""
        self.observations = 0
        self.duplicates = 0
        """Messages dropped: known already, of a forgotten episode, or of one that no observation has begun."""
        self._episodes: dict[int, _Episode] = {}
        self._newest: int | None = None
        """Episode of the newest observation: nobody else says which one runs."""

    def admit(self, message: Keyed) -> bool:
        """Whether a message is new; remembers it if so."""
        number = message.episode
        if isinstance(message, Observation) and (self._newest is None or number > self._newest):
            self._newest = number
            for old in [n for n in self._episodes if n <= number - _REMEMBERED]:
                del self._episodes[old]
        # Topics are not ordered among each other: the answer to an observation may come before it.
        if self._newest is not None and not self._newest - _REMEMBERED < number <= self._newest + 1:
            self.duplicates += 1
            return False
        episode = self._episodes.setdefault(number, _Episode())
        key = _key(message)
        if key in episode.seen:
            self.duplicates += 1
            return False
        episode.seen.add(key)
        self._account(message, episode)
        return True

    def complete(self, number: int) -> bool:
        """Whether nothing of an episode is missing, or it is so old that nothing more is taken."""
        episode = self._episodes.get(number)
        return episode is None or episode.complete()

    def acknowledged(self, quiet: bool) -> int:
        """Observations the simulator may count as recorded.

        The last one of an episode counts only when the episode is complete, so that nothing still on its way is lost by
        an early exit; after a quiet while it counts all the same.
        """
        episode = None if self._newest is None else self._episodes.get(self._newest)
        waits = episode is not None and episode.last_step is not None and not episode.complete()
        return self.observations - (1 if waits and not quiet else 0)

    def _account(self, message: Keyed, episode: _Episode) -> None:
        if isinstance(message, Observation):
            self.observations += 1
            before = message.step - 1
            if before >= 0 and message.action_source == ActionSource.POLICY and (Action, before) not in episode.seen:
                episode.owed.add(before)
            if message.last:
                episode.last_step = message.step
        elif isinstance(message, Action):
            episode.owed.discard(message.step)
        elif isinstance(message, SubgoalResult):
            if message.end_reason in EPISODE_ENDS:
                episode.last_subgoal = (Subgoal, message.level, message.seq)
        elif isinstance(message, EpisodeResult):
            episode.result = True


def _key(message: Keyed) -> tuple[object, ...]:
    if isinstance(message, Observation | Action):
        return type(message), message.step
    if isinstance(message, Subgoal | SubgoalResult):
        return type(message), message.level, message.seq
    return (type(message),)
