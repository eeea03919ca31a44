"""The training loop: act, learn, evaluate, save; knows neither simulator nor command line."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from hrl_core.algorithms.flat.learner import FlatAgent
from hrl_core.algorithms.hiro.learner import HierarchicalAgent, Metrics
from hrl_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hrl_core.learners.td3_fast import acting_weights
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec
from hrl_core.training.collector import Agent, Collector, Environments
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import EvaluationResult, evaluate
from hrl_core.training.progress import OWN_GOALS
from hrl_core.training.run_files import BEST_POLICY, POLICY, RunFolder, TrainingState
from hrl_core.training.update_log import UpdateLog

Row = dict[str, Any]
_DRAWN_TOGETHER = 8


class Observer(Protocol):
    """Watches a run."""

    def on_step(self, env_steps: int) -> None:
        """Environment steps have been taken."""
        ...

    def on_metrics(self, row: Row) -> None:
        """A line of metrics was written."""
        ...

    def close(self) -> None:
        """The run ended."""
        ...


class _Clock:
    """Wall and processor time between laps; on a shared machine only the latter says what training costs."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        """Seconds since the last lap: wall, processor."""
        wall, cpu = time.perf_counter(), time.process_time()
        passed = wall - self._wall, cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return passed


class Trainer:
    """Trains a hierarchical agent in vectorised environments."""

    def __init__(
        self,
        spec: TaskSpec,
        config: TrainConfig,
        envs: Environments,
        evaluation_envs: Environments,
        folder: Path,
        seed: int,
        git_commit: str = "",
        observers: Sequence[Observer] = (),
    ) -> None:
        """Set up agent, store and random generators from ``seed``; nothing is written yet."""
        self.spec, self.config, self.seed, self.git_commit = spec, config, seed, git_commit
        self.files = RunFolder(folder)
        self._envs, self._evaluation_envs, self._observers = envs, evaluation_envs, observers
        self._rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(seed)
        self.agent: Agent = (
            HierarchicalAgent(spec, config.agent, envs, generator)
            if config.algorithm == "hiro"
            else FlatAgent(spec, config.agent, generator)
        )
        self.store = EpisodeStore(spec, config.replay, envs.num_envs)
        self._collector = Collector(spec, config, envs, self.store, self._rng)
        self.env_steps, self.seconds, self.cpu_seconds, self.best = 0, 0.0, 0.0, -math.inf
        self._worker_credit, self._manager_credit = 0.0, 0.0
        self._log = UpdateLog(folder)

    def run(self, resume: bool = False, stop: Callable[[], bool] = lambda: False) -> list[EvaluationResult]:
        """Train to the configured number of steps; returns the last evaluation.

        When ``stop`` answers true after a step, state and policy are saved and training ends early.

        Raises:
            HrlError: the folder does not fit, the disk is full, or the losses diverge (the last batch is
                saved).
        """
        self.files.start(self._identity(), self.spec.to_yaml(), resume)
        if resume:
            self._restore()
        results: list[EvaluationResult] = []
        clock = _Clock()
        try:
            while self.env_steps < self.config.steps and not stop():
                before = self.env_steps
                self._iterate()
                self._pass_time(clock)
                for observer in self._observers:
                    observer.on_step(self.env_steps)
                done = self.env_steps >= self.config.steps
                if done or self._crossed(before, self.config.evaluation_interval):
                    results = self._evaluate(clock)
                if done or self._crossed(before, self.config.checkpoint_interval):
                    self.files.save_state(self._state(), self.env_steps)
            if 0 < self.env_steps < self.config.steps:
                self.files.save_state(self._state(), self.env_steps)
                self._export_unevaluated()
        finally:
            for observer in self._observers:
                observer.close()
        return results

    def checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        """The present policies as a checkpoint."""
        levels = self.agent.levels
        return Checkpoint(
            task=self.spec,
            algorithm=self.config.algorithm,
            trained=True,
            version=self.agent.worker.updates,
            env_steps=self.env_steps,
            seed=self.seed,
            git_commit=self.git_commit,
            actors=self.config.exploring({level: td3.actor_config for level, td3 in levels.items()}),
            weights=acting_weights(levels),
            metrics=metrics,
        )

    def _iterate(self) -> None:
        """One step in every environment and the updates it pays for."""
        config, envs = self.config, self._envs.num_envs
        before = self.env_steps
        progress = self._collector.step(self.agent, self.env_steps)
        self._log.note("worker", progress._asdict())
        self.env_steps += envs
        if self.env_steps < config.learning_starts:
            return
        self._worker_credit += envs * config.worker_updates
        due, self._worker_credit = divmod(self._worker_credit, 1)
        for updates in _portions(int(due)):
            self._learned("worker", self.agent.update_worker(self.store, self._rng, updates))
        if self.env_steps < config.manager_learning_starts or isinstance(self.agent, FlatAgent):
            return
        self._manager_credit += envs / self.spec.subgoal.period * config.manager_updates
        if not self.store.segments:
            return
        due, self._manager_credit = divmod(self._manager_credit, 1)
        for updates in _portions(int(due)):
            self._learned("manager", self.agent.update_manager(self.store, self._rng, updates))
        if self.agent.adjacency is not None and self._crossed(before, config.agent.adjacency_interval):
            self._log.note("manager", {"adjacency_loss": self.agent.adjacency.fit(self.store, self._rng)})

    def _learned(self, level: str, results: list[Metrics]) -> None:
        """Note the metrics of updates; stop the run when a loss is out of bounds."""
        self._log.learned(level, results, self.agent.last_batch[level], f"{self.env_steps} environment steps")

    def _crossed(self, before: int, interval: int) -> bool:
        return before // interval != self.env_steps // interval

    def _pass_time(self, clock: _Clock) -> None:
        wall, cpu = clock.lap()
        self.seconds, self.cpu_seconds = self.seconds + wall, self.cpu_seconds + cpu

    def _evaluate(self, clock: _Clock) -> list[EvaluationResult]:
        """Evaluate, write a line of metrics, export the policy and keep the best one."""
        agent = self.agent
        select = partial(agent.select, averaged=True) if isinstance(agent, HierarchicalAgent) else None
        results = evaluate(self.spec, self._evaluation_envs, select, partial(agent.act, averaged=True))
        self._pass_time(clock)
        metrics: Row = {"env_steps": self.env_steps}
        metrics |= {"seconds": round(self.seconds, 1), "cpu_seconds": round(self.cpu_seconds, 1)}
        metrics |= self._log.means()
        metrics |= {f"{level}/updates": td3.updates for level, td3 in self.agent.levels.items()}
        for result in results:
            metrics |= evaluation_metrics(result)
        self.files.append_metrics(metrics)
        numbers = {name: float(value) for name, value in metrics.items()}
        save_checkpoint(self.checkpoint(numbers), self.files.folder / POLICY)
        score = results[0].success_rate if self.spec.goal else results[0].episode_return
        if score >= self.best:
            self.best = score
            save_checkpoint(self.checkpoint(numbers), self.files.folder / BEST_POLICY)
        for observer in self._observers:
            observer.on_metrics(metrics)
        return results

    def _export_unevaluated(self) -> None:
        """Export the newest policy, unless the last evaluation has done so."""
        rows = self.files.metrics()
        if not rows or rows[-1]["env_steps"] < self.env_steps:
            save_checkpoint(self.checkpoint({}), self.files.folder / POLICY)

    def _identity(self) -> Row:
        return {
            "task": self.spec.name,
            "task_hash": self.spec.sha256,
            "seed": self.seed,
        } | self.config.as_dict()

    def _state(self) -> TrainingState:
        arrays = {"store": self.store, "envs": self._envs, "collector": self._collector}
        return TrainingState(
            tensors=self.agent.state_dict(),
            arrays={f"{group}.{k}": v for group, part in arrays.items() for k, v in part.state_dict().items()},
            plain={
                "env_steps": self.env_steps,
                "seconds": self.seconds,
                "cpu_seconds": self.cpu_seconds,
                "best": self.best if math.isfinite(self.best) else None,
                "credits": [self._worker_credit, self._manager_credit],
                "rng": self._rng.bit_generator.state,
                "log": self._log.state_dict(),
            },
        )

    def _restore(self) -> None:
        state = self.files.load_state()
        if state is None:
            self.files.forget_metrics_after(0)
            return
        self.agent.load_state_dict(state.tensors)
        # The collector last: it reads the environments' restored states.
        for group, part in (("store", self.store), ("envs", self._envs), ("collector", self._collector)):
            prefix = f"{group}."
            part.load_state_dict({k.removeprefix(prefix): v for k, v in state.arrays.items() if k.startswith(prefix)})
        plain = state.plain
        self.env_steps = plain["env_steps"]
        self.seconds, self.cpu_seconds = plain["seconds"], plain["cpu_seconds"]
        self.best = -math.inf if plain["best"] is None else plain["best"]
        self._worker_credit, self._manager_credit = plain["credits"]
        self._rng.bit_generator.state = plain["rng"]
        self._log.load_state_dict(plain.get("log", {}))
        self.files.forget_metrics_after(self.env_steps)


def _portions(updates: int) -> list[int]:
    """Split due updates into portions whose batches are drawn together."""
    whole, rest = divmod(updates, _DRAWN_TOGETHER)
    return [_DRAWN_TOGETHER] * whole + [rest] * (rest > 0)


def evaluation_metrics(result: EvaluationResult) -> dict[str, float]:
    """One evaluation as named numbers."""
    name = "evaluation/" + (OWN_GOALS if not result.goal else "_".join(f"{x:g}" for x in result.goal))
    return {
        f"{name}/success_rate": result.success_rate,
        f"{name}/ever_within": result.ever_within,
        f"{name}/final_distance": result.final_distance,
        f"{name}/return": result.episode_return,
        f"{name}/episodes": result.episodes,
    }
