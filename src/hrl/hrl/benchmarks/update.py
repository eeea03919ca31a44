"""Worker TD3 update (300-300, batch 128): fast path against separate modules fed from lists of arrays.

The reference samples the way open HIRO code does: one Python loop over drawn indices, one NumPy array per
field, one copy to a tensor. The fast path draws as the trainer does, eight batches together. Both sides are
timed with their sampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import torch
import tyro

from hrl.benchmarks.list_replay import ListReplay
from hrl.benchmarks.measuring import (
    Figures,
    LearningBenchmark,
    best_seconds,
    matmul_flops,
    report,
    update_flops,
)
from hrl_core.algorithms.hiro.actor_shapes import worker_actor_config
from hrl_core.algorithms.hiro.agent import worker_rewards
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.learner import hierarchy
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.learners.td3 import TD3
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.choose_products import with_quicker_products

BATCH = 128
EPISODES = 20
SPEC = load_task("ant_maze")
TOGETHER = 8
CONFIG = HiroConfig(worker=TD3Config(batch_size=BATCH))


@dataclass(frozen=True)
class UpdateBenchmark(LearningBenchmark):
    """Measure our worker update and the plain reference in one process, in turn."""

    peers: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Instead: ours beside the TD3 of others that are installed (stable-baselines3, sbx, jax) and one in plain torch,
    all on one core, for two sizes of networks and of batches."""
    device: str = ""
    """Instead: the plain TD3 on that device (cpu, cuda, cuda:N) beside the fast one on a core, for batches of 128 to
    8192."""


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(UpdateBenchmark, args=arguments, prog="hrl bench update")
    if options.peers:
        from hrl.benchmarks.peers.measure import measure_peers

        report("update", measure_peers, options)
    elif options.device:
        from hrl.benchmarks.peers.measure import measure_device

        report("update", partial(measure_device, options.device), options)
    else:
        report("update", measure, options)


def goal_space(spec: TaskSpec, config: HiroConfig = CONFIG) -> GoalSpace:
    """Of HIRO's subgoals."""
    return GoalSpace(spec, hierarchy(spec, config).levels[0])


def filled_store(space: GoalSpace, episodes: int = EPISODES) -> EpisodeStore:
    """A store of random episodes with plausible magnitudes."""
    rng, spec = np.random.default_rng(0), space.task
    store = EpisodeStore(spec, space.level, episodes * spec.max_episode_steps, 1)
    size = len(spec.observation)
    for _ in range(episodes):
        state = rng.normal(size=size)
        store.begin(0, state, np.zeros(len(spec.goal)))
        for step in range(spec.max_episode_steps):
            if step % space.level.horizon == 0:
                subgoal = rng.uniform(space.low, space.high)[None]
                store.set_subgoals(np.array([0]), subgoal, subgoal + state[space.indices])
            state = 0.9 * state + 0.4 * rng.normal(size=size)
            ended = np.array([step + 1 == spec.max_episode_steps])
            action = rng.uniform(spec.action_low, spec.action_high)[None]
            store.append(action, np.array([-1.0]), state[None], np.array([False]), ended)
    return store


class StepReplay:
    """The steps of a store as open HIRO code keeps them."""

    def __init__(self, store: EpisodeStore, rng: np.random.Generator) -> None:
        """Draw as many transitions as ``store`` holds."""
        batch = store.sample_steps(len(store), rng)
        rewards = worker_rewards(SPEC, CONFIG, batch)
        self._replay = ListReplay(rng)
        self._replay.rows = [
            (
                np.concatenate((batch.states[i], batch.subgoals[i])),
                batch.actions[i].copy(),
                np.array(rewards[i]),
                np.array(0.0),
                np.concatenate((batch.next_states[i], batch.next_subgoals[i])),
            )
            for i in range(len(rewards))
        ]

    def sample(self, count: int) -> TransitionBatch:
        """Draw a batch row by row."""
        inputs, actions, rewards, ends, next_inputs = map(torch.FloatTensor, self._replay.sample(count))
        return TransitionBatch(inputs, actions, rewards, CONFIG.worker.discount * (1 - ends), next_inputs)


def fast_batch(store: EpisodeStore, rng: np.random.Generator, batches: int = 1) -> TransitionBatch:
    """Batches as ``HiroAgent`` builds them."""
    batch = store.sample_steps(BATCH * batches, rng)
    discounts = np.where(batch.terminated, 0, CONFIG.worker.discount).astype(np.float32)
    return TransitionBatch(
        torch.from_numpy(np.concatenate((batch.states, batch.subgoals), 1)),
        torch.from_numpy(batch.actions),
        torch.from_numpy(worker_rewards(SPEC, CONFIG, batch)),
        torch.from_numpy(discounts),
        torch.from_numpy(np.concatenate((batch.next_states, batch.next_subgoals), 1)),
    )


def fast_updates(fast: FastTD3, store: EpisodeStore, rng: np.random.Generator) -> None:
    """``TOGETHER`` updates on batches drawn together."""
    fast.update_many(fast_batch(store, rng, TOGETHER), TOGETHER)


def measure(threads: int = 1) -> Figures:
    """Time both paths in the same process."""
    space = goal_space(load_task("ant_maze"))
    rng = np.random.default_rng(0)
    store = filled_store(space)
    actor = worker_actor_config(space, CONFIG)
    # As a run begins.
    chosen = with_quicker_products(CONFIG.worker, actor)
    fast = FastTD3(chosen, actor, torch.Generator().manual_seed(0))
    reference = TD3(CONFIG.worker, actor, torch.Generator().manual_seed(0))
    replay = StepReplay(store, rng)
    fixed = fast_batch(store, rng, TOGETHER)
    parts = [TransitionBatch(*part) for part in zip(*(t.split(BATCH) for t in fixed if t is not None), strict=True)]
    seconds = best_seconds(
        lambda: fast_updates(fast, store, rng),
        lambda: [reference.update(replay.sample(BATCH)) for _ in range(TOGETHER)],
        lambda: fast.update_many(fixed, TOGETHER),
        lambda: [reference.update(part) for part in parts],
    )
    ours, theirs, ours_alone, theirs_alone = (1e3 * s / TOGETHER for s in seconds)
    rate = matmul_flops()
    limit = 1e3 * update_flops(CONFIG.worker, fast.actor_config) / rate
    return {
        "ratio": theirs / ours,
        "unit": "ms per update",
        "fast": ours,
        "reference": theirs,
        "reference_is": "separate modules under autograd, sampled row by row from a list",
        "ratio_without_sampling": theirs_alone / ours_alone,
        "arithmetic_limit": limit,
        "fraction_of_limit": limit / ours,
        "matmul_gflops": rate / 1e9,
        "products_by_torch": list(chosen.products),
    }
