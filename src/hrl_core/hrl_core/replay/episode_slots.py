"""Room for episodes of any length: the oldest make room for new ones, however short or long they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.hierarchy.spec import GoalSpace, LevelSpec
from hrl_core.replay.mapped_arrays import MappedArrays
from hrl_core.task.spec import TaskSpec

Index = npt.NDArray[np.int64]
Embedding = Callable[[npt.NDArray], npt.NDArray]
"""Maps states (..., observation_dim) to places in a learned space (..., size)."""
FREE = -1
_SHORTEST = 32
"""Times that episodes may be shorter than the limit, on average, before fewer steps are kept than there is room for."""
_OF_EPISODES = ("task_goals", "lengths", "finished", "terminated", "_age")
"""Arrays with one entry for each slot."""
_FILL = {"_age": FREE, "_weights": 1}
"""What entries of slots are that hold nothing; 0 otherwise."""


class StoredEpisode(NamedTuple):
    """One whole episode of T steps for ``EpisodeStore.add``; any float type."""

    states: npt.NDArray
    """Shape (T + 1, observation_dim)."""
    actions: npt.NDArray
    """Shape (T, action_dim)."""
    rewards: npt.NDArray
    """Shape (T,)."""
    subgoals: npt.NDArray
    """One per subgoal period, shape (periods, subgoal_dim)."""
    targets: npt.NDArray
    """Their absolute targets, shape (periods, subgoal_dim)."""
    task_goal: npt.NDArray
    """Shape (goal_dim,)."""
    finished: bool
    """Whether the last step is the episode's last."""
    terminated: bool


