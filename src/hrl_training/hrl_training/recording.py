"""What the recorder keeps in mind: which messages it has, when an episode is complete, what it may acknowledge."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from hrl_core.errors import FileError, InvalidDataError
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import check_number, check_subgoal
from hrl_core.hierarchy.text import announced_hierarchy
from hrl_core.messages import (
    EPISODE_ENDS,
    Action,
    ActionSource,
    EpisodeResult,
    Observation,
    Subgoal,
    SubgoalResult,
)
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task
from hrl_ros.qos import LOCKSTEP_DEPTH

Keyed = Observation | Action | Subgoal | SubgoalResult | EpisodeResult
_OWN_ACTIONS = (ActionSource.POLICY, ActionSource.TELEOP)
"""What was taken with an action of the same step, the worker's or a demonstrator's."""
_REMEMBERED = 3
"""Newest episodes whose messages are known again; of older ones only what is missing is still taken in."""


@dataclass(frozen=True)
class SoundMessages:
    """What messages of a run look like that somebody acts on."""

    task: TaskSpec
    spaces: tuple[GoalSpace, ...]
    """Of the subgoals, by level; none where the policy is flat."""
    awaited: int
    """Levels of whose subgoals the last one of an episode has a result, from the lowest on."""

    @classmethod
    def of_run(cls, task: str, hierarchy: str, source: str) -> "SoundMessages":
        """By what a ``RunInfo`` says.

        Raises:
            TaskError, InvalidDataError: task or hierarchy cannot be read.
        """
        spec = parse_task(task, source)
        try:
            announced = announced_hierarchy(hierarchy, spec, f"hierarchy of the {source}")
        except FileError as error:
            raise InvalidDataError(str(error)) from None
        return cls(spec, tuple(GoalSpace(spec, level) for level in announced.levels), announced.awaited)

    def require(self, message: Keyed) -> None:
        """Raise ``InvalidDataError`` for what nobody acts on: recorded, it would stand in for the true message."""
        if isinstance(message, Observation):
            self.task.check_state(message.state)
            self.task.check_goal(message.desired_goal)
        elif isinstance(message, Action):
            self.task.check_action(message.value)
        elif isinstance(message, Subgoal | SubgoalResult):
            if message.level >= len(self.spaces):
                known = ", ".join(map(str, range(len(self.spaces)))) or "none: its policy is flat"
                raise InvalidDataError(f"level {message.level}: this run has {known}")
            if isinstance(message, Subgoal):
                check_subgoal(self.spaces[message.level], message)
            else:
                check_number(message.seq, message.step, "subgoal result")


@dataclass
class _Episode:
    """Keys seen of one episode."""

    begun: int
    """Observations of all episodes before its first message."""
    seen: set[tuple[object, ...]] = field(default_factory=set)
    owed: dict[int, int] = field(default_factory=dict)
    """Steps that an observation says were taken with an action of their own, while that has not come -> observations of
    all episodes before that one, in their order."""
    last_step: int | None = None
    ended: int | None = None
    """Observations of all episodes before its last one."""
    last_subgoals: dict[int, tuple[object, ...]] = field(default_factory=dict)
    """Level -> key of the subgoal whose result ended with the episode."""
    result: bool = False

    def complete(self, levels: int) -> bool:
        """Whether everything that belongs to the finished episode is there, of so many levels of subgoals.

        Topics are ordered in themselves: who has the last subgoal has all of them. Among each other they are not: its
        result may come first. By the wall clock not every step has an action of its own: the observation after it says.
        """
        acted = self.last_step is not None and not self.owed
        led = len(self.last_subgoals) >= levels and self.seen.issuperset(self.last_subgoals.values())
        return acted and led and self.result

    def lacks(self, levels: int) -> Iterator[int]:
        """Of what is missing, what tells of it: by the observations of all episodes before it, in their order."""
        yield from self.owed.values()
        if self.ended is not None and not self.complete(levels):
            yield self.ended


class RecordingLedger:
    """Drops duplicates and counts what the simulator may consider safe."""

    def __init__(self) -> None:
        """Start empty."""
        self.levels = 1
        """Levels whose last results say that all has been said of an episode; known with the run."""
        self.observations = 0
        self.duplicates = 0
        """Messages dropped: known already, of a forgotten episode, or of one that no observation has begun."""
        self._given_up = 0
        """Observations about which nothing more is expected."""
        self._episodes: dict[int, _Episode] = {}
        self._newest: int | None = None
        """Episode of the newest observation: nobody else says which one runs."""

    def admit(self, message: Keyed) -> bool:
        """Whether a message is new; remembers it if so."""
        number = message.episode
        if isinstance(message, Observation) and (self._newest is None or number > self._newest):
            self._newest = number
            self._forget()
        # Topics are not ordered among each other: where episodes are short and the recorder gets little time, an answer
        # may come many episodes before its observation, or after it.
        near = self._newest is None or self._newest - _REMEMBERED < number <= self._newest + LOCKSTEP_DEPTH
        if not near and number not in self._episodes:
            self.duplicates += 1
            return False
        episode = self._episodes.setdefault(number, _Episode(self.observations))
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
        return episode is None or episode.complete(self.levels)

    def has_all(self, observations: int, last_episode: int) -> bool:
        """Whether a run of so many observations has been heard to its end; by who was started in its middle, too."""
        episode = self._episodes.get(last_episode)
        return self.observations >= observations or (episode is not None and episode.last_step is not None)

    @property
    def acknowledged(self) -> int:
        """Observations the simulator may count as recorded: those to which nothing that belongs is missing.

        So it never runs on by more than its window while something is on its way, which writers would no longer hold.
        """
        lacks = chain.from_iterable(episode.lacks(self.levels) for episode in self._episodes.values())
        return min((told for told in lacks if told >= self._given_up), default=self.observations)

    def give_up(self, before: int) -> None:
        """Expect no more what is missing of so many observations, the first ones; it is taken all the same."""
        self._given_up = max(self._given_up, before)

    def _forget(self) -> None:
        """Give up episodes that nothing more can come of, or that have all they need."""
        for number, episode in list(self._episodes.items()):
            old = self._newest is not None and number <= self._newest - _REMEMBERED
            if old and (episode.complete(self.levels) or self.observations - episode.begun > LOCKSTEP_DEPTH):
                del self._episodes[number]

    def _account(self, message: Keyed, episode: _Episode) -> None:
        if isinstance(message, Observation):
            before = message.step - 1
            # Who has not heard the observation before it joined in the middle, after the action.
            heard = (Observation, before) in episode.seen
            if heard and message.action_source in _OWN_ACTIONS and (Action, before) not in episode.seen:
                episode.owed[before] = self.observations
            if message.last:
                episode.last_step, episode.ended = message.step, self.observations
            self.observations += 1
        elif isinstance(message, Action):
            episode.owed.pop(message.step, None)
        elif isinstance(message, SubgoalResult):
            if message.end_reason in EPISODE_ENDS:
                episode.last_subgoals[message.level] = (Subgoal, message.level, message.seq)
        elif isinstance(message, EpisodeResult):
            episode.result = True


def _key(message: Keyed) -> tuple[object, ...]:
    if isinstance(message, Observation | Action):
        return type(message), message.step
    if isinstance(message, Subgoal | SubgoalResult):
        return type(message), message.level, message.seq
    return (type(message),)
