"""Off-policy correction, 128 transitions x 10 candidates x 10 steps: exact pruning against one by one."""

from collections.abc import Sequence

import numpy as np
import torch

from hrl.benchmarks.measuring import Figures, best_seconds, forward_flops, matmul_flops, run_benchmark
from hrl.benchmarks.update import CONFIG, filled_store, goal_space
from hrl_core.algorithms.hiro.actor_shapes import worker_actor_config
from hrl_core.algorithms.hiro.relabelling import RelabelChoice, best_candidates, candidate_subgoals
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.networks.actor import Actor
from hrl_core.replay.episode_store import Windows
from hrl_core.task.text import load_task

BATCH, CANDIDATES = 128, 10
NOISE = 1.0
"""Exploration noise in the recorded actions [N m] (paper)."""
DRIFT = 1.0
"""How far the worker has moved since it acted: standard deviation of the relative change of each weight.

The stored subgoal then loses about as often as in training: 0.72 to 0.85 in the paper's preset on Ant Maze between
4,000 and 20,000 steps."""
LITTLE_DRIFT = 0.02
"""A worker that has hardly changed: the stored subgoal wins, pruning is at its best."""


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    run_benchmark("relabel", measure, arguments)


def one_by_one(space: GoalSpace, windows: Windows, proposals: torch.Tensor, actor: Actor) -> torch.Tensor:
    """Squared action errors (batch, candidates) as open HIRO code finds them: all steps of one candidate at a time."""
    scores = []
    states, actions = torch.from_numpy(windows.states), torch.from_numpy(windows.actions)
    positions = states[:, :, space.indices]
    moved = positions - positions[:, :1]
    half_range = torch.from_numpy((space.task.action_high - space.task.action_low) / 2).float()
    with torch.no_grad():
        for k in range(proposals.shape[1]):
            carried = (proposals[:, k, None] - moved).flatten(0, 1)
            predicted = actor(torch.cat((states.flatten(0, 1), carried), 1)).view_as(actions)
            scores.append(((predicted - actions) / half_range).square().sum((1, 2)))
    return torch.stack(scores, 1)


def recorded(space: GoalSpace, worker: FastTD3, drift: float) -> tuple[Windows, torch.Tensor]:
    """Windows whose actions come from a slightly older worker with exploration noise, and their subgoals."""
    store = filled_store(space)
    rng = np.random.default_rng(0)
    index = store.sample_segments(BATCH, rng)
    windows = store.windows(index)
    subgoals = torch.from_numpy(store.subgoals[index.slots, index.starts // store.period])
    states = torch.from_numpy(windows.states)
    moved = states[:, :, space.indices] - states[:, :1, space.indices]
    generator = torch.Generator().manual_seed(1)
    actions = torch.stack(
        [worker.act(torch.cat((states[:, i], subgoals - moved[:, i]), 1)) for i in range(store.period)], 1
    )
    actions += NOISE * torch.randn(actions.shape, generator=generator)
    worker.actor.flat.mul_(1 + drift * torch.randn(worker.actor.flat.shape, generator=generator))
    return windows._replace(actions=actions.numpy()), subgoals


def measure(threads: int = 1) -> Figures:
    """Time both searches where much is relabelled, as in training, and where nothing is."""
    search, settled = Search(DRIFT), Search(LITTLE_DRIFT)
    seconds = best_seconds(search.pruned, search.plain, settled.pruned, settled.plain)
    ours, theirs, ours_settled, theirs_settled = (1e3 * s for s in seconds)
    rows = BATCH * CANDIDATES * search.space.level.horizon
    return {
        "ratio": theirs / ours,
        "unit": "ms per search",
        "fast": ours,
        "reference": theirs,
        "reference_is": "candidate by candidate, all steps of one together, under no_grad",
        "identical_choice": search.same_choice and settled.same_choice,
        "share_relabelled": search.share_relabelled,
        "ratio_settled": theirs_settled / ours_settled,
        "share_relabelled_settled": settled.share_relabelled,
        "arithmetic_limit": 1e3 * forward_flops(search.worker.actor_config, rows) / matmul_flops(),
        "arithmetic_limit_is": "of a full search; exact pruning needs less",
    }


class Search:
    """One search, both ways, over actions of a worker that has learned on since."""

    def __init__(self, drift: float) -> None:
        """Record with a worker, then change its weights."""
        self.space = goal_space(load_task("ant_maze"))
        self.worker = sensitive_worker(self.space)
        self._windows, subgoals = recorded(self.space, self.worker, drift)
        self._actor = Actor(self.worker.actor_config)
        self._actor.load_state_dict(self.worker.actor_weights())
        generator = torch.Generator().manual_seed(0)
        self._proposals = candidate_subgoals(self.space, self._windows, subgoals, CANDIDATES, generator)

    def pruned(self) -> RelabelChoice:
        """The fast path."""
        return best_candidates(self.space, self._windows, self._proposals, self.worker.act)

    def plain(self) -> torch.Tensor:
        """Squared errors (batch, candidates) of the reference."""
        return one_by_one(self.space, self._windows, self._proposals, self._actor)

    @property
    def same_choice(self) -> bool:
        """Whether both ways choose the same candidates."""
        return torch.equal(self.pruned().candidate, self.plain().argmin(1))

    @property
    def share_relabelled(self) -> float:
        """Share of transitions whose stored subgoal loses."""
        return float((self.pruned().candidate > 0).float().mean())


def sensitive_worker(space: GoalSpace) -> FastTD3:
    """A worker whose actions depend on the subgoal as after training; untrained ones answer nearly the same."""
    worker = FastTD3(CONFIG.worker, worker_actor_config(space, CONFIG), torch.Generator().manual_seed(0))
    make_sensitive(worker)
    return worker


def make_sensitive(worker: FastTD3) -> None:
    """Draw large weights for the actor's last layer."""
    worker.actor.weights[-1].uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(2))
