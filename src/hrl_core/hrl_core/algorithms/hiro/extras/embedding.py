"""A goal space that is learned: f(s), after the row "FuN representation" of HIRO's table (arXiv 1805.08296, table 1).

Subgoals are offsets in the space of f. What the worker sees of one at state s is f(s_a) + g - f(s), s_a being where it
was chosen; f learns by what the worker's critics and actor pass back through that. In rewards, targets and relabelling
f is taken as it is. How it is trained the paper does not say: this is our choice.
"""

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.actor_shapes import input_scales
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.protocols import LevelWeights
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]


class Embedding:
    """The network f, which maps states to numbers from -1 to 1."""

    def __init__(self, spec: TaskSpec, config: HiroConfig, generator: torch.Generator) -> None:
        """Initialise it from ``generator``."""
        low, high = (-1.0,) * config.embedding, (1.0,) * config.embedding
        # Metres as they are would saturate it, and put all states in the corners.
        scale = input_scales(spec)
        self._config = ActorConfig(len(spec.observation), config.worker.hidden, low, high, input_scale=scale)
        self._net = Actor(self._config, generator)
        last = self._net.linears[-1]
        with torch.no_grad():
            # An actor's small last layer would put all states in one place.
            last.weight.uniform_(-(last.in_features**-0.5), last.in_features**-0.5, generator=generator)
        self._adam = torch.optim.Adam(self._net.parameters(), config.worker.critic_lr)
        self._updates = 0

    def positions(self, states: npt.NDArray) -> Float32:
        """F of states (..., observation_dim), shape (..., size), without a gradient."""
        flat = np.ascontiguousarray(states.reshape(-1, states.shape[-1]), np.float32)
        with torch.no_grad():
            return self._net(torch.from_numpy(flat)).numpy().reshape(*states.shape[:-1], -1)

    def carried(self, anchors: Float32, subgoals: Float32, states: Float32) -> torch.Tensor:
        """F(s_a) + g - f(s) with its gradient, (batch, size); all arguments (batch, ...)."""
        both = self._net(torch.from_numpy(np.concatenate((anchors, states))))
        return both[: len(anchors)] + torch.from_numpy(subgoals) - both[len(anchors) :]

    def learn(self, carried: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step of Adam by what was passed back to ``carried``."""
        self._adam.zero_grad()
        carried.backward(gradient)
        self._adam.step()
        self._updates += 1

    def level_weights(self) -> LevelWeights:
        """What a checkpoint keeps."""
        return LevelWeights(self._config, arrays_of(self._net.state_dict()), self._updates)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters, optimiser and updates."""
        state = networks_state({"embedding": self._net}, {"adam": self._adam})
        return state | {"updates": torch.tensor([self._updates])}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, {"embedding": self._net}, {"adam": self._adam})
        self._updates = int(state["updates"][0])
