"""The whole HIRO loop at update ratio 1, batch 128: the trainer against a plain loop of the same arithmetic.

The plain loop is what open implementations do: one environment, one observation at a time through modules,
lists of arrays as replay, candidate after candidate, separate modules under autograd.
"""

import dataclasses
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.learn.measuring import machine
from benchmarks.learn.relabel import one_by_one
from benchmarks.learn.update import BATCH, CONFIG, ListReplay, filled_store
from hrl_core.agents.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.agents.hiro_config import HiroConfig
from hrl_core.agents.td3 import TD3, TD3Config, TransitionBatch
from hrl_core.agents.td3_reference import ReferenceTD3
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.relabelling import candidate_subgoals
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex, Windows
from hrl_core.task import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.trainer import Trainer
from hrl_core.types import Mode

WARM_UP, STEPS, REPETITIONS = 600, 200, 3


class PlainLoop:
    """HIRO as open code writes it; learns from a fixed set of recorded transitions, which costs the same."""

    def __init__(self, candidates: int) -> None:
        """Make environment, networks and lists."""
        self._spec = load_task("ant_maze")
        self._rng = np.random.default_rng(0)
        self._generator = torch.Generator().manual_seed(0)
        store = filled_store(self._spec)
        config = HiroConfig(worker=CONFIG.worker, manager=TD3Config(batch_size=BATCH))
        pair = (
            TD3(config.worker, worker_actor_config(self._spec, config), self._generator),
            TD3(config.manager, manager_actor_config(self._spec, config), self._generator),
        )
        self._worker, self._manager = (ReferenceTD3(td3, self._generator) for td3 in pair)
        self._replay, self._candidates = ListReplay(store, self._rng), candidates
        self._segments = [_manager_row(store, k) for k in range(store.segments - 1)]
        self._runner = EnvRunner(self._spec, 0, Mode.TRAIN)
        self._observation = self._runner.reset(0)
        self._episode, self._subgoal = 0, np.zeros(len(self._spec.subgoal.elements))

    def step(self) -> None:
        """One environment step and its updates."""
        observation, spec = self._observation, self._spec
        state = observation.state
        if observation.step % spec.subgoal.period == 0:
            inputs = torch.FloatTensor(np.concatenate((state, observation.desired_goal))[None])
            self._subgoal = self._manager.actor(inputs).detach().numpy()[0]
        action = self._worker.actor(torch.FloatTensor(np.concatenate((state, self._subgoal))[None]))
        action = action.detach().numpy()[0] + self._rng.normal(size=len(spec.action))
        self._observation = self._runner.step(action.astype(np.float64))
        indices = spec.subgoal_indices
        self._subgoal = state[indices] + self._subgoal - self._observation.state[indices]
        self._worker.update(self._replay.sample(BATCH))
        if observation.step % spec.subgoal.period == 0:
            self._update_manager()
        if self._observation.last:
            self._episode += 1
            self._observation = self._runner.reset(self._episode)

    def _update_manager(self) -> None:
        rows = [self._segments[i] for i in self._rng.integers(0, len(self._segments), BATCH)]
        columns = [np.array([np.array(row[k], copy=True) for row in rows]) for k in range(len(rows[0]))]
        states, actions, ends, subgoals, goals, rewards, last = columns
        chosen = torch.FloatTensor(subgoals)
        if self._candidates:
            windows = _windows(states, actions, ends)
            proposals = candidate_subgoals(self._spec, windows, chosen, self._candidates, self._generator)
            best = one_by_one(self._spec, windows, proposals, self._worker.actor)
            chosen = proposals[torch.arange(BATCH), best]
        self._manager.update(
            TransitionBatch(
                torch.FloatTensor(np.concatenate((states[:, 0], goals), 1)),
                chosen,
                torch.FloatTensor(rewards),
                torch.full((BATCH,), 0.99),
                torch.FloatTensor(np.concatenate((last, goals), 1)),
            )
        )


def _manager_row(store: EpisodeStore, segment: int) -> tuple[np.ndarray, ...]:
    per_episode = store.length_limit // store.period
    slot, start = segment // per_episode, segment % per_episode * store.period
    one = SegmentIndex(*(np.array([x]) for x in (slot, start, 1, start + store.period, False)))
    windows = store.windows(one)
    reward = 0.1 * store.rewards[slot, start : start + store.period].sum()
    last = store.states[slot, start + store.period]
    subgoal = store.subgoals[slot, start // store.period]
    fields = (
        windows.states[0],
        windows.actions[0],
        windows.end_positions[0],
        subgoal,
        store.task_goals[slot],
    )
    return (*fields, reward, last)


def _windows(states: np.ndarray, actions: np.ndarray, ends: np.ndarray) -> Windows:
    return Windows(states, actions, np.full(len(states), states.shape[1]), ends)


def _fast(candidates: int) -> Trainer:
    """The trainer with the paper's configuration, past its warm-up."""
    spec = load_task("ant_maze")
    agent = HiroConfig(worker=CONFIG.worker, manager=TD3Config(batch_size=BATCH), candidates=candidates)
    config = dataclasses.replace(TrainConfig(), agent=agent, num_envs=20, replay=20_000, learning_starts=WARM_UP)
    envs = VectorEnv(spec, config.num_envs, seed=0)
    trainer = Trainer(spec, config, envs, envs, Path(tempfile.gettempdir()) / "unused", seed=0)
    # An untrained actor answers nearly the same to every subgoal; after training candidates differ at once.
    trainer.agent.worker.actor.weights[-1].uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(2))
    while trainer.env_steps < WARM_UP:
        trainer._iterate()
    return trainer


def _seconds_per_step(candidates: int) -> tuple[float, float]:
    """Best of a few repetitions, taken in turn: trainer, plain loop."""
    trainer, plain = _fast(candidates), PlainLoop(candidates)
    best = [float("inf")] * 2
    for _ in range(REPETITIONS):
        started, before = time.perf_counter(), trainer.env_steps
        while trainer.env_steps < before + STEPS:
            trainer._iterate()
        middle = time.perf_counter()
        for _ in range(STEPS):
            plain.step()
        ended = time.perf_counter()
        best = [min(best[0], (middle - started) / STEPS), min(best[1], (ended - middle) / STEPS)]
    return best[0], best[1]


def measure() -> dict[str, object]:
    """Time the loop with and without off-policy correction."""
    ours, theirs = _seconds_per_step(10)
    ours_off, theirs_off = _seconds_per_step(0)
    return {
        "name": "train",
        "ratio": theirs / ours,
        "env_steps_per_second": 1 / ours,
        "reference_env_steps_per_second": 1 / theirs,
        "ratio_without_correction": theirs_off / ours_off,
        "env_steps_per_second_without_correction": 1 / ours_off,
        **machine(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure()))
