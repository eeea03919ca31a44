"""FuN in training environments: live an episode in each, side by side; learn from all of them; forget them.

As ``protocols.Training`` asks for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.fun.agent import Fun
from hrl_core.algorithms.fun.config import FunConfig, hierarchy
from hrl_core.algorithms.fun.lived import EpisodesInStep, Float32
from hrl_core.algorithms.fun.network import Memory
from hrl_core.algorithms.fun.shapes import seen
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.networks.dilated_lstm import State
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]


class FunLearner:
    """Weights change only between episodes: all environments begin one at the same time after every update."""

    def __init__(self, task: TaskSpec, config: FunConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``; raises ``TaskError`` where the task has no choices."""
        self._config, self._envs, self._rng = config, envs, np.random.default_rng(seed)
        self.agent = Fun(task, config, seed)
        self._directions = 0 if config.flat else config.size
        sizes = seen(task, config), self._directions
        self._lived = EpisodesInStep(envs.num_envs, task.max_episode_steps, *sizes)
        self._memory = self.agent.network.initial(envs.num_envs)
        self._earned, self._solved = np.zeros(envs.num_envs), np.zeros(envs.num_envs, np.bool_)
        self._goals = envs.goals
        self._inputs = self._seen(envs.states)
        self._actions = np.zeros(envs.num_envs, np.int64)

    def act(self) -> npt.NDArray[np.float64]:
        """Actions (num_envs, 1), drawn; first the manager says directions."""
        self._goals = self._envs.goals
        self._inputs = self._seen(self._envs.states)
        drawn = torch.from_numpy(self._random_directions())
        told = torch.from_numpy(self._inputs), self._lived.step, drawn
        self._memory, logits = self.agent.network.advance(self._memory, *told)
        self._actions = _drawn(logits.numpy(), self._rng)
        return self._actions[:, None].astype(np.float64)

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to, in environments whose episode is not over."""
        running = self._lived.running
        self._earned += np.where(running, step.rewards, 0)
        self._solved = np.where(running, step.successes, self._solved)
        ends = step.terminated, step.ended
        acted = self._inputs, self._memory.directions[-1].numpy(), self._actions, step.rewards
        self._lived.add(*acted, self._seen(step.states), *ends)
        return {}

    def update(self) -> Iterator[Update]:
        """One, when the last of the episodes is over; then new ones begin everywhere."""
        if self._lived.running.any():
            return
        lived = self._lived.take()
        figures = {"return": self._earned.mean(), "success": self._solved.mean(), "length": lived.lengths.mean()}
        update = self.agent.learn(lived)
        self._envs.renew()
        self._begin()
        yield update._replace(metrics={**update.metrics, **{name: float(mean) for name, mean in figures.items()}})

    def levels(self) -> Mapping[str, LevelWeights]:
        """Manager and worker."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, what has been lived and is remembered since the last update, and where the environments are."""
        return {"agent": self.agent, "lived": self._lived, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """The generator, what is remembered, and what episodes have earned."""
        (worker, manager, directions), told = self._memory, {"earned": self._earned, "solved": self._solved}
        state = {f"worker.{name}": part for name, part in worker._asdict().items()}
        state |= {f"manager.{name}": part for name, part in manager._asdict().items()}
        return {"rng": self._rng.bit_generator.state, "directions": directions, **state, **told}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; networks and what was lived have been restored before."""
        self._rng.bit_generator.state = state["rng"]
        kept = {name: tensor.clone() for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}
        worker, manager = (State(kept[f"{level}.hidden"], kept[f"{level}.cell"]) for level in ("worker", "manager"))
        self._memory = Memory(worker, manager, kept["directions"])
        self._earned, self._solved = state["earned"].copy(), state["solved"].copy()
        if not self._envs.exact_resume:
            self._lived.begin()
            self._begin()
        self._goals, self._inputs = self._envs.goals, self._seen(self._envs.states)

    def _begin(self) -> None:
        """Remember nothing, at the first step of all episodes."""
        self._memory = self.agent.network.initial(self._envs.num_envs)
        self._earned[:], self._solved[:] = 0.0, False

    def _random_directions(self) -> Float32:
        """Unit vectors of the manager's stead, as rarely as configured; zeros elsewhere."""
        chosen = self._rng.random(self._envs.num_envs) < self._config.random_direction
        drawn = self._rng.standard_normal((self._envs.num_envs, self._directions)) * chosen[:, None]
        lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
        return to_float32(drawn / np.maximum(lengths, 1e-12))

    def _seen(self, states: npt.NDArray) -> Float32:
        """Rows of inputs for states (num_envs, observation_dim) under the present goals."""
        rows = to_float32(states)
        return np.concatenate((rows, to_float32(self._goals)), axis=1) if self._config.flat else rows


learner = FunLearner


def _drawn(logits: Float32, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Choices (batch,) with the probabilities softmax(logits), by one uniform number each, as ``networks.heads``."""
    weights = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    below = weights.cumsum(1)
    thresholds = rng.random((len(logits), 1)) * below[:, -1:]
    return np.minimum((below <= thresholds).sum(1), logits.shape[1] - 1)
