"""Training by rounds: take what was collected, have the next round collected, and learn meanwhile."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrl_core.algorithms import learner_module, recordings_module
from hrl_core.algorithms.protocols import Training
from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import randomised_by
from hrl_core.environments import Environments
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.training.evaluations import Evaluations
from hrl_core.training.progress import Row
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.learner import Explores, FromRecordings, RecordedLearner
from hrl_core.training.recordings.material import oldest_version
from hrl_core.training.recordings.report import LiveOutcomes, policy_lags
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.store import Piece
from hrl_core.training.rounds.blocks import Block, Collected, Collectors
from hrl_core.training.rounds.config import EXACT, RoundConfig
from hrl_core.training.rounds.episode_file import load_episodes, save_episodes
from hrl_core.training.run import Run

FOLDER = "blocks"
"""Of the blocks, in that of the run."""


class RoundTrainer(Run[RoundConfig, FromRecordings]):
    """Trains a policy on episodes that others collect, by whatever algorithm learns from recordings."""

    def __init__(
        self,
        spec: TaskSpec,
        config: RoundConfig,
        collectors: Collectors,
        folder: Path,
        seed: int,
        git_commit: str = "",
        evaluation_envs: Environments | Evaluations | None = None,
        made_by: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the learner from ``seed``; nothing is read or written yet.

        Args:
            spec: the task.
            config: everything else that decides the run.
            collectors: who collects.
            folder: of the run.
            seed: of weights, episodes, exploration and sampling.
            git_commit: of the running code.
            evaluation_envs: what policies are evaluated in, or who does it; None: they are not.
            made_by: what a checkpoint says of the machines.
        """
        module, agent = recordings_module(config.algorithm), config.training.agent
        learner: FromRecordings = module.learner(spec, _from_blocks(config, folder), seed)
        if learner.on_policy and config.rounds != EXACT:
            raise HrlError(
                f"rounds {config.rounds}: {_name(config)} learns from its newest policy alone, and most blocks would be"
                f" of older ones and left out: rounds {EXACT}"
            )
        if isinstance(learner, RecordedLearner):
            learner.learning_starts = agent.learning_starts
        training: Training = learner_module(config.algorithm)
        super().__init__(
            spec, training.hierarchy(spec, agent), config, learner, evaluation_envs, folder, seed, git_commit
        )
        self._untrained: Checkpoint = module.untrained(spec, agent, seed)
        self._collectors, self._made_by = collectors, dict(made_by or {})
        self._taken: list[tuple[int, int]] = []
        """Number of each block that was learned from, and the policy version at which it was taken."""
        self._ahead: dict[int, Collected] = {}
        """Blocks of the next round that are there already."""
        self._next, self._on_their_way = 0, 0
        """Number of the next block to be collected; and how many collectors are at."""
        self._outcomes, self._left_out, self._collecting = LiveOutcomes(bool(spec.goal)), 0, 0.0

    @property
    def left(self) -> int:
        """Environment steps still to be made."""
        return max(0, self.config.training.steps - self.env_steps)

    @property
    def version(self) -> int:
        """Policy version: worker updates so far."""
        return self.first_version + self.learner.updates

    def iterate(self) -> None:
        """Take a round (free: a block), have another one collected, and make the updates that the steps pay for."""
        for collected in self._round() if self.config.rounds == EXACT else self._whichever():
            self._take(collected.block.number, collected.episodes, self.version)
        while self.learner.store.segments and self.learner.updates < self.learner.paid(self.env_steps):
            for update in self.learner.update(self.env_steps):
                self._log.learned(update, f"{self.env_steps} environment steps")

    def _round(self) -> list[Collected]:
        """The blocks of a round; the next one is collected while it is learned from."""
        first, count = len(self._taken), self.config.round_blocks
        if self._next == first:
            self._submit(count)
        found = [self._await(number) for number in range(first, first + count)]
        # What learns from its newest policy alone has to wait for it.
        if not self.learner.on_policy and self.left > sum(e.steps for one in found for e in one.episodes):
            self._submit(count)
        return found

    def _whichever(self) -> list[Collected]:
        """The block that comes first, of two rounds that are always on their way."""
        self._submit(2 * self.config.round_blocks - self._on_their_way)
        self._on_their_way -= 1
        return [self._saved(self._collectors.next(None))]

    def keep(self) -> None:
        """Write the training state, and before it what is collected at the time: a resumed run goes on from both."""
        if self.config.rounds == EXACT:
            for number in range(len(self._taken), self._next):
                self._ahead[number] = self._await(number)
        super().keep()

    def report(self) -> Row:
        """How far the learning is, and how old the policies are that it learns from."""
        store = self.learner.store
        return {
            **super().report(),
            "blocks": len(self._taken),
            "store_steps": len(store),
            "steps_left_out": self._left_out,
            **policy_lags(self.version, store.pieces, store.lengths),
            **self._outcomes.row(),
        }

    def state_dict(self) -> dict[str, Any]:
        """How far the run is; the blocks themselves are files."""
        return {**super().state_dict(), "taken": self._taken, "next": self._next, "left_out": self._left_out}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take in the same blocks again; those that were collected next are there, or are collected again."""
        for number, version in state["taken"]:
            self._take(number, load_episodes(self._file(self._block(number))), version)
        self._left_out = state["left_out"]
        self._next = 1 + max((number for number, _ in self._taken), default=-1)
        while self.config.rounds == EXACT and self._next < state["next"]:
            block = self._block(self._next)
            self._ahead[self._next] = Collected(block, load_episodes(self._file(block)), 0.0)
            self._next += 1
        super().load_state_dict(state)

    def _provenance(self) -> dict[str, Any]:
        made_in = {"rounds": self.config.rounds, "round_blocks": self.config.round_blocks}
        return {**randomised_by(self.config.training.randomise), **made_in, **self._made_by}

    def _block(self, number: int) -> Block:
        return Block(number, self.config.training.num_envs)

    def _file(self, block: Block) -> Path:
        return self.files.folder / FOLDER / block.file

    def _submit(self, count: int) -> None:
        """Have that many more blocks collected by the present policy."""
        warm = self.learner.updates and self.env_steps >= self.learner.warm_start_steps
        policy = self.checkpoint({}) if warm else self._untrained
        # The learner's weights go on changing.
        policy = policy.copied()
        if isinstance(self.learner, Explores):
            policy = self.learner.exploring(policy, self.env_steps)
        for number in range(self._next, self._next + count):
            self._collectors.submit(self._block(number), policy)
        self._next += count
        self._on_their_way += count

    def _await(self, number: int) -> Collected:
        return self._ahead.pop(number, None) or self._saved(self._collectors.next(self._block(number)))

    def _saved(self, collected: Collected) -> Collected:
        """The same, once it is a file."""
        path = self._file(collected.block)
        self._collecting += collected.cpu_seconds
        try:
            save_episodes(path, collected.episodes)
        except OSError as error:
            raise HrlError(f"cannot write {path}: {error}; {self.files.kept()}") from error
        return collected

    @property
    def _elsewhere(self) -> float:
        return super()._elsewhere + self._collecting

    def _take(self, number: int, episodes: list[BagEpisode], version: int) -> None:
        pieces = [Piece(episode, 0, oldest_version(episode, version), 1.0) for episode in episodes]
        self._outcomes.add(episodes)
        self._left_out += sum(refusal.steps for refusal in self.learner.take(pieces, version))
        self._taken.append((number, version))
        self.env_steps += sum(episode.steps for episode in episodes)


def _from_blocks(config: RoundConfig, folder: Path) -> BagTrainConfig:
    """As the algorithm's learner from recordings takes it."""
    candidates = config.training.as_dict().get("candidates")
    return BagTrainConfig(
        (Source(folder / FOLDER),),
        # How episodes differ is the collectors' affair.
        dataclasses.replace(config.training, randomise=""),
        relabel="at-sampling" if candidates else "off",
    )


def _name(config: RoundConfig) -> str:
    """Who learns, for people."""
    learner = config.training.as_dict().get("learner")
    return f"algorithm '{config.algorithm}'" + (f" with learner {learner}" if learner else "")
