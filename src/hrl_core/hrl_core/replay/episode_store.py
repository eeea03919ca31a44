"""One store of episodes, from which every kind of training batch is derived when it is sampled.

Per episode: s[T + 1], a[T], r[T], one subgoal per period, the task goal. The subgoal transition h, windows of
c steps, n-step returns and relabelled task goals follow from these, so that 2 M steps of the ant take about
340 MB where two rings of windows take 360 + 58 MB for a tenth of it. It is the
layout of a recording as well.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.hierarchy.spec import GoalSpace, LevelSpec
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
_FREE = -1


class WorkerBatch(NamedTuple):
    """Transitions of single steps; float32, leading axis (batch,)."""

    states: Float32
    subgoals: Float32
    """The carried subgoal at the state: target minus position."""
    actions: Float32
    next_states: Float32
    remaining: Float32
    """h(g) = s + g - s': the same target seen from the next state, also at the end of a segment."""
    next_subgoals: Float32
    """The goal that the next state is valued under: h(g) as in the paper, or the next segment's."""
    rewards: Float32
    """The task's reward of the step."""
    task_goals: Float32
    terminated: npt.NDArray[np.bool_]


class SegmentIndex(NamedTuple):
    """Where a run of manager transitions lies in the store; each (batch,)."""

    slots: Index
    starts: Index
    """First step."""
    segments: Index
    """Number of subgoal periods it spans."""
    ends: Index
    """State it bootstraps from."""
    terminated: npt.NDArray[np.bool_]
    """Whether the episode terminated there."""


class Windows(NamedTuple):
    """What the worker did under one subgoal, for off-policy correction; leading axis (batch,)."""

    states: Float32
    """Shape (batch, c, observation_dim): the states acted at."""
    actions: Float32
    """Shape (batch, c, action_dim)."""
    lengths: Index
    """Steps that count, c but for the last segment of an episode."""
    end_positions: Float32
    """Goal-space part of the state after the last step, shape (batch, subgoal_dim)."""


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


