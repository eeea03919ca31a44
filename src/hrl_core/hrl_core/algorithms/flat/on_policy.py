"""A flat on-policy learner in training environments: live with one policy, learn from it, forget it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.flat.bonus import BonusWeight, make_bonus
from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.shapes import value_shape, worker_shape
from hrl_core.algorithms.party_levels import party_levels
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import OnPolicy, Rollout
from hrl_core.networks.heads import Head, make_head
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]


class OnPolicyAgent:
    """Policy and values on observation and task goal, and what is added to rewards."""

    def __init__(self, spec: TaskSpec, config: OnPolicyFlatConfig, seed: int) -> None:
        """Initialise from ``seed``; raises ``HrlError`` where there is no such bonus."""
        self.spec, self.config = spec, config
        self.shape, self.value_shape = worker_shape(spec, config), value_shape(spec, config)
        self.worker = OnPolicy(config.worker, self.shape, self.value_shape, torch.Generator().manual_seed(seed))
        self.bonus = make_bonus(config, spec, seed) if config.bonus and config.bonus_weight else None
        self._bonus_weight = BonusWeight(config.bonus_weight, config.bonus_decay)

    def head(self) -> Head:
        """The head of the present policy."""
        return make_head(self.shape, self.worker.actor_arrays())

    def outputs(self, inputs: Float32) -> Float32:
        """What the head takes, (batch, last_dim)."""
        return self.worker.act(torch.from_numpy(inputs)).numpy()

    def learn(self, rollout: Rollout) -> Update:
        """One update from what the present policy lived; a bonus learns from it too."""
        figures: Metrics = {"reward": float(rollout.rewards.mean())}
        if self.bonus is not None:
            extra, weight = self.bonus.bonus(rollout), self._bonus_weight.of(rollout.rewards)
            figures |= {"bonus": float(extra.mean()), "bonus_weight": weight}
            rollout = rollout._replace(rewards=rollout.rewards + np.float32(weight) * extra)
        figures |= self.worker.update(rollout)
        return Update("worker", figures, as_tensors(rollout))

    def levels(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps: the worker, and what states are worth to it."""
        return party_levels("worker", self.worker, self.worker.updates)

    def parts(self) -> dict[str, Stateful]:
        """Networks, and the bonus if there is one."""
        curious = {} if self.bonus is None else {"bonus": self.bonus, "bonus_weight": self._bonus_weight}
        return {"agent": self.worker, **curious}


class OnPolicyLearner:
    """A worker alone that pursues the task goal and earns the task's reward."""

    def __init__(self, spec: TaskSpec, config: OnPolicyFlatConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``."""
        self._envs, self._rng = envs, np.random.default_rng(seed)
        self.agent = OnPolicyAgent(spec, config, seed)
        self._head = self.agent.head()
        steps = -(-config.rollout_steps // envs.num_envs)
        self._buffer = RolloutBuffer(envs.num_envs, steps, self.agent.shape.input_dim, len(spec.action))
        self._pursued = envs.goals
        self._inputs = self._seen(envs.states, self._pursued)
        self._actions = np.zeros((envs.num_envs, len(spec.action)))

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments, drawn, not clipped: environments do that."""
        self._pursued = self._envs.goals
        self._inputs = self._seen(self._envs.states, self._pursued)
        for env, output in enumerate(self.agent.outputs(self._inputs)):
            self._actions[env], _ = self._head.draw(output, self._rng)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to."""
        next_inputs = self._seen(step.states, self._pursued)
        self._buffer.add(self._inputs, self._actions, step.rewards, next_inputs, step.terminated, step.ended)
        return {}

    def update(self) -> Iterator[Update]:
        """One, when enough has been lived."""
        if self._buffer.full:
            yield self.agent.learn(self._buffer.take())
            self._head = self.agent.head()

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, and what states are worth to it."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, what has been lived since the last update, and the generator."""
        return {**self.agent.parts(), "rollout": self._buffer, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """The generator."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; networks and rows have been restored before."""
        self._rng.bit_generator.state = state["rng"]
        self._head = self.agent.head()
        if not self._envs.exact_resume:
            self._buffer.cut()

    @staticmethod
    def _seen(states: npt.NDArray, goals: npt.NDArray) -> Float32:
        return np.concatenate((to_float32(states), to_float32(goals)), axis=1)
