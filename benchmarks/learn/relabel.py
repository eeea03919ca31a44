"""Off-policy correction, 128 transitions x 10 candidates x 10 steps: exact pruning against one by one."""

import json

import numpy as np
import torch

from benchmarks.learn.measuring import best_seconds, machine, matmul_flops
from benchmarks.learn.update import CONFIG, filled_store
from hrl_core.agents.actor_shapes import worker_actor_config
from hrl_core.agents.td3 import TD3
from hrl_core.networks import Actor
from hrl_core.relabelling import best_candidates, candidate_subgoals
from hrl_core.replay.episode_store import Windows
from hrl_core.task import TaskSpec, load_task

BATCH, CANDIDATES = 128, 10
NOISE = 1.0
"""Exploration noise in the recorded actions [N m] (paper)."""


def one_by_one(spec: TaskSpec, windows: Windows, proposals: torch.Tensor, actor: Actor) -> torch.Tensor:
    """Index of the best candidate as open HIRO code finds it: one candidate, one step after another."""
    scores = []
    states, actions = torch.from_numpy(windows.states), torch.from_numpy(windows.actions)
    positions = states[:, :, spec.subgoal_indices]
    half_range = torch.from_numpy((spec.action_high - spec.action_low) / 2).float()
    with torch.no_grad():
        for k in range(proposals.shape[1]):
            subgoal, error = proposals[:, k], torch.zeros(len(proposals))
            for step in range(states.shape[1]):
                predicted = actor(torch.cat((states[:, step], subgoal), 1))
                error += ((predicted - actions[:, step]) / half_range).square().sum(1)
                if step + 1 < states.shape[1]:
                    subgoal = positions[:, step] + subgoal - positions[:, step + 1]
            scores.append(error)
    return torch.stack(scores, 1).argmin(1)


def recorded(spec: TaskSpec, worker: TD3) -> tuple[Windows, torch.Tensor]:
    """Windows whose actions come from a slightly older worker with exploration noise, and their subgoals."""
    store = filled_store(spec)
    rng = np.random.default_rng(0)
    index = store.sample_segments(BATCH, rng)
    windows = store.windows(index)
    subgoals = torch.from_numpy(store.subgoals[index.slots, index.starts // store.period])
    states = torch.from_numpy(windows.states)
    moved = states[:, :, spec.subgoal_indices] - states[:, :1, spec.subgoal_indices]
    generator = torch.Generator().manual_seed(1)
    actions = torch.stack(
        [worker.act(torch.cat((states[:, i], subgoals - moved[:, i]), 1)) for i in range(store.period)], 1
    )
    actions += NOISE * torch.randn(actions.shape, generator=generator)
    worker.actor.flat.mul_(1 + 0.02 * torch.randn(worker.actor.flat.shape, generator=generator))
    return windows._replace(actions=actions.numpy()), subgoals


def measure() -> dict[str, object]:
    """Time both searches and compare their choices."""
    spec = load_task("ant_maze")
    worker = TD3(CONFIG.worker, worker_actor_config(spec, CONFIG), torch.Generator().manual_seed(0))
    worker.actor.weights[-1].uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(2))
    windows, subgoals = recorded(spec, worker)
    actor = Actor(worker.actor_config)
    actor.load_state_dict(worker.actor_weights())
    proposals = candidate_subgoals(spec, windows, subgoals, CANDIDATES, torch.Generator().manual_seed(0))
    same = torch.equal(
        best_candidates(spec, windows, proposals, worker.act).candidate,
        one_by_one(spec, windows, proposals, actor),
    )
    ours, theirs = best_seconds(
        lambda: best_candidates(spec, windows, proposals, worker.act),
        lambda: one_by_one(spec, windows, proposals, actor),
        calls=2,
    )
    config = worker.actor_config
    rows = BATCH * CANDIDATES * spec.subgoal.period
    h1, h2 = config.hidden
    limit = 2 * rows * (config.input_dim * h1 + h1 * h2 + h2 * config.output_dim) / matmul_flops()
    return {
        "name": "relabel",
        "ratio": theirs / ours,
        "fast_ms": ours * 1e3,
        "reference_ms": theirs * 1e3,
        "identical_choice": same,
        "arithmetic_limit_of_a_full_search_ms": limit * 1e3,
        **machine(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure()))
