"""HAC (arXiv 1712.00948) in training environments: live an episode, make rows of it, update every level."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hac.acting import Acting
from hrl_core.algorithms.hac.agent import HacAgent
from hrl_core.algorithms.hac.config import HacConfig, hierarchy
from hrl_core.algorithms.hac.lived import Lived, lived
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update
from hrl_core.environments import Environments, Step
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]


def learner(task: TaskSpec, config: HacConfig, envs: Environments, seed: int) -> "HacLearner":
    """A learner at the beginning of a run, as ``protocols.Training`` asks for it beside ``hierarchy``.

    Raises:
        HrlError: task and subgoals do not fit together.
    """
    if config.shadow:
        return ShadowLearner(task, config, envs, seed)
    return HacLearner(task, config, envs, seed)


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
        """Take in what the actions led to, episode by episode.

        Returns:
            ``reached``: share of each manager's subgoals that were, mean over the episodes that ended with this step.
        """
        shares: dict[str, list[float]] = {}
        for record in self._acting.observe(step):
            told = self.take(lived(record, self.agent.hierarchy), record.observations[0].episode)
            for party, share in told.items():
                shares.setdefault(party, []).append(share)
            self._episodes += 1
        return {party: {"reached": sum(several) / len(several)} for party, several in shares.items()}

    def take(self, episode: Lived, number: int) -> Mapping[str, float]:
        """Make rows of an episode, as ``HacAgent.take``."""
        return self.agent.take(episode, number)

    def learn(self, number: int) -> Iterator[Update]:
        """What one episode pays for, as ``HacAgent.update``."""
        return self.agent.update(number)

    def update(self) -> Iterator[Update]:
        """``updates_per_episode`` of every level for each episode that has ended."""
        while self._learned < self._episodes:
            yield from self.learn(self._learned)
            self._learned += 1

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, the manager, the manager's manager and so on."""
        return self.agent.levels()

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


class ShadowLearner(HacLearner):
    """One level that learns from what a hierarchy lives: what it is worth to explore by subgoals, not to act by them.

    The hierarchy is that of a run without the shadow, bit for bit; what is evaluated and kept is the shadow.
    """

    def __init__(self, task: TaskSpec, config: HacConfig, envs: Environments, seed: int) -> None:
        """Initialise networks of both from ``seed``."""
        super().__init__(task, replace(config, shadow=False), envs, seed)
        self.shadow = HacAgent(task, replace(config, shadow=False, levels=1), seed)

    def take(self, episode: Lived, number: int) -> Mapping[str, float]:
        """Of the shadow's episode the actions alone, in the service of the task goal."""
        actions = episode.levels[0]
        alone = actions._replace(served=np.zeros_like(actions.served))
        self.shadow.take(episode._replace(levels=(alone,)), number)
        return super().take(episode, number)

    def learn(self, number: int) -> Iterator[Update]:
        """As many updates of the shadow as of each level; those of the hierarchy bear its name."""
        for update in super().learn(number):
            yield update._replace(level=f"watched_{update.level}")
        yield from self.shadow.update(number)

    def levels(self) -> Mapping[str, LevelWeights]:
        """The shadow alone."""
        return self.shadow.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """Those of the hierarchy, networks and rows of the shadow, and what it has been warned of."""
        shadow = {f"shadow_{party}": network for party, network in self.shadow.networks.items()}
        rows = {f"shadow_{party}_rows": ring for party, ring in self.shadow.rows.items()}
        return {**super().parts(), **shadow, **rows, "shadow_watch": self.shadow.watch}
