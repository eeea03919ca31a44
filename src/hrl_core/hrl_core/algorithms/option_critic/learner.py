"""Option-Critic in training environments: end an option or go on, act, learn; as ``protocols.Training`` asks for it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.option_critic.agent import OptionCritic
from hrl_core.algorithms.option_critic.config import OptionCriticConfig, hierarchy
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import Rollout
from hrl_core.networks.heads import Categorical, Head, make_head
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec

__all__ = ["OptionCriticLearner", "hierarchy", "learner"]


def learner(spec: TaskSpec, config: OptionCriticConfig, envs: Environments, seed: int) -> "OptionCriticLearner":
    """A learner at the beginning of a run."""
    return OptionCriticLearner(spec, config, envs, seed)


class OptionCriticLearner:
    """Lives under the present options in all environments, learns from that, and forgets it."""

    def __init__(self, spec: TaskSpec, config: OptionCriticConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``."""
        self._envs, self._rng = envs, np.random.default_rng(seed)
        self.agent = OptionCritic(spec, config, torch.Generator().manual_seed(seed))
        self._head, self._chooser = self._make_head(), Categorical()
        steps = -(-config.rollout_steps // envs.num_envs)
        self._buffer = RolloutBuffer(envs.num_envs, steps, self.agent.input_dim, len(spec.action))
        self._one_hot = np.eye(config.options, dtype=np.float32)
        self._options = np.zeros(envs.num_envs, np.int64)
        self._begins = np.ones(envs.num_envs, np.bool_)
        """Where an episode begins, so that no option goes on."""
        self._changes = self._steps = 0
        self._goals, self._actions = envs.goals, np.zeros((envs.num_envs, len(spec.action)))
        self._inputs = self._seen(envs.states)

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments: first options end with probability beta, others follow, then these act."""
        inputs = torch.from_numpy(self._seen(self._envs.states))
        ends = self._rng.random(len(self._options)) < self.agent.terminations(inputs)
        preferences = self.agent.preferences(inputs)
        chosen = np.flatnonzero(self._begins | ends)
        for env in chosen:
            self._options[env] = int(self._chooser.draw(preferences[env], self._rng)[0][0])
        self._changes, self._steps = self._changes + len(chosen), self._steps + len(self._options)
        self._inputs = self._seen(self._envs.states)
        for env, output in enumerate(self.agent.act(torch.from_numpy(self._inputs))):
            self._actions[env], _ = self._head.draw(output, self._rng)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to."""
        arrived = self._seen(step.states)
        self._buffer.add(self._inputs, self._actions, step.rewards, arrived, step.terminated, step.ended)
        self._begins, self._goals = step.ended.copy(), self._envs.goals
        return {}

    def update(self) -> Iterator[Update]:
        """One, when enough has been lived."""
        if self._buffer.full:
            yield self._learn(self._buffer.take())
            self._head = self._make_head()

    def _learn(self, rollout: Rollout) -> Update:
        # At least: where none has changed meanwhile, they are longer.
        figures = self.agent.update(rollout) | {"option_length": self._steps / max(self._changes, 1)}
        self._changes = self._steps = 0
        return Update("worker", figures, as_tensors(rollout))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The options, the policy over them, and their terminations."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, what has been lived since the last update, and where the environments are."""
        return {"agent": self.agent, "rollout": self._buffer, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """The generator, and the options in force."""
        counts = {"changes": self._changes, "steps": self._steps}
        return {"rng": self._rng.bit_generator.state, "options": self._options, "begins": self._begins, **counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; networks and rows have been restored before."""
        self._rng.bit_generator.state = state["rng"]
        self._options, self._begins = state["options"].copy(), state["begins"].copy()
        self._changes, self._steps = state["changes"], state["steps"]
        self._goals, self._inputs = self._envs.goals, self._seen(self._envs.states)
        self._head = self._make_head()
        if not self._envs.exact_resume:
            self._buffer.cut()
            self._begins[:] = True

    def _make_head(self) -> Head:
        return make_head(self.agent.actor.config, self.agent.levels()["worker"].weights)

    def _seen(self, states: npt.NDArray) -> npt.NDArray[np.float32]:
        """Rows of inputs for states (num_envs, observation_dim) under the present goals and options."""
        return np.concatenate((to_float32(states), to_float32(self._goals), self._one_hot[self._options]), axis=1)
