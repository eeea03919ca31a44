"""Worker TD3 update (300-300, batch 128): fast path against separate modules fed from lists of arrays.

The reference samples the way open HIRO code does: one Python loop over drawn indices, one NumPy array per
field, one copy to a tensor. The fast path draws as the trainer does, eight batches together. Both sides are
timed with their sampling.
"""

import json

import numpy as np
import torch

from benchmarks.learn.measuring import best_seconds, machine, matmul_flops
from hrl_core.agents.actor_shapes import worker_actor_config
from hrl_core.agents.hiro import worker_rewards
from hrl_core.agents.hiro_config import HiroConfig
from hrl_core.agents.td3 import TD3, TD3Config, TransitionBatch
from hrl_core.agents.td3_reference import ReferenceTD3
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task import TaskSpec, load_task

BATCH = 128
EPISODES = 20
SPEC = load_task("ant_maze")
TOGETHER = 8
CONFIG = HiroConfig(worker=TD3Config(batch_size=BATCH))


def filled_store(spec: TaskSpec, episodes: int = EPISODES) -> EpisodeStore:
    """A store of random episodes with plausible magnitudes."""
    rng = np.random.default_rng(0)
    store = EpisodeStore(spec, episodes * spec.max_episode_steps, 1)
    size, low, high = len(spec.observation), spec.subgoal_low, spec.subgoal_high
    for _ in range(episodes):
        state = rng.normal(size=size)
        store.begin(0, state, np.zeros(len(spec.goal)))
        for step in range(spec.max_episode_steps):
            if step % spec.subgoal.period == 0:
                subgoal = rng.uniform(low, high)[None]
                store.set_subgoals(np.array([0]), subgoal, subgoal + state[spec.subgoal_indices])
            state = 0.9 * state + 0.4 * rng.normal(size=size)
            ended = np.array([step + 1 == spec.max_episode_steps])
            action = rng.uniform(spec.action_low, spec.action_high)[None]
            store.append(action, np.array([-1.0]), state[None], np.array([False]), ended)
    return store


class ListReplay:
    """The replay buffer of open HIRO code: a list of tuples of arrays."""

    def __init__(self, store: EpisodeStore, rng: np.random.Generator) -> None:
        """Unpack every transition of ``store``."""
        batch = store.sample_steps(len(store), rng)
        rewards = worker_rewards(SPEC, CONFIG, batch)
        self._rows = [
            (
                np.concatenate((batch.states[i], batch.subgoals[i])),
                batch.actions[i].copy(),
                np.concatenate((batch.next_states[i], batch.next_subgoals[i])),
                rewards[i],
                0.0,
            )
            for i in range(len(rewards))
        ]
        self._rng = rng

    def sample(self, count: int) -> TransitionBatch:
        """Draw a batch row by row."""
        columns: tuple[list[np.ndarray], ...] = ([], [], [], [], [])
        for i in self._rng.integers(0, len(self._rows), count):
            for column, value in zip(columns, self._rows[i], strict=True):
                column.append(np.array(value, copy=True))
        inputs, actions, next_inputs, rewards, ends = (torch.FloatTensor(np.array(c)) for c in columns)
        return TransitionBatch(inputs, actions, rewards, CONFIG.worker.discount * (1 - ends), next_inputs)


def fast_batch(store: EpisodeStore, rng: np.random.Generator, batches: int = 1) -> TransitionBatch:
    """Batches as ``HierarchicalAgent`` builds them."""
    batch = store.sample_steps(BATCH * batches, rng)
    discounts = np.where(batch.terminated, 0, CONFIG.worker.discount).astype(np.float32)
    return TransitionBatch(
        torch.from_numpy(np.concatenate((batch.states, batch.subgoals), 1)),
        torch.from_numpy(batch.actions),
        torch.from_numpy(worker_rewards(SPEC, CONFIG, batch)),
        torch.from_numpy(discounts),
        torch.from_numpy(np.concatenate((batch.next_states, batch.next_subgoals), 1)),
    )


def fast_updates(fast: TD3, store: EpisodeStore, rng: np.random.Generator) -> None:
    """``TOGETHER`` updates on batches drawn together."""
    whole = fast_batch(store, rng, TOGETHER)
    for parts in zip(*(tensor.chunk(TOGETHER) for tensor in whole), strict=True):
        fast.update(TransitionBatch(*parts))


def update_flops(config: TD3Config, inputs: int, actions: int) -> float:
    """Floating-point operations of one update, averaged over the policy delay; products of layers only."""
    h1, h2 = config.hidden
    again = actions if config.action_twice else 0
    actor = inputs * h1 + h1 * h2 + h2 * actions
    critic = (inputs + actions) * h1 + (h1 + again) * h2 + h2
    critic_backward = critic + h1 * h2 + h2
    actor_phase = actor + critic + (h1 + again) * h2 + h1 * actions + actor + h1 * h2 + h2 * actions
    per_row = actor + 2 * critic + 2 * critic + 2 * critic_backward + actor_phase / config.policy_delay
    return 2 * config.batch_size * per_row


def measure() -> dict[str, object]:
    """Time both paths in the same process."""
    spec = load_task("ant_maze")
    rng = np.random.default_rng(0)
    store = filled_store(spec)
    fast = TD3(CONFIG.worker, worker_actor_config(spec, CONFIG), torch.Generator().manual_seed(0))
    reference = ReferenceTD3(fast, torch.Generator().manual_seed(0))
    replay = ListReplay(store, rng)
    fixed = fast_batch(store, rng)
    ours, theirs, ours_alone, theirs_alone = best_seconds(
        lambda: fast_updates(fast, store, rng),
        lambda: [reference.update(replay.sample(BATCH)) for _ in range(TOGETHER)],
        lambda: [fast.update(fixed) for _ in range(TOGETHER)],
        lambda: [reference.update(fixed) for _ in range(TOGETHER)],
        calls=2,
    )
    ours, theirs, ours_alone, theirs_alone = (s / TOGETHER for s in (ours, theirs, ours_alone, theirs_alone))
    rate = matmul_flops()
    limit = update_flops(CONFIG.worker, fast.actor_config.input_dim, fast.actor_config.output_dim) / rate
    return {
        "name": "update",
        "ratio": theirs / ours,
        "fast_ms": ours * 1e3,
        "reference_ms": theirs * 1e3,
        "ratio_without_sampling": theirs_alone / ours_alone,
        "arithmetic_limit_ms": limit * 1e3,
        "fraction_of_limit": limit / ours,
        "matmul_gflops": rate / 1e9,
        **machine(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure()))
