"""Training from recordings: closed segments in, updates, checkpoints that name every segment they learned from.

Nothing depends on when a segment arrived beyond which updates it was there for: segments are taken in canonical order,
and batches are drawn from a generator keyed by the number of the update, so that a run that is killed goes on exactly.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.relabelling import DETERMINISTIC
from hrl_core.algorithms.protocols import Update, acting_weights
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.problems import Problem
from hrl_core.bags.reader import read_bags
from hrl_core.bags.store_filling import add_episode
from hrl_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.messages import WORKER_LEVEL
from hrl_core.randomness import Purpose, step_generator, step_seed
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.material import choose_material, goal_distance_task, oldest_version
from hrl_core.training.recordings.overlay import Overlay, StoredPiece
from hrl_core.training.recordings.relabel_episodes import candidate_noise
from hrl_core.training.recordings.report import LiveOutcomes, Row, policy_lags
from hrl_core.training.recordings.segments import ConsumedSegment, Source, forget_segments, new_segments, segment_sha256
from hrl_core.training.run_files import RunFolder, TrainingState
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.training.update_log import UpdateLog

GROUP = 8
"""Worker updates whose batches are drawn together; the unit in which training is counted."""


class Piece(NamedTuple):
    """A stretch of an episode on its way into the store."""

    episode: BagEpisode
    start: int
    """Step of the recorded episode at which it begins."""
    weight: float


class BagTrainer:
    """Trains a hierarchical agent on recorded episodes."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, folder: Path, seed: int, git_commit: str = "") -> None:
        """Set up agent and store; nothing is read or written yet."""
        self.spec, self.seed, self.git_commit = spec, seed, git_commit
        self.config = config
        training = config.training
        if training.algorithm != "hiro":
            raise HrlError(f"training from bags knows the algorithm 'hiro' only, got '{training.algorithm}'")
        self.files = RunFolder(folder)
        self._task = goal_distance_task(spec)
        self._generator = torch.Generator().manual_seed(seed)
        self._agent = agent_config(config)
        self._space = GoalSpace(spec, hierarchy_of(spec).levels[0])
        self.agent = HiroAgent(self._space, self._agent, self._task, self._generator, self._candidate_noise)
        self.store = EpisodeStore(spec, self._space.level, training.agent.replay, 0)
        self._weights = self.store.weights = np.ones(len(self.store.lengths))
        self._pieces: dict[int, StoredPiece] = {}
        """What each slot of the store holds."""
        self.consumed: dict[str, ConsumedSegment] = {}
        self.left_out: Counter[str] = Counter()
        self._overlay = Overlay(self.store, config.relabelled, config.max_relabel_lag)
        self._manager_credit, self._batches = 0.0, 0
        self._log = UpdateLog(folder)
        self._live = LiveOutcomes()
        self.problems: list[str] = []
        """What was wrong with the segments consumed, for people."""

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        return self.agent.worker.updates

    @property
    def version(self) -> int:
        """Policy version: worker updates so far, counted from ``first_version``."""
        return self.config.first_version + self.updates

    @property
    def relabelled(self) -> int:
        """Recorded subgoals that relabelled ones stand in for."""
        return self._overlay.count

    @property
    def steps(self) -> int:
        """Environment steps learned from so far."""
        return sum(segment.steps for segment in self.consumed.values())

    @property
    def due(self) -> int:
        """Groups of worker updates that the recorded steps pay for and that have not been made."""
        wanted = self.config.updates or int(self.steps * self.config.training.agent.worker_updates)
        return max(0, -(-(wanted - self.updates) // GROUP)) if self.store.segments else 0

    def consume(self, must_exist: bool = False) -> int:
        """Take in every closed segment that is new; returns how many.

        Raises:
            BagError: ``must_exist`` and a source holds no bag.
        """
        found = new_segments(self.config.sources, self.consumed, must_exist)
        pieces: list[Piece] = []
        for bag, source in found:
            pieces += self._read(bag, source)
        self._batches += bool(found)
        self._add(pieces)
        self._overlay.apply(self._pieces, self.version)
        return len(found)

    def train(self, groups: int) -> None:
        """Make ``groups`` times ``GROUP`` worker updates and the manager updates that go with them.

        Raises:
            HrlError: a loss is out of bounds.
        """
        config = self._agent
        if config.relabels_goals and not self._task.exact:
            raise HrlError(
                f"recorded rewards of task '{self.spec.name}' are not minus the distance to the goal: task goals "
                "cannot be relabelled; set relabel_goals_uniform and relabel_goals_future to 0"
            )
        for _ in range(groups):
            number = self.updates // GROUP
            # Generators of the update, not of the process: whoever resumes draws the same.
            self._generator.manual_seed(step_seed(self.seed, Purpose.UPDATE, WORKER_LEVEL, 0, number))
            rng = step_generator(self.seed, Purpose.BATCH, WORKER_LEVEL, 0, number)
            self._learned(self.agent.update_worker(self.store, rng, GROUP))
            per_worker = config.manager_updates / (self._space.level.horizon * config.worker_updates)
            self._manager_credit += GROUP * per_worker
            updates, self._manager_credit = divmod(self._manager_credit, 1)
            if updates and self.steps >= config.manager_learning_starts:
                self._learned(self.agent.update_manager(self.store, rng, int(updates)))
            # Its interval counts environment steps, which are what updates are made for.
            interval = config.adjacency_interval * config.worker_updates
            if self.agent.adjacency is not None and self.updates // interval != number * GROUP // interval:
                self._log.note("manager", {"adjacency_loss": self.agent.adjacency.fit(self.store, rng)})

    def save(self, metrics: Row, best: bool = False) -> Path:
        """Write metrics, policy (as the best one too, if it is) and training state; returns the policy's folder."""
        row = {"env_steps": self.steps, **self.report(), **metrics}
        row |= self._log.means()
        self.files.append_metrics(row)
        self.keep(row, best)
        return self.files.folder / POLICY

    def keep(self, metrics: Row, best: bool = False) -> None:
        """Write policy and training state without a line of metrics."""
        policy = self.checkpoint({k: float(v) for k, v in metrics.items() if isinstance(v, int | float)})
        for name in (POLICY, BEST_POLICY) if best else (POLICY,):
            save_checkpoint(policy, self.files.folder / name)
        self.files.save_state(self._state(), self.updates)

    def report(self) -> Row:
        """Updates, ratio and staleness, as numbers."""
        return {
            "worker/updates": self.updates,
            "manager/updates": self.agent.manager.updates,
            "update_ratio": self.updates / max(1, self.steps),
            "segments": len(self.consumed),
            "store_steps": len(self.store),
            **policy_lags(self.version, self._pieces, self.store.lengths),
            "relabelled_subgoals": self.relabelled,
            "steps_left_out": sum(self.left_out.values()),
        }

    def outcomes(self) -> Row:
        """How the newest finished episodes of the recordings went, whatever they are used for; empty before any."""
        return self._live.row()

    def checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        """The present policies and where they come from."""
        levels = self.agent.level_weights()
        return Checkpoint(
            task=self.spec,
            algorithm="hiro",
            trained=True,
            version=self.version,
            env_steps=self.steps,
            seed=self.seed,
            git_commit=self.git_commit,
            actors={name: level.actor for name, level in levels.items()},
            weights=acting_weights(levels),
            metrics=metrics,
            provenance={
                "segments": [segment.as_dict() for segment in self.consumed.values()],
                "update": self.updates,
                "rng": {"seed": self.seed, "group": self.updates // GROUP, "keyed_by": "seed and group of updates"},
            },
        )

    def begin(self, resume: bool) -> None:
        """Write the configuration, or go on with the run in the folder.

        Raises:
            HrlError: the folder holds another run, or a segment learned from was changed since.
        """
        identity = {"task": self.spec.name, "task_hash": self.spec.sha256, "seed": self.seed}
        self.files.start(identity | self.config.as_dict(), self.spec.to_yaml(), resume)
        state = self.files.load_state() if resume else None
        if state is None:
            return
        self.agent.load_state_dict(state.tensors)
        self._manager_credit = state.plain["manager_credit"]
        self._log.load_state_dict(state.plain.get("log", {}))
        segments = [ConsumedSegment(**entry) for entry in state.plain["segments"]]
        self._batches = 1 + max((segment.batch for segment in segments), default=-1)
        for _, together in itertools.groupby(segments, key=lambda segment: segment.batch):
            batch = list(together)
            self._add([piece for segment in batch for piece in self._reread(segment)])
            # How old relabelled subgoals may be counts from the version that first saw them, as it did then.
            self._overlay.apply(self._pieces, batch[0].version)
        self.files.forget_metrics_after(self.updates, "worker/updates")

    def forget(self, keep: int) -> list[Path]:
        """Delete consumed segments but the last ``keep`` from disk; the store keeps what it learned from."""
        return forget_segments(self.consumed.values(), keep)

    def _read(self, bag: Path, source: Source) -> list[Piece]:
        """Read a new segment and note that it is consumed."""
        pieces, episodes = self._take(bag, self.version, source.weight)
        segment = ConsumedSegment(
            path=str(bag),
            sha256=segment_sha256(bag),
            weight=source.weight,
            episodes=episodes,
            steps=sum(piece.episode.steps for piece in pieces),
            version=self.version,
            batch=self._batches,
        )
        self.consumed[segment.path] = segment
        return pieces

    def _reread(self, segment: ConsumedSegment) -> list[Piece]:
        """Take in a segment again that an earlier process learned from."""
        bag = Path(segment.path)
        self.consumed[segment.path] = segment
        if not bag.exists():
            self.problems.append(f"{bag} is gone: its {segment.steps} steps can no longer be drawn")
            return []
        if segment_sha256(bag) != segment.sha256:
            raise HrlError(f"{bag} has changed since it was learned from; restore it or begin a new run")
        return self._take(bag, segment.version, segment.weight)[0]

    def _take(self, bag: Path, version: int, weight: float) -> tuple[list[Piece], int]:
        """What there is to learn from a segment, and how many episodes it has; the rest of it is noted."""
        recording = read_bags([bag], self.spec)
        self.problems += [str(problem) for problem in recording.problems]
        material = choose_material(self._space.level.horizon, self.config.material, recording.episodes, version)
        self._live.add(recording.episodes)
        self.left_out.update(material.left_out)
        pieces = [Piece(e, start, weight) for e, start in zip(material.pieces, material.starts, strict=True)]
        return pieces, len(recording.episodes)

    def _add(self, pieces: list[Piece]) -> None:
        """Fill the store in canonical order."""
        pieces.sort(key=lambda piece: (piece.episode.key, piece.start))
        self._task.learn([piece.episode for piece in pieces])
        for piece in pieces:
            slot = add_episode(self.store, self.spec, piece.episode)
            if isinstance(slot, Problem):
                self.problems.append(str(slot))
                self.left_out["no place in the store"] += piece.episode.steps
                continue
            self._pieces[slot] = StoredPiece(
                piece.episode.key, piece.start, oldest_version(piece.episode, self.version)
            )
            self._weights[slot] = piece.weight

    def _candidate_noise(self, index: SegmentIndex) -> torch.Tensor:
        count = self._agent.candidates - DETERMINISTIC
        size = self._space.size
        rows = []
        for slot, step in zip(index.slots.tolist(), index.starts.tolist(), strict=True):
            key, start, _ = self._pieces[slot]
            rows.append(candidate_noise(self.seed, key, start + step, count, size))
        return torch.from_numpy(np.stack(rows))

    def _learned(self, updates: Sequence[Update]) -> None:
        for update in updates:
            self._log.learned(update, f"{self.updates} updates")

    def _state(self) -> TrainingState:
        plain = {
            "manager_credit": self._manager_credit,
            "segments": [segment.as_dict() for segment in self.consumed.values()],
            "log": self._log.state_dict(),
        }
        return TrainingState(self.agent.state_dict(), {"version": np.array([self.version])}, plain)
