"""What travels between simulator, manager and worker; field for field the messages of ``hrl_msgs``.

Named tuples rather than dataclasses because thousands are made per second. Arrays are float64, one-dimensional and
not to be written to. Times are nanoseconds of environment time.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
NO_VECTOR: Vector = np.empty(0)
NO_VECTOR.flags.writeable = False
NAN = float("nan")
WORKER_LEVEL = 0
"""Level of the subgoals that a worker turns into actions; those above it serve managers of managers."""


class Mode(IntEnum):
    """Purpose of an episode."""

    TRAIN = 0
    EVAL = 1
    DEMO = 2


class ActionSource(IntEnum):
    """Whose an action is; ``HOLD`` and ``SAFE`` are what the environment applies where nobody sends one in time."""

    POLICY = 0
    HOLD = 1
    SAFE = 2
    TELEOP = 3


class SubgoalKind(IntEnum):
    """How ``Subgoal.value`` is to be read."""

    NONE = 0
    RELATIVE = 1
    ABSOLUTE = 2
    DIRECTION = 3
    SKILL = 4
    CONTINUE = 5


class HorizonUnit(IntEnum):
    """What ``Subgoal.horizon`` counts."""

    STEPS = 0
    ATTEMPTS = 1
    """Of the level below (HAC): its subgoals, or a worker's actions, of which there is one a step."""


class SegmentEnd(IntEnum):
    """Why a subgoal segment ended."""

    ACHIEVED = 0
    HORIZON = 1
    WORKER_TERMINATED = 2
    HIGHER_GOAL_REACHED = 3
    PREEMPTED = 4
    TERMINATED = 5
    TRUNCATED = 6


EPISODE_ENDS = (SegmentEnd.TERMINATED, SegmentEnd.TRUNCATED)
"""Ends of a segment that no subgoal follows."""


class EpisodeEnd(IntEnum):
    """Why an episode ended, apart from whether it succeeded."""

    TERMINATED = 0
    TIME_LIMIT = 1
    CANCELLED = 2
    ROBOT_SILENT = 3


class Observation(NamedTuple):
    """What the environment shows after one control step; key (run, robot, episode, step)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    step: int
    state: Vector
    achieved_goal: Vector
    desired_goal: Vector
    reward: float
    success: bool
    first: bool
    terminated: bool
    truncated: bool
    mode: int
    applied_action: Vector
    action_source: int
    task_hash: int

    @property
    def last(self) -> bool:
        """Whether the episode ends here: no subgoal and no action answers this observation."""
        return self.terminated or self.truncated

    @property
    def key(self) -> tuple[int, int]:
        """Order of observations within a run."""
        return self.episode, self.step


class Subgoal(NamedTuple):
    """One decision of a manager; key (run, episode, level, seq)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    step: int
    seq: int
    parent_seq: int
    level: int
    kind: int
    value: Vector
    anchor: Vector
    skill_id: int
    num_skills: int
    space: str
    task_goal: Vector
    horizon: int
    horizon_unit: int
    tolerance: Vector
    end_when_achieved: bool
    worker_may_terminate: bool
    test: bool
    deterministic: bool
    log_probability: float
    value_estimate: float
    policy_version: int
    attempt: int = 0
    """Number of this subgoal among its parent's."""


class SubgoalResult(NamedTuple):
    """How a segment ended, said by the worker; key (run, episode, level, seq)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    level: int
    seq: int
    step: int
    steps_used: int
    end_reason: int
    end_level: int
    achieved: Vector
    reward_sum: float
    reward_discounted: float
    intrinsic_sum: float
    active_path: tuple[str, ...]


class SubgoalRequest(NamedTuple):
    """A worker in the middle of an episode has no subgoal; key (run, episode, level, step)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    level: int
    step: int


class Action(NamedTuple):
    """One action of the worker; key (run, robot, episode, step)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    step: int
    value: Vector
    subgoal_seq: int
    observation_stamp: int
    log_probability: float
    policy_version: int
    source: int = ActionSource.POLICY
    intended: Vector = NO_VECTOR
    """The action before noise was added on purpose or it was clipped; empty: the same as ``value``."""


class EpisodeResult(NamedTuple):
    """Outcome of one episode; key (run, robot, episode)."""

    stamp: int
    frame: str
    run: int
    robot: str
    episode: int
    seed: int
    steps: int
    episode_return: float
    success: bool
    final_distance: float
    end_reason: int


def frozen(values: npt.ArrayLike) -> Vector:
    """Copy ``values`` into a read-only float64 vector."""
    vector = np.array(values, dtype=np.float64).reshape(-1)
    vector.flags.writeable = False
    return vector
