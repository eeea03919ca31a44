"""Skills learn (paper, section 5): one network, told a latent for a whole episode, paid for being told apart by it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.frozen_skills import WORKER_VALUE
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.algorithms.skill_shapes import chooser_shapes, skill_shapes, stacked
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.algorithms.snn4hrl.information import bonus, cells, information
from hrl_core.algorithms.snn4hrl.latents import by_skill, integrated, learning_shape
from hrl_core.environments import Environments, Step
from hrl_core.errors import HrlError
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import OnPolicy
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.heads import make_head
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec


class SkillsLearner:
    """The stochastic network; environment e has latent e mod K always, so that all are had alike."""

    def __init__(self, task: TaskSpec, config: Snn4hrlConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: the environments cannot be dealt among the latents, or the switches do not fit the task.
        """
        if envs.num_envs % config.skills:
            raise HrlError(f"num_envs {envs.num_envs} cannot be dealt among {config.skills} skills: give a multiple")
        self._config, self._envs, self._columns = config, envs, len(task.action)
        self._shapes, self._chooser = skill_shapes(task, config), chooser_shapes(task, config).actor
        self._position = _indices(task, config)
        self._matrix = self._shapes.actor.feature_matrix()
        actor, values = (learning_shape(shape, config.skills, config.outer_product) for shape in self._shapes)
        self.network = OnPolicy(config.worker, actor, values, torch.Generator().manual_seed(seed))
        self._latents = np.arange(envs.num_envs) % config.skills
        self._rng = np.random.default_rng(seed)
        steps = config.rollout_steps or task.max_episode_steps
        columns = self._columns + 1 + len(self._position)
        self._buffer = RolloutBuffer(envs.num_envs, steps, actor.input_dim, columns)
        self._inputs = self._seen(envs.states)
        self._actions = np.zeros((envs.num_envs, self._columns))
        self._head = make_head(actor, self.network.actor_arrays())

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments, drawn, not clipped."""
        self._inputs = self._seen(self._envs.states)
        for env, output in enumerate(self.network.act(torch.from_numpy(self._inputs)).numpy()):
            self._actions[env], _ = self._head.draw(output, self._rng)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to, and where."""
        acted = np.column_stack((self._actions, self._latents, step.states[:, self._position]))
        after = self._seen(step.states)
        self._buffer.add(self._inputs, acted, step.rewards, after, step.terminated, step.ended)
        return {}

    def update(self) -> Iterator[Update]:
        """When enough has been lived: PPO on r + alpha log p(z | cell), counted in this very batch."""
        if not self._buffer.full:
            return
        rows, skills = self._buffer.take(), self._config.skills
        actions, latents, positions = np.split(rows.actions, [self._columns, self._columns + 1], axis=1)
        latents, places = latents[:, 0].astype(np.int64), cells(positions, self._config.cell)
        extra = bonus(latents, places, skills)
        told = {
            "information": information(latents, places, skills),
            "bonus": float(extra.mean()),
            "reward": float(rows.rewards.mean()),
        }
        paid = rows.rewards + np.float32(self._config.bonus_weight) * extra
        rollout = rows._replace(actions=np.ascontiguousarray(actions), rewards=paid)
        figures = self.network.update(rollout)
        self._head = make_head(self.network.actor_config, self.network.actor_arrays())
        yield Update("worker", figures | told, as_tensors(rollout))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The skills, a network for each latent, and a manager to whom all are alike."""
        updates = self.network.updates
        chooser = {name: np.zeros(shape, np.float32) for name, shape in self._chooser.parameter_shapes().items()}
        return {
            "worker": self._level(self._shapes.actor, self.network.actor_arrays()),
            WORKER_VALUE: self._level(self._shapes.values, self.network.value_arrays()),
            "manager": LevelWeights(self._chooser, chooser, updates),
        }

    def _level(self, shape: ActorConfig, weights: dict[str, Float32]) -> LevelWeights:
        skills = self._config.skills
        own = by_skill(weights, shape.feature_dim, skills, self._config.outer_product)
        return LevelWeights(stacked(shape, skills), own, self.network.updates)

    def parts(self) -> Mapping[str, Stateful]:
        """The network, what has been lived since the last update, and the generator."""
        return {"network": self.network, "rollout": self._buffer, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """The generator."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; networks and rows have been restored before."""
        self._rng.bit_generator.state = state["rng"]
        self._head = make_head(self.network.actor_config, self.network.actor_arrays())
        if not self._envs.exact_resume:
            self._buffer.cut()

    def _seen(self, states: npt.NDArray) -> Float32:
        features = to_float32(states) @ self._matrix.T
        return integrated(features, self._latents, self._config.skills, self._config.outer_product)


def _indices(task: TaskSpec, config: Snn4hrlConfig) -> list[int]:
    """Where the position is in the observation; raises ``HrlError`` where it is not."""
    names = [element.name for element in task.observation]
    for name in config.position:
        if name not in names:
            raise HrlError(f"position: '{name}' is no element of the observation, which has {', '.join(names)}")
    return [names.index(name) for name in config.position]
