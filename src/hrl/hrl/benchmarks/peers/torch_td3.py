"""TD3 in one file of torch, as cleanrl writes it: modules, one Adam for both critics, soft updates by loops."""

from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from hrl.benchmarks.peers import work
from hrl.benchmarks.peers.work import Size, Updates, random_transitions


def torch_updates(size: Size, fused: bool) -> Updates:
    """Updates of that TD3; ``fused``: whether Adam makes one pass over all parameters."""
    torch.manual_seed(0)
    replay, rng = random_transitions(), np.random.default_rng(0)
    actor = nn.Sequential(_perceptron(work.INPUTS, size, work.ACTIONS), nn.Tanh())
    critics = [_perceptron(work.INPUTS + work.ACTIONS, size, 1) for _ in range(2)]
    target_actor, target_critics = deepcopy(actor), deepcopy(critics)
    critic_parameters = [p for critic in critics for p in critic.parameters()]
    actor_adam = torch.optim.Adam(actor.parameters(), work.LR, fused=fused)
    critic_adam = torch.optim.Adam(critic_parameters, work.LR, fused=fused)

    def update(k: int) -> None:
        batch = [torch.as_tensor(part) for part in replay.sample(size.batch, rng)]
        inputs, actions, rewards, next_inputs, discounts = batch
        with torch.no_grad():
            noise = (torch.randn_like(actions) * work.NOISE).clamp(-work.NOISE_CLIP, work.NOISE_CLIP)
            seen = torch.cat((next_inputs, (target_actor(next_inputs) + noise).clamp(-1, 1)), 1)
            target = rewards + discounts * torch.minimum(*(critic(seen)[:, 0] for critic in target_critics))
        seen = torch.cat((inputs, actions), 1)
        critic_loss = sum((mse_loss(critic(seen)[:, 0], target) for critic in critics), torch.zeros(()))
        critic_adam.zero_grad()
        critic_loss.backward()
        critic_adam.step()
        if k % work.POLICY_DELAY == 0:
            actor_loss = -critics[0](torch.cat((inputs, actor(inputs)), 1)).mean()
            actor_adam.zero_grad()
            actor_loss.backward()
            actor_adam.step()
            for online, target_net in ((actor, target_actor), *zip(critics, target_critics, strict=True)):
                for parameter, kept in zip(online.parameters(), target_net.parameters(), strict=True):
                    kept.data.copy_(work.TAU * parameter.data + (1 - work.TAU) * kept.data)

    return lambda: [update(k) for k in range(work.TOGETHER)]


def _perceptron(inputs: int, size: Size, outputs: int) -> nn.Module:
    first, second = size.hidden
    layers = nn.Linear(inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, outputs)
    return nn.Sequential(*layers)
