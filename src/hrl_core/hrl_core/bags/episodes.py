"""Episodes as arrays, as a recording holds them."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.keys import EpisodeKey
from hrl_core.messages import EpisodeEnd

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]
_END_NAMES = {end.value: end.name for end in EpisodeEnd}


class SubgoalTable(NamedTuple):
    """The subgoals of one level of one episode, in order of seq; leading axis (subgoals,)."""

    seqs: Int64
    steps: Int64
    """Environment step each was chosen at."""
    kinds: Int64
    """``hrl_core.messages.SubgoalKind``."""
    values: Float64
    """Shape (subgoals, subgoal_dim)."""
    anchors: Float64
    """Goal-space part of the observation it was chosen at, shape (subgoals, subgoal_dim)."""
    task_goals: Float64
    """Task goal it was chosen for, shape (subgoals, goal_dim)."""
    parent_seqs: Int64
    skill_ids: Int64
    horizons: Int64
    log_probabilities: Float64
    value_estimates: Float64
    policy_versions: UInt64
    attempts: Int64
    """Number of each among its parent's."""
    tests: Bool
    """Whether nobody was to explore below it."""


class SegmentTable(NamedTuple):
    """How the segments of one level of one episode ended, in order of seq; leading axis (segments,)."""

    seqs: Int64
    steps: Int64
    """Environment step each ended at."""
    steps_used: Int64
    end_reasons: Int64
    """``hrl_core.messages.SegmentEnd``."""
    achieved: Float64
    """Goal-space part of the observation it ended at, shape (segments, subgoal_dim)."""
    reward_sums: Float64
    intrinsic_sums: Float64


class Outcome(NamedTuple):
    """What the simulator or bridge said of a finished episode."""

    seed: int
    steps: int
    episode_return: float
    success: bool
    final_distance: float
    end_reason: int
    """``hrl_core.messages.EpisodeEnd``."""

    @property
    def end_name(self) -> str:
        """Name of ``end_reason``, or its number where this version knows none."""
        return _END_NAMES.get(self.end_reason, str(self.end_reason))


@dataclass(frozen=True, eq=False)
class BagEpisode:
    """One sound episode: T + 1 observations, T steps. Arrays hold the recorded bits; do not write to them."""

    key: EpisodeKey
    bag: Path
    """Bag that holds its first observation."""
    task_hash: int
    """First 64 bits of the task's hash."""
    mode: int
    """``hrl_core.messages.Mode``."""
    stamps: Int64
    """Environment time of each observation [ns], shape (T + 1,)."""
    received: Int64
    """When the recorder took each observation in [ns, wall time], shape (T + 1,)."""
    states: Float64
    """Shape (T + 1, observation_dim)."""
    achieved_goals: Float64
    """Shape (T + 1, goal_dim)."""
    desired_goals: Float64
    """Shape (T + 1, goal_dim)."""
    success: Bool
    """Shape (T + 1,)."""
    rewards: Float64
    """Shape (T,)."""
    applied_actions: Float64
    """The actions really applied, shape (T, action_dim)."""
    action_sources: Int64
    """Whose they were (``hrl_core.messages.ActionSource``), shape (T,)."""
    actions: Float64
    """What the worker asked for, NaN where no action is recorded, shape (T, action_dim)."""
    policy_versions: UInt64
    """Worker policy of each action, 0 where none is recorded, shape (T,)."""
    log_probabilities: Float64
    """Of each action, NaN where unknown, shape (T,)."""
    sources: Int64
    """Whose each of ``actions`` was, by the word of who sent it; POLICY where none is recorded, shape (T,)."""
    intended: Float64
    """``actions`` before noise was added on purpose or they were clipped, shape (T, action_dim)."""
    subgoals: dict[int, SubgoalTable]
    """By level; empty for flat policies."""
    segments: dict[int, SegmentTable]
    """By level."""
    terminated: bool
    truncated: bool
    outcome: Outcome | None
    """None: the recording ended before the episode did."""

    @property
    def steps(self) -> int:
        """T."""
        return len(self.rewards)

    @property
    def finished(self) -> bool:
        """Whether the episode's end is recorded."""
        return self.terminated or self.truncated


class Transitions(NamedTuple):
    """Single steps of many episodes, one after the other; leading axis (steps,)."""

    states: Float64
    actions: Float64
    """The applied ones."""
    rewards: Float64
    next_states: Float64
    task_goals: Float64
    """In force at the state."""
    terminated: Bool
    """Do not bootstrap from the next state."""
    action_sources: Int64
    episodes: Int64
    """Position of the episode in the list."""
    steps: Int64
    """Step within the episode."""


def transitions(episodes: list[BagEpisode]) -> Transitions:
    """Join episodes of one task into transitions.

    Raises:
        ValueError: there are none, or they are of different tasks.
    """
    if len({episode.task_hash for episode in episodes}) != 1:
        raise ValueError(f"transitions need episodes of one task, got {len(episodes)} episodes")
    last = [np.arange(e.steps) == e.steps - 1 if e.terminated else np.zeros(e.steps, np.bool_) for e in episodes]
    return Transitions(
        states=np.concatenate([e.states[:-1] for e in episodes]),
        actions=np.concatenate([e.applied_actions for e in episodes]),
        rewards=np.concatenate([e.rewards for e in episodes]),
        next_states=np.concatenate([e.states[1:] for e in episodes]),
        task_goals=np.concatenate([e.desired_goals[:-1] for e in episodes]),
        terminated=np.concatenate(last),
        action_sources=np.concatenate([e.action_sources for e in episodes]),
        episodes=np.repeat(np.arange(len(episodes)), [e.steps for e in episodes]),
        steps=np.concatenate([np.arange(e.steps) for e in episodes]),
    )