class EpisodeStore:
    """A ring of episodes, filled by several environments at once."""

    def __init__(
        self, spec: TaskSpec, level: LevelSpec | None, capacity: int, num_envs: int, weighted: bool = False
    ) -> None:
        """Reserve room; memory is taken when it is written.

        Args:
            spec: the task.
            level: whose subgoals are stored, one every horizon; None: there are none.
            capacity: environment steps kept, in whole episodes.
            num_envs: environments that write at the same time.
            weighted: whether steps are drawn by the weights of their episodes instead of uniformly.
        """
        self.length_limit = spec.max_episode_steps
        self.period = self.length_limit if level is None else level.horizon
        indices = np.zeros(0, np.int64) if level is None else GoalSpace(spec, level).indices
        slots = -(-capacity // self.length_limit) + num_envs
        periods = -(-self.length_limit // self.period)
        sizes = len(spec.observation), len(spec.action), len(indices), len(spec.goal)
        names = [element.name for element in spec.observation]
        self._positions = _span(indices)
        self.achieved = np.array([names.index(e.name) for e in spec.goal if e.name in names], dtype=np.int64)
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
        self._age = np.full(slots, _FREE)
        self._writing = np.full(num_envs, _FREE)
        self._begun = 0

    def __len__(self) -> int:
        """Environment steps in the store."""
        return int(self.lengths.sum())

    @property
    def nbytes(self) -> int:
        """Memory of a full store [bytes]."""
        arrays = (self.states, self.actions, self.rewards, self.subgoals, self.targets, self.task_goals)
        return sum(array.nbytes for array in arrays)

    def begin(self, env: int, state: npt.NDArray, task_goal: npt.NDArray) -> None:
        """Start an episode of environment ``env`` in the oldest slot that nobody writes to."""
        self._writing[env] = _FREE
        self._writing[env] = slot = self._claim()
        self.lengths[slot], self.finished[slot], self.terminated[slot] = 0, False, False
        self.states[slot, 0], self.task_goals[slot] = state, task_goal

    def add(self, episode: StoredEpisode, weight: float = 1.0) -> int:
        """Add an episode that is over, in the oldest slot that nobody writes to; returns the slot.

        Where episodes are weighted, a step of this one is drawn ``weight`` times as often as one of weight 1.
        """
        slot, steps, periods = self._claim(), len(episode.rewards), len(episode.subgoals)
        self.states[slot, : steps + 1], self.task_goals[slot] = episode.states, episode.task_goal
        self.actions[slot, :steps], self.rewards[slot, :steps] = episode.actions, episode.rewards
        self.subgoals[slot, :periods], self.targets[slot, :periods] = episode.subgoals, episode.targets
        self.lengths[slot] = steps
        self.finished[slot], self.terminated[slot] = episode.finished, episode.terminated
        if self._weights is not None:
            self._weights[slot] = weight
        return slot

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

    def sample_steps(
        self, batch: int, rng: np.random.Generator, newest: int = 0, next_goal_at_switch: bool = False
    ) -> WorkerBatch:
        """Draw single steps uniformly with replacement.

        Args:
            batch: number of transitions.
            rng: source of randomness.
            newest: draw from that many newest steps only, in whole episodes; 0: from all.
            next_goal_at_switch: next_subgoals at the last step of a segment is the next segment's subgoal
                (released code of HIRO) instead of h(g) (paper).
        """
        return self.steps_at(*self.draw_steps(batch, rng, newest), next_goal_at_switch)

    def draw_steps(self, batch: int, rng: np.random.Generator, newest: int = 0) -> tuple[Index, Index]:
        """Slots and steps of ``batch`` transitions, as ``sample_steps`` draws them."""
        return self._draw(self.lengths, batch, rng, newest)

    def steps_at(self, slots: Index, steps: Index, next_goal_at_switch: bool = False) -> WorkerBatch:
        """The transitions at ``steps`` of ``slots``, (batch,) each."""
        periods = steps // self.period
        states, next_states = _rows(self.states, slots, steps), _rows(self.states, slots, steps + 1)
        targets = _rows(self.targets, slots, periods)
        next_targets = targets
        if next_goal_at_switch:
            later = np.minimum((steps + 1) // self.period, np.maximum(self.lengths[slots] - 1, 0) // self.period)
            next_targets = _rows(self.targets, slots, later)
        return WorkerBatch(
            states=states,
            subgoals=targets - states[:, self._positions],
            actions=_rows(self.actions, slots, steps),
            next_states=next_states,
            remaining=targets - next_states[:, self._positions],
            next_subgoals=next_targets - next_states[:, self._positions],
            rewards=self.rewards[slots, steps],
            task_goals=self.task_goals.take(slots, axis=0),
            terminated=self.terminated[slots] & (steps + 1 == self.lengths[slots]),
        )

    def sample_segments(self, batch: int, rng: np.random.Generator, n_step: int = 1, newest: int = 0) -> SegmentIndex:
        """Draw closed subgoal periods uniformly, each followed by up to ``n_step`` - 1 further ones.

        With ``newest``, draw from that many newest environment steps only, in whole episodes.
        """
        closed = self._closed_segments()
        slots, first = self._draw(closed, batch, rng, -(-newest // self.period))
        return self._run(slots, first, np.minimum(n_step, closed[slots] - first))

    def shortened(self, index: SegmentIndex, segments: Index) -> SegmentIndex:
        """The same runs cut to at most ``segments`` (batch,) subgoal periods each."""
        return self._run(index.slots, index.starts // self.period, np.minimum(segments, index.segments))

    @property
    def segments(self) -> int:
        """Closed subgoal periods in the store."""
        return int(self._closed_segments().sum())

    def achieved_goals(self, slots: Index, steps: Index) -> Float32:
        """Achieved task goals at ``steps`` (batch, ...) of ``slots`` (batch,), (batch, ..., goal_dim)."""
        expand = slots.reshape(-1, *(1,) * (steps.ndim - 1))
        return self.states[expand[..., None], steps[..., None], self.achieved]

    def windows(self, index: SegmentIndex) -> Windows:
        """The first subgoal period of each drawn run, as the worker lived it."""
        rows = index.slots[:, None]
        lengths = np.minimum(self.period, self.lengths[index.slots] - index.starts)
        steps = np.minimum(index.starts[:, None] + np.arange(self.period), self.length_limit - 1)
        ends = self.states[index.slots, index.starts + lengths]
        return Windows(self.states[rows, steps], self.actions[rows, steps], lengths, ends[:, self._positions])

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything in the store, as arrays (views where possible)."""
        used = int(np.max(np.flatnonzero(self._age != _FREE), initial=-1)) + 1
        data = {name: getattr(self, name)[:used] for name in _ARRAYS}
        return data | {"age": self._age[:used], "writing": self._writing, "begun": np.array([self._begun])}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Fill the store with what ``state_dict`` gave."""
        used = len(state["age"])
        for name in _ARRAYS:
            getattr(self, name)[:used] = state[name]
        self._age[:used], self._writing[:] = state["age"], state["writing"]
        self._age[used:] = _FREE
        self._begun = int(state["begun"][0])

    def _run(self, slots: Index, first: Index, segments: Index) -> SegmentIndex:
        """``segments`` periods from period ``first`` on, each (batch,)."""
        ends = np.minimum((first + segments) * self.period, self.lengths[slots])
        terminated = self.terminated[slots] & (ends == self.lengths[slots])
        return SegmentIndex(slots, first * self.period, segments, ends, terminated)

    def _claim(self) -> int:
        """Take the oldest slot that nobody writes to."""
        slot = next(int(s) for s in np.argsort(self._age, kind="stable") if s not in self._writing)
        self._age[slot] = self._begun
        self._begun += 1
        return slot

    def _closed_segments(self) -> Index:
        """Subgoal periods per slot whose end has been seen, a short last one included."""
        whole, rest = np.divmod(self.lengths, self.period)
        return whole + (self.finished & (rest > 0))

    def _draw(self, counts: Index, batch: int, rng: np.random.Generator, newest: int = 0) -> tuple[Index, Index]:
        """Draw (slot, item) uniformly over all items when slot i holds ``counts[i]`` of them."""
        slots = np.arange(counts.size)
        if newest:
            by_age = np.argsort(-self._age, kind="stable")
            slots = by_age[: int(np.searchsorted(np.cumsum(counts[by_age]), newest)) + 1]
        upto = np.cumsum(counts[slots])
        if not upto[-1]:
            raise ValueError("the episode store is empty")
        if self._weights is not None:
            shares = np.cumsum(counts[slots] * self._weights[slots])
            row = np.minimum(np.searchsorted(shares, rng.random(batch) * shares[-1], side="right"), slots.size - 1)
            return slots[row], (rng.random(batch) * counts[slots[row]]).astype(np.int64)
        drawn = rng.integers(0, upto[-1], batch)
        row = np.searchsorted(upto, drawn, side="right")
        return slots[row], drawn - (upto[row] - counts[slots[row]])


def _rows(array: Float32, slots: Index, steps: Index) -> Float32:
    """Rows array[slots, steps] by one flat index, four times as quick as by two."""
    return array.reshape(array.shape[0] * array.shape[1], array.shape[2]).take(slots * array.shape[1] + steps, axis=0)


def _span(indices: Index) -> Index | slice:
    """Consecutive indices as a slice, which copies nothing when it is used."""
    if not len(indices):
        return slice(0)
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if np.array_equal(indices, np.arange(first, last + 1)) else indices


_ARRAYS = (
    "states",
    "actions",
    "rewards",
    "subgoals",
    "targets",
    "task_goals",
    "lengths",
    "finished",
    "terminated",
)