class EpisodeSlots:
    """Arrays of episodes, one a slot, which several environments write at once."""

    def __init__(
        self,
        spec: TaskSpec,
        level: LevelSpec | None,
        capacity: int,
        num_envs: int,
        weighted: bool = False,
        embedding: Embedding | None = None,
    ) -> None:
        """Reserve room; memory is taken when it is written.

        Args:
            spec: the task.
            level: whose subgoals are stored, one every horizon; None: there are none.
            capacity: environment steps kept, in whole episodes, at most a full-length one more.
            num_envs: environments that write at the same time.
            weighted: whether steps are drawn by the weights of their episodes instead of uniformly.
            embedding: says where states lie in a learned goal space, as it is when it is asked; None: subgoals are
                about elements of the states.
        """
        self._embedding = embedding
        self.length_limit = spec.max_episode_steps
        self.period = self.length_limit if level is None else level.horizon
        space = None if level is None else GoalSpace(spec, level)
        full = -(-capacity // self.length_limit)
        self._room, self._most_slots = full * self.length_limit, _SHORTEST * full + num_envs
        slots = full + num_envs
        periods = -(-self.length_limit // self.period)
        sizes = len(spec.observation), len(spec.action), 0 if space is None else space.size, len(spec.goal)
        self._indices = _span(np.zeros(0, np.int64) if space is None else space.indices)
        self.achieved = np.array(list(spec.observed_goal.values()), dtype=np.int64)
        self.states = np.zeros((slots, self.length_limit + 1, sizes[0]), np.float32)
        self.actions = np.zeros((slots, self.length_limit, sizes[1]), np.float32)
        self.rewards = np.zeros((slots, self.length_limit), np.float32)
        self.subgoals = np.zeros((slots, periods, sizes[2]), np.float32)
        self.targets = np.zeros((slots, periods, sizes[2]), np.float32)
        self.task_goals = np.zeros((slots, sizes[3]), np.float32)
        self.lengths = np.zeros(slots, np.int64)
        self.finished = np.zeros(slots, np.bool_)
        self.terminated = np.zeros(slots, np.bool_)
        self._weights = np.ones(slots) if weighted else None
        """How often a step of each slot is drawn compared with the others', shape (slots,); None: all alike."""
        self._age = np.full(slots, FREE)
        self._writing = np.full(num_envs, FREE)
        self._begun = 0
        self._files: MappedArrays | None = None

    def __len__(self) -> int:
        """Environment steps in the store."""
        return int(self.lengths.sum())

    @property
    def nbytes(self) -> int:
        """Memory of a full store [bytes]."""
        arrays = (self.states, self.actions, self.rewards, self.subgoals, self.targets, self.task_goals)
        return sum(array.nbytes for array in arrays)

    def positions(self, states: npt.NDArray) -> npt.NDArray:
        """Where states (..., observation_dim) lie in the goal space, (..., subgoal_dim)."""
        return states[..., self._indices] if self._embedding is None else self._embedding(states)

    def begin(self, env: int, state: npt.NDArray, task_goal: npt.NDArray) -> None:
        """Start an episode of environment ``env`` in the oldest slot that nobody writes to."""
        self._writing[env] = FREE
        self._writing[env] = slot = self._claim()
        self.states[slot, 0], self.task_goals[slot] = state, task_goal

    def add(self, episode: StoredEpisode, weight: float = 1.0) -> int:
        """Add an episode that is over, in the oldest slot that nobody writes to; returns the slot.

        Where episodes are weighted, a step of this one is drawn ``weight`` times as often as one of weight 1.
        """
        slot = self._claim(len(episode.rewards))
        self._fill(slot, episode, weight)
        return slot

    def _fill(self, slot: int, episode: StoredEpisode, weight: float) -> None:
        steps, periods = len(episode.rewards), len(episode.subgoals)
        self.states[slot, : steps + 1], self.task_goals[slot] = episode.states, episode.task_goal
        self.actions[slot, :steps], self.rewards[slot, :steps] = episode.actions, episode.rewards
        self.subgoals[slot, :periods], self.targets[slot, :periods] = episode.subgoals, episode.targets
        self.lengths[slot] = steps
        self.finished[slot], self.terminated[slot] = episode.finished, episode.terminated
        if self._weights is not None:
            self._weights[slot] = weight

    def set_subgoals(self, envs: Index, subgoals: npt.NDArray, targets: npt.NDArray) -> None:
        """Note the subgoals chosen at the present step of ``envs`` and their absolute targets."""
        slots = self._writing[envs]
        periods = self.lengths[slots] // self.period
        self.subgoals[slots, periods], self.targets[slots, periods] = subgoals, targets

    def append(
        self,
        actions: npt.NDArray,
        rewards: npt.NDArray,
        next_states: npt.NDArray,
        terminated: npt.NDArray[np.bool_],
        truncated: npt.NDArray[np.bool_],
    ) -> None:
        """Add one step of every environment; next_states are the real ones, before any reset."""
        slots = self._writing
        steps = self.lengths[slots]
        self.actions[slots, steps], self.rewards[slots, steps] = actions, rewards
        self.states[slots, steps + 1] = next_states
        self.lengths[slots] += 1
        self.finished[slots], self.terminated[slots] = terminated | truncated, terminated

    def layout(self) -> dict[str, Any]:
        """What the rows of its arrays are, as plain data of JSON."""
        rows = {
            name: [str(array.dtype), *array.shape[1:]] for name in self._names() for array in (getattr(self, name),)
        }
        return {"period": self.period, "rows": rows}

    def move_to(self, files: MappedArrays) -> None:
        """Live in files from now on, with what is in them; nothing must have been added before."""
        self._files = files
        opened = {name: self._like(name, len(getattr(self, name))) for name in self._names()}
        # Who was killed while they grew, or found the disk full, has left some shorter than others.
        rows = max(map(len, opened.values()))
        for name, array in opened.items():
            setattr(self, name, array if len(array) == rows else self._like(name, rows))

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything in the store: of what has a row for each step only the rows that are written, slot by slot."""
        slots = np.flatnonzero(self._age != FREE)
        data = {name: getattr(self, name)[slots] for name in _OF_EPISODES}
        for name, rows in self._written(slots).items():
            parts = [getattr(self, name)[slot, :count] for slot, count in zip(slots, rows, strict=True)]
            data[name] = np.concatenate([getattr(self, name)[0, :0], *parts])
        return data | {"slots": slots, "writing": self._writing, "begun": np.array([self._begun])}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Fill the store with what ``state_dict`` gave."""
        for slot in np.flatnonzero(self._age != FREE):
            self._free(int(slot))
        slots = state["slots"]
        while len(self._age) <= slots.max(initial=0):
            self._grow()
        for name in _OF_EPISODES:
            getattr(self, name)[slots] = state[name]
        for name, rows in self._written(slots).items():
            ends = np.cumsum(rows)
            for slot, count, end in zip(slots, rows, ends, strict=True):
                getattr(self, name)[slot, :count] = state[name][end - count : end]
        self._writing[:], self._begun = state["writing"], int(state["begun"][0])

    def _written(self, slots: Index) -> dict[str, Index]:
        """Rows of each slot that hold something, by the name of what has rows."""
        steps, limit = self.lengths[slots], self.subgoals.shape[1]
        # The subgoal of a period that has just begun is there before its first step.
        periods = np.minimum(steps // self.period + 1, limit)
        return {"states": steps + 1, "actions": steps, "rewards": steps, "subgoals": periods, "targets": periods}

    def _claim(self, steps: int = 0) -> int:
        """Take a free slot; the oldest episodes that nobody writes to make room for ``steps`` more."""
        while True:
            over = self._age != FREE
            over[self._writing[self._writing != FREE]] = False
            fits, free = self.lengths[over].sum() + steps <= self._room, np.flatnonzero(self._age == FREE)
            if fits and not free.size and len(self._age) < self._most_slots:
                self._grow()
            elif fits and free.size:
                break
            else:
                candidates = np.flatnonzero(over)
                self._free(int(candidates[np.argmin(self._age[candidates])]))
        slot = int(free[0])
        self._age[slot] = self._begun
        self._begun += 1
        return slot

    def _free(self, slot: int) -> None:
        """Forget the episode of a slot."""
        written = self._written(np.array([slot]))
        # First: who is killed on the way leaves no half of an episode.
        self._age[slot] = FREE
        for name, rows in written.items():
            getattr(self, name)[slot, : rows[0]] = 0
        self.lengths[slot] = 0
        self.finished[slot], self.terminated[slot] = False, False

    def _grow(self) -> None:
        """Up to twice as many slots, for episodes shorter than they might be; unwritten rows cost nothing."""
        old, slots = len(self._age), min(2 * len(self._age), self._most_slots)
        if self._files is not None:
            # All of them before any is used: a full disk leaves the store as it is.
            for name, array in [(name, self._like(name, slots)) for name in self._names()]:
                setattr(self, name, array)
            return
        written = self._written(np.arange(old))
        for name in self._names():
            array, grown = getattr(self, name), self._like(name, slots)
            if name not in written:
                grown[:old] = array
            else:
                for slot, count in enumerate(written[name]):
                    grown[slot, :count] = array[slot, :count]
            setattr(self, name, grown)

    def _names(self) -> tuple[str, ...]:
        """All arrays of slots."""
        weights = () if self._weights is None else ("_weights",)
        return (*_OF_EPISODES, *weights, *self._written(np.zeros(0, np.int64)))

    def _like(self, name: str, slots: int) -> npt.NDArray:
        """So many empty slots like those of an array; of files at least so many, with what is there."""
        array, fill = getattr(self, name), _FILL.get(name, 0)
        shape, dtype = (slots, *array.shape[1:]), array.dtype
        if self._files is not None:
            return self._files.opened(name, shape, dtype, fill)
        return np.full(shape, fill, dtype) if fill else np.zeros(shape, dtype)


def _span(indices: Index) -> Index | slice:
    """Consecutive indices as a slice, which copies nothing when it is used."""
    if not len(indices):
        return slice(0)
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if np.array_equal(indices, np.arange(first, last + 1)) else indices
