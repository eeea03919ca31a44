"""An ablation of HIRO (arXiv 1805.08296, figure 4): the worker learns under subgoals that nobody chose."""

import numpy as np
import numpy.typing as npt

from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.replay.episode_store import WorkerBatch


def with_random_subgoals(
    space: GoalSpace, batch: WorkerBatch, share: float, rng: np.random.Generator
) -> tuple[WorkerBatch, npt.NDArray[np.bool_]]:
    """A batch of which a ``share`` of transitions, drawn by ``rng``, has subgoals drawn uniformly from their space.

    Returns:
        The batch, and which of its transitions those are, (batch,).
    """
    count = len(batch.subgoals)
    redrawn = rng.random(count) < share
    subgoals = np.where(
        redrawn[:, None], rng.uniform(space.low, space.high, (count, space.size)).astype(np.float32), batch.subgoals
    )
    # h(s, g, s') = s + g - s': what is left of another subgoal differs by as much as the subgoals do.
    remaining = batch.remaining + (subgoals - batch.subgoals)
    following = np.where(redrawn[:, None], remaining, batch.next_subgoals)
    return batch._replace(subgoals=subgoals, remaining=remaining, next_subgoals=following), redrawn
