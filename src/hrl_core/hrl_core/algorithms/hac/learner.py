"""HAC (arXiv 1712.00948) in training environments: live an episode, make rows of it, update every level."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.hac.acting import Acting
from hrl_core.algorithms.hac.actor_shapes import actor_configs
from hrl_core.algorithms.hac.config import HacConfig, hierarchy
from hrl_core.algorithms.hac.lived import lived
from hrl_core.algorithms.hac.rows import level_rows
from hrl_core.algorithms.hac.watch import Watch
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.learners.ddpg import DDPG
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.randomness import Purpose, step_generator
from hrl_core.replay.rows import RowRing
from hrl_core.task.spec import TaskSpec


class HacLearner:
    """Levels, each with a DDPG and rows of its own; none knows another's networks."""

    def __init__(self, task: TaskSpec, config: HacConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: task and subgoals do not fit together.
        """
        self._task, self._config, self._seed = task, config, seed
        self.hierarchy = hierarchy(task, config)
        generator = torch.Generator().manual_seed(seed)
        shapes = actor_configs(task, self.hierarchy, config)
        bound = 1 / (1 - config.discount) if config.levels == 1 else float(config.attempts(task))
        self.networks = {party: DDPG(config.learner, shape, bound, generator) for party, shape in shapes.items()}
        self.rows = {party: RowRing(config.replay, s.input_dim, s.output_dim) for party, s in shapes.items()}
        self._acting = Acting(task, self.hierarchy, envs, seed, self.levels)
        self._watch = Watch(bound)
        self._episodes, self._learned = 0, 0

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments under subgoals, exploring except below a test."""
        return self._acting.act()

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Take in what the actions led to; of episodes that ended, make rows."""
        figures: dict[str, Metrics] = {}
        for record in self._acting.observe(step):
            figures |= self._take(record)
        return figures

    def update(self) -> Iterator[Update]:
        """``updates`` of every level for each episode that has ended."""
        while self._learned < self._episodes:
            for level, party in enumerate(self.networks):
                yield from self._update(level, party)
            self._learned += 1

    def generator(self, level: int, episode: int) -> np.random.Generator:
        """What hindsight goals of a level in an episode are drawn by."""
        return step_generator(self._seed, Purpose.HINDSIGHT, level, episode, 0)

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, the manager, the manager's manager and so on."""
        return {
            party: LevelWeights(ddpg.actor_config, ddpg.actor_arrays(), ddpg.updates)
            for party, ddpg in self.networks.items()
        }

    def policies(self) -> None:
        """They end segments each in its own time: what a checkpoint keeps is evaluated."""

    def parts(self) -> Mapping[str, Stateful]:
        """Networks and rows of each level, the episodes under way; and how far it is."""
        rows = {f"{party}_rows": ring for party, ring in self.rows.items()}
        return {**self.networks, **rows, "acting": self._acting, "watch": self._watch, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Episodes that have been lived, and learned from."""
        return {"episodes": self._episodes, "learned": self._learned}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._episodes, self._learned = state["episodes"], state["learned"]

    def _take(self, record: EpisodeRecord) -> dict[str, Metrics]:
        """Make rows of an episode; of each manager, the share of its subgoals that were reached."""
        episode, number = lived(record, self.hierarchy), record.observations[0].episode
        for level, ring in enumerate(self.rows.values()):
            rng = self.generator(level, number)
            ring.add(level_rows(self._task, self.hierarchy, self._config, episode, level, rng))
        self._episodes += 1
        managers = list(self.networks)[1:]
        shares = {p: float(chosen.reached.mean()) for p, chosen in zip(managers, episode.levels[1:], strict=True)}
        self._watch.lived(shares)
        return {party: {"reached": share} for party, share in shares.items()}

    def _update(self, level: int, party: str) -> Iterator[Update]:
        config, ddpg, ring = self._config, self.networks[party], self.rows[party]
        size = config.learner.batch_size
        if len(ring) < size or not config.updates:
            return
        rng = step_generator(self._seed, Purpose.BATCH, level, 0, self._learned)
        drawn = ring.sample(size * config.updates, rng)
        values = 0.0
        for columns in zip(*(torch.from_numpy(column).split(size) for column in drawn), strict=True):
            batch = TransitionBatch(*columns)
            metrics = ddpg.update(batch)
            values += metrics["value"]
            yield Update(party, metrics, batch._asdict())
        self._watch.learned(party, values / config.updates)


learner = HacLearner
"""As ``protocols.Training`` asks for it, beside ``hierarchy``."""
