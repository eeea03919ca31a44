"""How FuN learns from whole episodes, in the order of the paper (section 3.1); and the flat LSTM from the same."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributions import Categorical

from hrl_core.algorithms.fun.config import TRANSITION_PG, FunConfig
from hrl_core.algorithms.fun.lived import Lived
from hrl_core.algorithms.fun.losses import (
    going_on,
    intrinsic_rewards,
    masked_mean,
    returns,
    scaled,
    transition_loss,
)
from hrl_core.algorithms.fun.network import Said, SaidByManager, make_network
from hrl_core.algorithms.fun.shapes import shapes
from hrl_core.algorithms.protocols import LevelWeights, Update, as_tensors
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.errors import HrlError
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.task.spec import TaskSpec


class Fun:
    """The network with its optimiser."""

    def __init__(self, task: TaskSpec, config: FunConfig, seed: int) -> None:
        """Initialise from ``seed``, or from a policy.

        Raises:
            HrlError: the task has no choices, or the policy that learning is to begin with has other networks.
        """
        self.config, self.shapes = config, shapes(task, config)
        self.network = make_network(self.shapes, config, torch.Generator().manual_seed(seed))
        if config.begin_with:
            self._begin_with(config.begin_with)
        self._optimiser = torch.optim.Adam(self.network.parameters(), config.lr, fused=True)
        self.updates = 0

    def learn(self, lived: Lived) -> Update:
        """One step down the sum of both levels' losses, back through time over whole episodes."""
        figures = self._descend(lived)
        self.updates += 1
        return Update("worker", figures, as_tensors(lived))

    def loss(self, lived: Lived) -> tuple[torch.Tensor, dict[str, float]]:
        """What is descended, and figures."""
        # None was issued at an episode's last observation, of which only the worth is asked.
        issued = torch.where(going_on(lived)[..., None], torch.from_numpy(lived.directions), 0.0)
        told = torch.cat((issued, torch.zeros_like(issued[:1])))
        said, manager = self.network(torch.from_numpy(lived.inputs), told)
        rewards, figures = lived.rewards, {}
        loss = torch.zeros(())
        if manager is not None:
            earned = intrinsic_rewards(manager.latent, manager.followed, self.config.horizon, self.config.absolute)
            rewards = rewards + self.config.alpha * earned
            figures["intrinsic_reward"] = float(masked_mean(torch.from_numpy(earned), going_on(lived)))
            if self.config.manager_loss == TRANSITION_PG:
                loss, figures["manager_loss"] = self.manager_loss(lived, manager)
        worker_loss, own = self.worker_loss(lived, said, rewards)
        return loss + worker_loss, figures | own

    def manager_loss(self, lived: Lived, said: SaidByManager) -> tuple[torch.Tensor, float]:
        """-mean A_M cos(s_{t+c} - s_t, g_t) + c_V mean (V_M - R)^2, A_M = R - V_M of the task's reward."""
        config, mask = self.config, going_on(lived)
        own = returns(lived, lived.rewards, said.worth, config.manager_discount, config.gae_lambda)
        advantages = scaled(own.advantages, mask, config.advantage_floor)
        counted = mask & ~said.random[:-1]
        loss = transition_loss(
            said.latent, said.directions, advantages, lived, counted, config.horizon, config.absolute
        )
        error = masked_mean((said.worth[:-1] - own.targets).square(), mask)
        return loss + config.value_weight * error, loss.item()

    def worker_loss(self, lived: Lived, said: Said, rewards: Any) -> tuple[torch.Tensor, dict[str, float]]:  # noqa: ANN401 - float32 array
        """-mean A_W log pi(a) + c_V mean (V_W - R)^2 - c_H mean H(pi), A_W = R - V_W of the reward r + alpha r_I."""
        config, mask = self.config, going_on(lived)
        own = returns(lived, rewards, said.worth, config.worker_discount, config.gae_lambda)
        policy = Categorical(logits=said.logits[:-1], validate_args=False)
        log_probability = policy.log_prob(torch.from_numpy(lived.actions))
        advantages = scaled(own.advantages, mask, config.advantage_floor)
        policy_loss = -masked_mean(advantages * log_probability, mask)
        error = masked_mean((said.worth[:-1] - own.targets).square(), mask)
        entropy = masked_mean(policy.entropy(), mask)
        loss = policy_loss + config.value_weight * error - config.entropy_weight * entropy
        return loss, {"policy_loss": policy_loss.item(), "value_loss": error.item(), "entropy": entropy.item()}

    def levels(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps."""
        return {
            party: LevelWeights(self.shapes[party], arrays_of(own), self.updates)
            for party, own in self.network.named().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything that later updates depend on."""
        state = networks_state({"network": self.network}, {"optimiser": self._optimiser})
        return state | {"updates": torch.tensor([self.updates])}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, {"network": self.network}, {"optimiser": self._optimiser})
        self.updates = int(state["updates"][0])

    def _begin_with(self, folder: str) -> None:
        """Take over the weights of a policy, whatever its horizon and dilation, of which they do not depend."""
        kept = load_checkpoint(Path(folder))
        for party, own in self.network.named().items():
            theirs = kept.level(party)
            shapes = [{name: tuple(part.shape) for name, part in side.items()} for side in (own, theirs)]
            if shapes[0] != shapes[1]:
                raise HrlError(
                    f"begin_with: the {party} of {folder} ({kept.algorithm} on {kept.task.name}) has other networks "
                    "than these switches make: give those that it was trained with, and a task that is seen and acted "
                    "in alike"
                )
            for name, tensor in own.items():
                tensor.copy_(torch.from_numpy(theirs[name]))

    def _descend(self, lived: Lived) -> dict[str, float]:
        config = self.config
        done = min(self.updates / config.anneal_updates, 1.0)
        for group in self._optimiser.param_groups:
            group["lr"] = config.lr * (1 - done * (1 - config.lr_end))
        loss, figures = self.loss(lived)
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_norm)
        self._optimiser.step()
        return figures
