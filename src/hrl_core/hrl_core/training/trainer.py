"""The training loop: act, learn, evaluate, save; knows neither simulator nor command line."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hrl_core.algorithms import learner_module
from hrl_core.algorithms.protocols import Stateful, Training, acting_weights
from hrl_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hrl_core.environments import Environments
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import EvaluationResult, evaluate
from hrl_core.training.progress import OWN_GOALS
from hrl_core.training.run_files import RunFolder, TrainingState
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.training.update_log import UpdateLog

Row = dict[str, Any]


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
    """Trains a policy in vectorised environments, by whatever algorithm."""

    def __init__(
        self,
        spec: TaskSpec,
        config: TrainConfig[Any],
        envs: Environments,
        evaluation_envs: Environments,
        folder: Path,
        seed: int,
        git_commit: str = "",
        observers: Sequence[Observer] = (),
    ) -> None:
        """Make the learner from ``seed``; nothing is written yet."""
        self.spec, self.config, self.seed, self.git_commit = spec, config, seed, git_commit
        self.files = RunFolder(folder)
        self._envs, self._evaluation_envs, self._observers = envs, evaluation_envs, observers
        training: Training = learner_module(config.algorithm)
        self.hierarchy = training.hierarchy(spec, config.agent)
        self.learner = training.learner(spec, config.agent, envs, seed)
        self.env_steps, self.seconds, self.cpu_seconds, self.best = 0, 0.0, 0.0, -math.inf
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
                self.iterate()
                self._pass_time(clock)
                for observer in self._observers:
                    observer.on_step(self.env_steps)
                done = self.env_steps >= self.config.steps
                if done or self._crossed(before, self.config.evaluation_interval):
                    results = self._evaluate(clock)
                if done or self._crossed(before, self.config.checkpoint_interval):
                    self.files.save_state(TrainingState.of(self._parts()), self.env_steps)
            if 0 < self.env_steps < self.config.steps:
                self.files.save_state(TrainingState.of(self._parts()), self.env_steps)
                self._export_unevaluated()
        finally:
            for observer in self._observers:
                observer.close()
        return results

    def checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        """The present policies as a checkpoint."""
        levels = self.learner.levels()
        return Checkpoint(
            task=self.spec,
            algorithm=self.config.algorithm,
            trained=True,
            version=levels["worker"].updates,
            env_steps=self.env_steps,
            seed=self.seed,
            git_commit=self.git_commit,
            actors={name: level.actor for name, level in levels.items()},
            weights=acting_weights(levels),
            metrics=metrics,
        )

    def iterate(self) -> None:
        """One step in every environment and the updates it pays for."""
        step = self._envs.step(self.learner.act())
        self.env_steps += self._envs.num_envs
        for level, figures in self.learner.observe(step).items():
            self._log.note(level, figures)
        for update in self.learner.update():
            self._log.learned(update, f"{self.env_steps} environment steps")

    def _crossed(self, before: int, interval: int) -> bool:
        return before // interval != self.env_steps // interval

    def _pass_time(self, clock: _Clock) -> None:
        wall, cpu = clock.lap()
        self.seconds, self.cpu_seconds = self.seconds + wall, self.cpu_seconds + cpu

    def _evaluate(self, clock: _Clock) -> list[EvaluationResult]:
        """Evaluate, write a line of metrics, export the policy and keep the best one."""
        results = evaluate(self.spec, self.hierarchy, self._evaluation_envs, *self.learner.policies())
        self._pass_time(clock)
        metrics: Row = {"env_steps": self.env_steps}
        metrics |= {"seconds": round(self.seconds, 1), "cpu_seconds": round(self.cpu_seconds, 1)}
        metrics |= self._log.means()
        metrics |= {f"{name}/updates": level.updates for name, level in self.learner.levels().items()}
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

    def _parts(self) -> dict[str, Stateful]:
        """Everything that a resume needs, in the order in which it is restored."""
        return {"envs": self._envs, **self.learner.parts(), "log": self._log, "run": self}

    def state_dict(self) -> dict[str, Any]:
        """How far the run is."""
        return {
            "env_steps": self.env_steps,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "best": self.best if math.isfinite(self.best) else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.env_steps = state["env_steps"]
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]
        self.best = -math.inf if state["best"] is None else state["best"]

    def _restore(self) -> None:
        state = self.files.load_state()
        if state is not None:
            state.restore(self._parts())
        self.files.forget_metrics_after(self.env_steps)


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
