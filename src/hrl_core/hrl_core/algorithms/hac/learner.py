"""HAC (arXiv 1712.00948) in training environments: live an episode, make rows of it, update every level."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hac.acting import Acting
from hrl_core.algorithms.hac.agent import HacAgent
from hrl_core.algorithms.hac.config import HacConfig, hierarchy
from hrl_core.algorithms.hac.lived import lived
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update
from hrl_core.environments import Environments, Step
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]


class HacLearner:
    """Levels that act by the sessions of a running graph, and learn after each episode."""

    def __init__(self, task: TaskSpec, config: HacConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: task and subgoals do not fit together.
        """
        self.agent = HacAgent(task, config, seed)
        self._acting = Acting(task, self.agent.hierarchy, envs, seed, self.agent.levels)
        self._episodes, self._learned = 0, 0

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments under subgoals, exploring except below a test."""
        return self._acting.act()

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Take in what the actions led to, episode by episode; how many subgoals of each manager were reached."""
        figures: dict[str, Metrics] = {}
        for record in self._acting.observe(step):
            episode = lived(record, self.agent.hierarchy)
            shares = self.agent.take(episode, record.observations[0].episode)
            figures |= {party: {"reached": share} for party, share in shares.items()}
            self._episodes += 1
        return figures

    def update(self) -> Iterator[Update]:
        """``updates_per_episode`` of every level for each episode that has ended."""
        while self._learned < self._episodes:
            yield from self.agent.update(self._learned)
            self._learned += 1

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, the manager, the manager's manager and so on."""
        return self.agent.levels()

    def policies(self) -> None:
        """They end segments each in its own time: what a checkpoint keeps is evaluated."""

    def parts(self) -> Mapping[str, Stateful]:
        """Networks and rows of each level, the episodes under way; and how far it is."""
        rows = {f"{party}_rows": ring for party, ring in self.agent.rows.items()}
        return {**self.agent.networks, **rows, "watch": self.agent.watch, "acting": self._acting, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Episodes that have been lived, and learned from."""
        return {"episodes": self._episodes, "learned": self._learned}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._episodes, self._learned = state["episodes"], state["learned"]


learner = HacLearner
"""As ``protocols.Training`` asks for it, beside ``hierarchy``."""
