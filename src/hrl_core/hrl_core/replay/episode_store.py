"""One store of episodes, from which every kind of training batch is derived when it is sampled.

Per episode: s[T + 1], a[T], r[T], one subgoal per period, the task goal. The subgoal transition h, windows of
c steps, n-step returns and relabelled task goals follow from these, so that 2 M steps of the ant take about
340 MB where two rings of windows take 360 + 58 MB for a tenth of it. It is the
layout of a recording as well.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.replay.episode_slots import EpisodeSlots, Index

Float32 = npt.NDArray[np.float32]


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
    positions: Float32
    """Goal-space part of the states acted at, shape (batch, c, subgoal_dim)."""


class DrawnFrom(NamedTuple):
    """What is drawn from, slot by slot, (slots,) each."""

    slots: Index
    counts: Index
    """Items that a slot holds."""
    upto: Index
    """Items up to and with a slot."""
    shares: npt.NDArray[np.float64] | None
    """The same of their weights; None: all items are alike."""


class EpisodeStore(EpisodeSlots):
    """A ring of episodes, and what is drawn from it."""

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
        return self._draw(batch, rng, False, newest)

    def steps_at(self, slots: Index, steps: Index, next_goal_at_switch: bool = False) -> WorkerBatch:
        """The transitions at ``steps`` of ``slots``, (batch,) each."""
        periods = steps // self.period
        states, next_states = _rows(self.states, slots, steps), _rows(self.states, slots, steps + 1)
        positions, next_positions = self.positions(states), self.positions(next_states)
        targets = self._targets_of(slots, periods)
        next_targets = targets
        if next_goal_at_switch:
            later = np.minimum((steps + 1) // self.period, np.maximum(self.lengths[slots] - 1, 0) // self.period)
            next_targets = self._targets_of(slots, later)
        return WorkerBatch(
            states=states,
            subgoals=targets - positions,
            actions=_rows(self.actions, slots, steps),
            next_states=next_states,
            remaining=targets - next_positions,
            next_subgoals=next_targets - next_positions,
            rewards=self.rewards[slots, steps],
            task_goals=self.task_goals.take(slots, axis=0),
            terminated=self.terminated[slots] & (steps + 1 == self.lengths[slots]),
        )

    def sample_segments(self, batch: int, rng: np.random.Generator, n_step: int = 1, newest: int = 0) -> SegmentIndex:
        """Draw closed subgoal periods uniformly, each followed by up to ``n_step`` - 1 further ones.

        With ``newest``, draw from that many newest environment steps only, in whole episodes.
        """
        slots, first = self._draw(batch, rng, True, -(-newest // self.period))
        return self._run(slots, first, np.minimum(n_step, self._closed_segments(slots) - first))

    def shortened(self, index: SegmentIndex, segments: Index) -> SegmentIndex:
        """The same runs cut to at most ``segments`` (batch,) subgoal periods each."""
        return self._run(index.slots, index.starts // self.period, np.minimum(segments, index.segments))

    @property
    def segments(self) -> int:
        """Closed subgoal periods in the store."""
        return int(self._closed_segments().sum())

    def achieved_goals(self, slots: Index, steps: Index) -> Float32:
        """Achieved task goals at ``steps`` (batch, ...) of ``slots`` (batch,), (batch, ..., goal_dim)."""
        first = (slots.reshape(-1, *(1,) * (steps.ndim - 1)) * self.states.shape[1] + steps) * self.states.shape[2]
        goals = np.empty((len(self.achieved), *steps.shape), np.float32)
        for k, element in enumerate(self.achieved):
            goals[k] = self.states.reshape(-1).take(first + element)
        # Element after element in memory: so norms over the last axis are quickest.
        return np.moveaxis(goals, 0, -1)

    def windows(self, index: SegmentIndex) -> Windows:
        """The first subgoal period of each drawn run, as the worker lived it."""
        rows = index.slots[:, None]
        lengths = np.minimum(self.period, self.lengths[index.slots] - index.starts)
        steps = np.minimum(index.starts[:, None] + np.arange(self.period), self.length_limit - 1)
        states, ends = self.states[rows, steps], self.states[index.slots, index.starts + lengths]
        return Windows(states, self.actions[rows, steps], lengths, self.positions(ends), self.positions(states))

    def chosen_at(self, slots: Index, steps: Index) -> tuple[Float32, Float32]:
        """The states at which the subgoals in force at ``steps`` of ``slots`` were chosen, and these, (batch, ...)."""
        periods = steps // self.period
        return _rows(self.states, slots, periods * self.period), _rows(self.subgoals, slots, periods)

    def _targets_of(self, slots: Index, periods: Index) -> Float32:
        """Absolute targets of subgoals; in a learned space where they lie today."""
        if self._embedding is None:
            return _rows(self.targets, slots, periods)
        anchors = _rows(self.states, slots, periods * self.period)
        return self._embedding(anchors) + _rows(self.subgoals, slots, periods)

    def _run(self, slots: Index, first: Index, segments: Index) -> SegmentIndex:
        """``segments`` periods from period ``first`` on, each (batch,)."""
        ends = np.minimum((first + segments) * self.period, self.lengths[slots])
        terminated = self.terminated[slots] & (ends == self.lengths[slots])
        return SegmentIndex(slots, first * self.period, segments, ends, terminated)

    def _closed_segments(self, slots: Index | slice = slice(None)) -> Index:
        """Subgoal periods per slot whose end has been seen, a short last one included."""
        whole, rest = np.divmod(self.lengths[slots], self.period)
        return whole + (self.finished[slots] & (rest > 0))

    def _draw(self, batch: int, rng: np.random.Generator, of_segments: bool, newest: int) -> tuple[Index, Index]:
        """Draw (slot, item): uniformly over all steps or closed segments, or by the weights of their slots."""
        slots, counts, upto, shares = self._drawn_from(of_segments, newest)
        if not upto[-1]:
            raise ValueError("the episode store is empty")
        if shares is not None:
            row = np.minimum(np.searchsorted(shares, rng.random(batch) * shares[-1], side="right"), slots.size - 1)
            return slots[row], (rng.random(batch) * counts[row]).astype(np.int64)
        drawn = rng.integers(0, upto[-1], batch)
        row = np.searchsorted(upto, drawn, side="right")
        return slots[row], drawn - (upto[row] - counts[row])

    def _drawn_from(self, of_segments: bool, newest: int) -> DrawnFrom:
        counts, slots = self._closed_segments() if of_segments else self.lengths, np.arange(self.lengths.size)
        if newest:
            by_age = np.argsort(-self._age, kind="stable")
            slots = by_age[: int(np.searchsorted(np.cumsum(counts[by_age]), newest)) + 1]
        counts = counts[slots]
        shares = None if self._weights is None else np.cumsum(counts * self._drawing_weights()[slots])
        return DrawnFrom(slots, counts, np.cumsum(counts), shares)

    def _drawing_weights(self) -> npt.NDArray[np.float64]:
        """How often a step of each slot is drawn compared with the others', shape (slots,)."""
        assert self._weights is not None
        return self._weights


def _rows(array: Float32, slots: Index, steps: Index) -> Float32:
    """Rows array[slots, steps] by one flat index, four times as quick as by two."""
    return array.reshape(array.shape[0] * array.shape[1], array.shape[2]).take(slots * array.shape[1] + steps, axis=0)
