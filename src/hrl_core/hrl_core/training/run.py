"""One training run, wherever its experience comes from: the loop, the guard against divergence, the files.

Knows neither simulator nor recordings nor command line.
"""

import dataclasses
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.protocols import Learner, LevelWeights, Stateful, acting_weights
from hrl_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import acts
from hrl_core.environments import Environments
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.evaluations import Evaluations
from hrl_core.training.progress import Observer, Row
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.rounds.config import RoundConfig
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.training.scores import evaluation_metrics, headline_score
from hrl_core.training.state import TrainingState
from hrl_core.training.update_log import UpdateLog

AnyConfig = TypeVar("AnyConfig", bound=TrainConfig[Any] | BagTrainConfig | RoundConfig)
AnyLearner = TypeVar("AnyLearner", bound=Learner)


class Run(ABC, Generic[AnyConfig, AnyLearner]):
    """A policy in training; says of its experience only how far it is."""

    unit: ClassVar[str] = "step"
    """What the run is counted in, for people."""
    counter: ClassVar[str] = "env_steps"
    """Name of that count in a line of metrics."""

    def __init__(
        self,
        spec: TaskSpec,
        hierarchy: HierarchySpec,
        config: AnyConfig,
        learner: AnyLearner,
        evaluation_envs: Environments | Evaluations | None,
        folder: Path,
        seed: int,
        git_commit: str,
        first_version: int = 0,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            spec: the task.
            hierarchy: of the policy.
            config: everything else that decides the run, besides the seed.
            learner: at its beginning.
            evaluation_envs: what policies are evaluated in, or who does it; None: they are not.
            folder: of the run.
            seed: of the run, for who reads of it.
            git_commit: of the running code.
            first_version: policy version of no updates.
        """
        self.spec, self.hierarchy, self.config, self.learner = spec, hierarchy, config, learner
        self.seed, self.git_commit, self.first_version = seed, git_commit, first_version
        self.files = RunFolder(folder)
        given = isinstance(evaluation_envs, Evaluations)
        self._evaluations = evaluation_envs if given else Evaluations(evaluation_envs)
        self._pending: tuple[Row, Checkpoint] | None = None
        """A line of metrics and its policy, whose evaluation is not known yet."""
        self._results: list[EvaluationResult] = []
        self._begun = np.zeros(2)
        """Now less the run's times."""
        self.env_steps, self.seconds, self.cpu_seconds, self.best = 0, 0.0, 0.0, -math.inf
        self._log = UpdateLog(folder)

    @property
    def reached(self) -> int:
        """Steps or updates (``unit``) so far."""
        return self.env_steps

    @property
    def told(self) -> int:
        """The same at the last line of metrics that a run which goes on need not write."""
        return self.reached if self._pending is None else self._pending[0][self.counter] - 1

    @property
    @abstractmethod
    def left(self) -> int:
        """Steps or updates (``unit``) still to be made; 0: there is nothing left to do."""

    @abstractmethod
    def iterate(self) -> None:
        """Go one turn further: experience, and the updates it pays for."""

    def run(
        self, resume: bool = False, stop: Callable[[], bool] = lambda: False, observers: Sequence[Observer] = ()
    ) -> list[EvaluationResult]:
        """Begin, or go on with the run in the folder, and train to the end; as ``begin`` and ``proceed``."""
        self.begin(resume)
        return self.proceed(stop, observers)

    def begin(self, resume: bool) -> None:
        """Write the configuration, or go on with the run in the folder.

        Raises:
            HrlError: the folder does not fit.
        """
        identity = {"task": self.spec.name, "task_hash": self.spec.sha256, "seed": self.seed}
        self.files.start(identity | self.config.as_dict(), self.spec.to_yaml(), resume)
        self._open_files(resume)
        if resume:
            self._restore()

    def _open_files(self, resume: bool) -> None:
        """Open what a run keeps in its folder besides its states, once the folder is known to fit."""

    def proceed(
        self, stop: Callable[[], bool] = lambda: False, observers: Sequence[Observer] = ()
    ) -> list[EvaluationResult]:
        """Train until nothing is left to do; returns the last evaluation.

        When ``stop`` answers true after a turn, state and policy are saved and training ends early.

        Raises:
            HrlError: the disk is full, or the losses diverge (the last batch is saved).
        """
        self._begun = _times() - (self.seconds, self.cpu_seconds - self._elsewhere)
        try:
            while self.left and not stop():
                before = self.reached
                self.iterate()
                self._pass_time()
                for observer in observers:
                    observer.on_step(self.reached)
                if self._pending and self._evaluations.ready:
                    self._settle(observers)
                if not self.left or self._crossed(before, self.config.evaluation_interval):
                    self._evaluate(observers)
                if not self.left or self._crossed(before, self.config.checkpoint_interval):
                    self.keep()
            if self.left and self.reached:
                # Before the evaluation that is under way, which may take longer than there is time.
                self.keep()
            self._settle(observers)
            if self.left and self.reached:
                self._export_unevaluated()
        except Exception:
            # What was reached before it went wrong counts; what went wrong is told.
            with suppress(Exception):
                self._settle(observers)
            raise
        finally:
            self._evaluations.close()
            for observer in observers:
                observer.close()
        return self._results

    def checkpoint(self, metrics: Mapping[str, float]) -> Checkpoint:
        """The present policies as a checkpoint, and where they come from."""
        levels = self.learner.levels()
        return Checkpoint(
            task=self.spec,
            hierarchy=self.hierarchy,
            algorithm=self.config.algorithm,
            trained=True,
            version=self.first_version + _updates(levels),
            env_steps=self.env_steps,
            seed=self.seed,
            git_commit=self.git_commit,
            actors={name: level.actor for name, level in levels.items()},
            weights=acting_weights(levels),
            metrics=metrics,
            provenance=self._provenance(),
            evaluation=self.config.evaluation,
        )

    def report(self) -> Row:
        """How far the learning is, as numbers."""
        levels = self.learner.levels()
        return {f"{name}/updates": level.updates for name, level in levels.items() if acts(name)}

    def record(self, figures: Row) -> Row:
        """Write the newest policy and a line of metrics, which is returned.

        ``figures`` are of this moment, beside those of ``report`` and the means of what updates told.
        """
        row = self._row() | figures
        self._write(row, self.checkpoint({}), None)
        return row

    def _row(self) -> Row:
        return {"env_steps": self.env_steps, **self.report(), **self._log.means()}

    def _write(self, row: Row, policy: Checkpoint, score: float | None) -> None:
        """``score`` is of the policy's evaluation; the best policy is the one that none had a higher one than."""
        self.files.append_metrics(row)
        policy = dataclasses.replace(policy, metrics={name: float(value) for name, value in row.items()})
        save_checkpoint(policy, self.files.folder / POLICY)
        if score is not None and score >= self.best:
            self.best = score
            save_checkpoint(policy, self.files.folder / BEST_POLICY)

    def keep(self) -> None:
        """Write the training state, which a resumed run goes on from."""
        state = TrainingState.of(self._parts())
        if self._pending is not None:
            state = state._replace(pending=self._pending[1])
        self.files.save_state(state, self.reached)

    def _crossed(self, before: int, interval: int) -> bool:
        return before // interval != self.reached // interval

    def _pass_time(self) -> None:
        self.seconds, own = (_times() - self._begun).tolist()
        self.cpu_seconds = own + self._elsewhere

    @property
    def _elsewhere(self) -> float:
        """Processor time [s] that this process had other ones spend on the run."""
        return self._evaluations.cpu_seconds

    def _evaluate(self, observers: Sequence[Observer]) -> None:
        """Evaluate, write a line of metrics, export the policy and keep the best one; or have that begin."""
        self._settle(observers)
        policy = self.checkpoint({})
        results = self._evaluations.begin(policy, wait=not self.left)
        self._pass_time()
        row = self._row() | {"seconds": round(self.seconds, 1), "cpu_seconds": round(self.cpu_seconds, 1)}
        if results is None:
            # The learner's weights go on changing.
            self._pending = row, policy.copied()
        else:
            self._tell(row, policy, results, observers)

    def _settle(self, observers: Sequence[Observer]) -> None:
        """End the evaluation that is under way, if any, as if it had been waited for at once."""
        if self._pending is not None:
            (row, policy), self._pending = self._pending, None
            self._tell(row, policy, self._evaluations.result(policy), observers)
            self._pass_time()

    def _tell(
        self, row: Row, policy: Checkpoint, results: list[EvaluationResult], observers: Sequence[Observer]
    ) -> None:
        for result in results:
            row |= evaluation_metrics(result)
        self._write(row, policy, headline_score(self.spec, results))
        self._results = results
        for observer in observers:
            observer.on_metrics(row)

    def _export_unevaluated(self) -> None:
        """Export the newest policy, unless the last evaluation has done so."""
        rows = self.files.metrics()
        if not rows or rows[-1][self.counter] < self.reached:
            save_checkpoint(self.checkpoint({}), self.files.folder / POLICY)

    def _provenance(self) -> dict[str, Any]:
        """What a checkpoint says of its experience."""
        return {}

    def _parts(self) -> dict[str, Stateful]:
        """Everything that a resume needs, in the order in which it is restored."""
        return {**self.learner.parts(), "log": self._log, "run": self}

    def state_dict(self) -> dict[str, Any]:
        """How far the run is."""
        return {
            "env_steps": self.env_steps,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "best": self.best if math.isfinite(self.best) else None,
            "pending": self._pending and self._pending[0],
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
        if state is not None and state.pending is not None and self._evaluations.made:
            self._pending = state.plain["run.pending"], state.pending
        self.files.forget_metrics_after(self.told, self.counter)


def _updates(levels: Mapping[str, LevelWeights]) -> int:
    """How far a policy is: by its worker, or by all its parts where it has none of that name."""
    return levels["worker"].updates if "worker" in levels else sum(level.updates for level in levels.values())


def _times() -> npt.NDArray[np.float64]:
    """Wall and processor time [s]; on a shared machine only the latter says what training costs."""
    return np.array([time.perf_counter(), time.process_time()])
