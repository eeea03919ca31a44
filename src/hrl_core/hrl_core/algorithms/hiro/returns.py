"""What each level earns: the worker's intrinsic reward, the manager's n-step return."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hiro.config import HORIZON, HiroConfig
from hrl_core.algorithms.hiro.relabel_goals import GoalTask, TaskGoals
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex, WorkerBatch
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]


class ManagerReturns(NamedTuple):
    """N-step returns of manager transitions, each (batch,)."""

    rewards: Float32
    discounts: Float32


def worker_rewards(spec: TaskSpec, config: HiroConfig, batch: WorkerBatch) -> Float32:
    """Intrinsic rewards (batch,) from what is left of the subgoal, s + g - s' (paper equation 3)."""
    left = np.sqrt(np.sum(np.square(batch.remaining), axis=1))
    if config.worker_reward == "distance":
        rewards = -left
    elif config.worker_reward == "cosine":
        # cos(s' - s, g), of no step 0 (FuN, arXiv 1703.01161, equation 8, of one step).
        moved = batch.subgoals - batch.remaining
        rewards = np.sum(_directions(moved) * _directions(batch.subgoals), axis=1)
    else:
        before = np.sqrt(np.sum(np.square(batch.subgoals), axis=1))
        rewards = (before - left) / np.float32(config.progress_unit)
    if config.tilt_penalty:
        names = [element.name for element in spec.observation]
        tilted = batch.next_states[:, [names.index("qx"), names.index("qy")]]
        # (1 - cos tilt) / 2 of a rotation is qx^2 + qy^2; the quaternion is normalised after the first step.
        rewards = rewards - np.float32(config.tilt_penalty) * np.sum(np.square(tilted), axis=1)
    return rewards


def _directions(vectors: Float32) -> Float32:
    """Unit vectors (batch, size) along ``vectors``; 0 of those without a length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def manager_returns(
    spec: TaskSpec, config: HiroConfig, store: EpisodeStore, index: SegmentIndex, goals: TaskGoals, task: GoalTask
) -> ManagerReturns:
    """Discounted sum of segment rewards; the discount counts manager transitions, a short last one as one.

    A segment's reward is scale * 10 / c * sum of its task rewards + offset * its share of a whole period of c steps:
    of one order, and within the same bounds, whatever c is. Rewards come from the store unless task goals are
    relabelled; then the task computes them from the achieved goals, and an episode ends where it would have ended
    under that goal.
    """
    discount, period = config.manager.discount, store.period
    most = int(index.segments.max())
    steps = index.starts[:, None] + np.arange(most * period)
    counts = steps < index.ends[:, None]
    steps = np.minimum(steps, store.length_limit - 1)
    if not config.relabels_goals:
        rewards = store.rewards[index.slots[:, None], steps]
    else:
        rewards = task.compute_reward(store.achieved_goals(index.slots, steps + 1), goals.goals[:, None])
    terminated = index.terminated
    if config.relabels_goals and (spec.success.ends_episode or terminated.any()):
        counts, terminated = _ends(spec, store, index, goals, steps, counts)
    scale = config.manager_reward_scale * (HORIZON / period)
    per_step = np.where(counts, scale * rewards + config.manager_reward_offset / period, 0)
    segments = per_step.reshape(len(steps), most, period).sum(axis=2)
    total = segments @ discount ** np.arange(most)
    discounts = np.where(terminated, 0.0, discount**index.segments)
    return ManagerReturns(total.astype(np.float32), discounts.astype(np.float32))


def _ends(
    spec: TaskSpec,
    store: EpisodeStore,
    index: SegmentIndex,
    goals: TaskGoals,
    steps: npt.NDArray[np.int64],
    counts: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which steps (batch, steps) count under the goals, and whether the episode terminated there, (batch,).

    What ended with its own goal reached has not ended under another one; under that it ends where that is reached, if
    success ends episodes. What ended otherwise, by a fall, has ended under any.
    """
    ended_at, pursued = store.achieved_goals(index.slots, index.ends), store.task_goals[index.slots]
    otherwise = index.terminated & ~spec.success_holds(ended_at, pursued)
    terminated = np.where(goals.own, index.terminated, otherwise)
    if not spec.success.ends_episode:
        return counts, terminated
    achieved = store.achieved_goals(index.slots, steps + 1)
    reached = spec.success_holds(achieved, goals.goals[:, None]) & counts & ~goals.own[:, None]
    until = np.cumsum(reached, axis=1) - reached == 0
    return counts & until, terminated | reached.any(axis=1)
