"""Training in environments: act, learn."""

from itertools import chain
from pathlib import Path
from typing import Any

from hrl_core.algorithms import learner_module
from hrl_core.algorithms.protocols import ActingLearner, KnowsOrigins, OverlappingLearner, Stateful, Training
from hrl_core.checkpoints.manifest import randomised_by
from hrl_core.environments import Environments
from hrl_core.task.spec import TaskSpec
from hrl_core.training.at_once import AtOnce
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluations import Evaluations
from hrl_core.training.run import Run


class Trainer(Run[TrainConfig[Any], ActingLearner]):
    """Trains a policy in vectorised environments, by whatever algorithm."""

    def __init__(
        self,
        spec: TaskSpec,
        config: TrainConfig[Any],
        envs: Environments,
        evaluation_envs: Environments | Evaluations | None,
        folder: Path,
        seed: int,
        git_commit: str = "",
        cores: int = 0,
    ) -> None:
        """Make the learner from ``seed``; nothing is written yet. ``cores`` are for work at once; 0: all there are."""
        training: Training = learner_module(config.algorithm)
        learner = training.learner(spec, config.agent, envs, seed)
        hierarchy = training.hierarchy(spec, config.agent)
        super().__init__(spec, hierarchy, config, learner, evaluation_envs, folder, seed, git_commit)
        self._envs = envs
        self._at_once = AtOnce(cores)

    @property
    def left(self) -> int:
        """Environment steps still to be made."""
        return max(0, self.config.steps - self.env_steps)

    def iterate(self) -> None:
        """One step in every environment and the updates it pays for, some of them meanwhile."""
        actions = self.learner.act()
        work = self.learner.meanwhile() if isinstance(self.learner, OverlappingLearner) else ()
        step, meanwhile = self._at_once(lambda: self._envs.step(actions), work)
        self.env_steps += self._envs.num_envs
        for level, figures in self.learner.observe(step).items():
            self._log.note(level, figures)
        for update in chain(*meanwhile, self.learner.update()):
            self._log.learned(update, f"{self.env_steps} environment steps")

    def _provenance(self) -> dict[str, Any]:
        origins = dict(self.learner.provenance()) if isinstance(self.learner, KnowsOrigins) else {}
        return randomised_by(self.config.randomise) | origins

    def _parts(self) -> dict[str, Stateful]:
        return {"envs": self._envs, **super()._parts()}
