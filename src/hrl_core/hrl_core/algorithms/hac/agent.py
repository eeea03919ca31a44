"""The levels of HAC (arXiv 1712.00948): each a learner with rows of its own; none knows another's networks."""

from collections.abc import Iterator, Mapping

import torch

from hrl_core.algorithms.hac.actor_shapes import actor_configs
from hrl_core.algorithms.hac.config import HacConfig, hierarchy
from hrl_core.algorithms.hac.lived import Lived
from hrl_core.algorithms.hac.rows import level_rows
from hrl_core.algorithms.hac.watch import Watch
from hrl_core.algorithms.protocols import LevelWeights, Update
from hrl_core.learners.bounded_ddpg import BoundedDDPG
from hrl_core.learners.sac import SAC
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.randomness import Purpose, step_generator
from hrl_core.replay.rows import RowRing
from hrl_core.task.spec import TaskSpec


class HacAgent:
    """Learns every level from episodes, wherever they were lived."""

    def __init__(self, task: TaskSpec, config: HacConfig, seed: int) -> None:
        """Initialise networks from ``seed``, which also draws hindsight goals and batches.

        Raises:
            HrlError: task and subgoals do not fit together.
        """
        self._task, self._config, self._seed = task, config, seed
        self.hierarchy = hierarchy(task, config)
        generator = torch.Generator().manual_seed(seed)
        shapes = actor_configs(task, self.hierarchy, config)
        worst = config.worst(task)
        self.networks = {party: _level(config, shape, worst, generator) for party, shape in shapes.items()}
        self.rows = {party: RowRing(config.replay, s.input_dim, s.output_dim) for party, s in shapes.items()}
        self.watch = Watch(worst)

    def take(self, episode: Lived, number: int) -> dict[str, float]:
        """Make rows of an episode; of each manager, the share of its subgoals that were reached."""
        for level, ring in enumerate(self.rows.values()):
            rng = step_generator(self._seed, Purpose.HINDSIGHT, level, number, 0)
            ring.add(level_rows(self._task, self.hierarchy, self._config, episode, level, rng))
        managers = list(self.networks)[1:]
        shares = {p: float(chosen.reached.mean()) for p, chosen in zip(managers, episode.levels[1:], strict=True)}
        self.watch.lived(shares)
        return shares

    def update(self, number: int) -> Iterator[Update]:
        """``updates_per_episode`` of every level that has enough rows, the batches those of round ``number``."""
        for level, party in enumerate(self.networks):
            if self._config.updates_per_episode and self.ready(party):
                yield from self._update(level, party, number)

    def ready(self, party: str) -> bool:
        """Whether a level has rows for a batch."""
        return len(self.rows[party]) >= self._config.of_levels.batch_size

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, the manager, the manager's manager and so on."""
        return {party: LevelWeights.of(level) for party, level in self.networks.items()}

    def _update(self, level: int, party: str, number: int) -> Iterator[Update]:
        config, learner = self._config, self.networks[party]
        size = config.of_levels.batch_size
        rng = step_generator(self._seed, Purpose.BATCH, level, 0, number)
        drawn = self.rows[party].sample(size * config.updates_per_episode, rng)
        values = 0.0
        for columns in zip(*(torch.from_numpy(column).split(size) for column in drawn), strict=True):
            batch = TransitionBatch(*columns)
            metrics = learner.update(batch)
            values += metrics["value"]
            yield Update(party, metrics, batch._asdict())
        self.watch.learned(party, values / config.updates_per_episode)


def _level(config: HacConfig, shape: ActorConfig, worst: float, generator: torch.Generator) -> BoundedDDPG | SAC:
    """What learns at a level; values of its rows lie in [-``worst``, 0]."""
    how = config.of_levels
    return SAC(how, shape, generator) if isinstance(how, SACConfig) else BoundedDDPG(how, shape, worst, generator)
