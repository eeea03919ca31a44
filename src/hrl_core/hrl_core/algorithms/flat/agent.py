"""A flat policy that learns from a store of episodes, by whatever off-policy learner."""

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.flat.config import AnyFlatConfig, DDPGFlatConfig, DQNFlatConfig, FlatConfig, SACFlatConfig
from hrl_core.algorithms.flat.shapes import worker_shape
from hrl_core.algorithms.protocols import LevelWeights, Update, Work
from hrl_core.learners.ddpg import DDPG
from hrl_core.learners.dqn import DQN
from hrl_core.learners.making import make_level
from hrl_core.learners.sac import SAC
from hrl_core.learners.transitions import OffPolicyLearner, TransitionBatch, seen
from hrl_core.networks.heads import make_head
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.replay.hindsight import Hindsight
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
OffPolicyConfig = FlatConfig | SACFlatConfig | DDPGFlatConfig | DQNFlatConfig


class FlatAgent:
    """One learner on observation and task goal."""

    def __init__(
        self,
        spec: TaskSpec,
        config: OffPolicyConfig,
        generator: torch.Generator,
        hindsight: Hindsight | None = None,
    ) -> None:
        """Initialise from ``generator``.

        Args:
            spec: the task.
            config: learner and switches.
            generator: of weights, and of what updates draw.
            hindsight: relabels the goals of batches; None: they stay.
        """
        self.spec, self.config, self._hindsight = spec, config, hindsight
        self.worker = _learner(spec, config, generator)
        self.head = make_head(self.worker.actor_config, {})

    def outputs(self, states: Float32, task_goals: Float32) -> Float32:
        """What the head takes, (batch, last_dim)."""
        inputs = seen(states, task_goals)
        return self.worker.act(inputs).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Gradient steps, each on a fresh batch."""
        return self.prepare_worker(store, rng, updates)()

    def prepare_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int) -> Work:
        """Draw a batch for each update; what is returned makes the gradient steps."""
        batches = [self._draw(store, rng) for _ in range(updates)]
        return lambda: [self._learn(batch) for batch in batches]

    def level_weights(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps."""
        return {"worker": LevelWeights.of(self.worker)}

    def _draw(self, store: EpisodeStore, rng: np.random.Generator) -> TransitionBatch:
        config = self.config.worker
        slots, steps = store.draw_steps(config.batch_size, rng, self.config.worker_replay)
        batch = store.steps_at(slots, steps)
        if self._hindsight is not None:
            batch = self._hindsight.relabelled(store, slots, steps, batch, rng)
        discounts = np.where(batch.terminated, 0, config.discount).astype(np.float32)
        return TransitionBatch(
            inputs=seen(batch.states, batch.task_goals),
            actions=torch.from_numpy(batch.actions),
            rewards=torch.from_numpy(batch.rewards),
            discounts=torch.from_numpy(discounts),
            next_inputs=seen(batch.next_states, batch.task_goals),
        )

    def _learn(self, batch: TransitionBatch) -> Update:
        return Update("worker", self.worker.update_many(batch, 1)[0], batch._asdict())

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The agent's tensors."""
        return self.worker.state_dict()

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.worker.load_state_dict(state)


def _learner(spec: TaskSpec, config: AnyFlatConfig, generator: torch.Generator) -> OffPolicyLearner:
    shape = worker_shape(spec, config)
    if isinstance(config, SACFlatConfig):
        return SAC(config.worker, shape, generator)
    if isinstance(config, DDPGFlatConfig):
        return DDPG(config.worker, shape, generator)
    if isinstance(config, DQNFlatConfig):
        return DQN(config.worker, shape, generator)
    assert isinstance(config, FlatConfig)
    return make_level(config.worker, shape, generator)
