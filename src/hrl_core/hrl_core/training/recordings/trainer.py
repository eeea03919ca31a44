"""Training from recordings: closed bags in, updates, checkpoints that name every bag they learned from.

Nothing depends on when a segment arrived beyond which updates it was there for: segments are taken in canonical order,
and batches are drawn from a generator keyed by the number of the update, so that a run that is killed goes on exactly.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hrl_core.algorithms import learner_module, recordings_module
from hrl_core.algorithms.protocols import Stateful, Training
from hrl_core.checkpoints.manifest import randomised_by
from hrl_core.environments import Environments
from hrl_core.errors import HrlError
from hrl_core.replay.mapped_arrays import NoRoomError
from hrl_core.task.spec import TaskSpec
from hrl_core.training.evaluations import Evaluations
from hrl_core.training.progress import Row
from hrl_core.training.recordings.config import FILES, BagTrainConfig
from hrl_core.training.recordings.intake import Intake
from hrl_core.training.recordings.kept_store import KeptStore
from hrl_core.training.recordings.learner import GROUP, FromRecordings, ReadsSubgoals
from hrl_core.training.recordings.report import policy_lags
from hrl_core.training.recordings.sampling import SamplingConfig
from hrl_core.training.recordings.store import RecordedStore
from hrl_core.training.run import Run

STORE = "store"
"""In the folder of a run: what is learned from, where it is kept in files."""
NAMED = 1000
"""Newest segments that a policy names itself; its run's log has them all."""


class BagTrainer(Run[BagTrainConfig, FromRecordings]):
    """Trains a policy on recorded episodes, by whatever algorithm can."""

    unit, counter = "update", "worker/updates"

    def __init__(
        self,
        spec: TaskSpec,
        config: BagTrainConfig,
        folder: Path,
        seed: int,
        git_commit: str = "",
        evaluation_envs: Environments | Evaluations | None = None,
    ) -> None:
        """Make the learner from ``seed``; nothing is read or written yet."""
        learner: FromRecordings = recordings_module(config.algorithm).learner(spec, config, seed)
        training: Training = learner_module(config.algorithm)
        hierarchy = training.hierarchy(spec, config.training.agent)
        super().__init__(
            spec, hierarchy, config, learner, evaluation_envs, folder, seed, git_commit, config.first_version
        )
        foreign = learner.foreign if isinstance(learner, ReadsSubgoals) else lambda _: ""
        self.intake = Intake(spec, hierarchy, config, learner.take, folder, foreign)
        self._forgiven = 0
        """Updates that were paid for and are not made; below 0: that were made, by what can no longer be read."""
        if isinstance(learner.store, RecordedStore):
            learner.store.sampling = config.sampling
        elif config.sampling != SamplingConfig() or config.store == FILES:
            raise HrlError(
                f"algorithm '{config.algorithm}' keeps no episodes to draw steps from, with this learner: sampling and "
                "store files are for those that do"
            )
        if config.sampling.of_goals and not (spec.goal and len(spec.observed_goal) == len(spec.goal)):
            raise HrlError(
                f"task '{spec.name}' observes no goals: sampling.novelty and sampling.rare_goals are about them"
            )

    @property
    def reached(self) -> int:
        """Worker updates so far."""
        return self.learner.updates

    @property
    def left(self) -> int:
        """Worker updates that the recorded steps pay for and that have not been made, in whole groups."""
        wanted = self.config.updates or self.learner.paid(self.env_steps) - self._forgiven
        return max(0, -(-(wanted - self.reached) // GROUP)) * GROUP if self.learner.store.segments else 0

    @property
    def version(self) -> int:
        """Policy version: worker updates so far, counted from ``first_version``."""
        return self.first_version + self.reached

    @property
    def mostly_lost(self) -> str:
        """Why most of what was meant to be learned from cannot be, for people; empty: most of it can."""
        if not self.intake.lost or self.intake.lost < self.env_steps:
            return ""
        return f"most steps cannot be learned from: {self.intake.causes()}; {self.env_steps} can"

    def begin(self, resume: bool) -> None:
        """Write the configuration, or go on with the run in the folder; its store, if that is kept in files.

        Raises:
            HrlError: the disk has no room for the store.
        """
        with self._room():
            super().begin(resume)

    def _open_files(self, resume: bool) -> None:
        if isinstance(self.learner.store, RecordedStore) and self.config.store == FILES:
            anew = not resume or self.files.saved_steps() is None
            self.intake.kept = KeptStore(self.learner.store, self.files.folder / STORE, anew)

    def keep(self) -> None:
        """Write the training state, and before it what it counts on.

        Raises:
            HrlError: it cannot be written (disk full, permissions); the state before stays.
        """
        try:
            self.intake.write()
        except OSError as error:
            raise HrlError(f"cannot write what was learned from: {error}; {self.files.kept()}") from error
        super().keep()

    def consume(self, must_exist: bool = False) -> int:
        """Take in every closed segment that is new; returns how many.

        Raises:
            BagError: ``must_exist`` and a source holds no bag, or they hold none that can be read.
            HrlError: the disk has no room for what they hold; the state before stays.
        """
        with self._room():
            found = self.intake.consume(self.version, must_exist)
        self.env_steps += sum(segment.steps for segment in found)
        if self.config.update_budget and not self.config.updates:
            owed = self.learner.paid(self.env_steps) - self._forgiven - self.reached
            self._forgiven += max(0, owed - self.config.update_budget)
        return len(found)

    def iterate(self) -> None:
        """Make a group of worker updates and the other updates that go with them.

        Raises:
            HrlError: a loss is out of bounds.
        """
        for update in self.learner.update(self.env_steps):
            self._log.learned(update, f"{self.reached} updates")

    def report(self) -> Row:
        """Updates, ratio and staleness, as numbers."""
        store = self.learner.store
        return {
            **super().report(),
            "update_ratio": self.reached / max(1, self.env_steps),
            "segments": len(self.intake.consumed),
            "store_steps": len(store),
            **policy_lags(self.version, store.pieces, store.lengths),
            "relabelled_subgoals": self.learner.relabelled,
            "steps_left_out": self.intake.left_out.total(),
        }

    def state_dict(self) -> dict[str, Any]:
        """How far the run is."""
        paid = self.learner.paid(self.env_steps) - self._forgiven
        return {**super().state_dict(), "paid": paid}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        super().load_state_dict(state)
        self._forgiven = self.learner.paid(self.env_steps) - state["paid"]

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Where the disk has no room for what is learned from, tell what is kept."""
        try:
            yield
        except NoRoomError as error:
            raise HrlError(f"cannot keep what is learned from: {error}; {self.files.kept()}") from error

    def _provenance(self) -> dict[str, Any]:
        newest = itertools.islice(reversed(self.intake.consumed.values()), NAMED)
        return {
            **randomised_by(" or ".join(self.intake.randomised)),
            "segments": [segment.as_dict() for segment in newest][::-1],
            "segment_log": self.intake.log.reference,
            "update": self.reached,
            "rng": {"seed": self.seed, "group": self.reached // GROUP, "keyed_by": "seed and group of updates"},
        }

    def _parts(self) -> dict[str, Stateful]:
        kept = {} if self.intake.kept is None else {"store": self.intake.kept}
        parts = super()._parts()
        run = parts.pop("run")
        # It goes by what there is to learn from.
        return {**parts, **kept, "recordings": self.intake, "run": run}
