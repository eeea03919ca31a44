"""Q(s, a) as a perceptron, and how targets follow it: what every off-policy learner of vectors has."""

import torch
from torch import nn


class Critic(nn.Module):
    """Q(s, a): a perceptron with ReLU; the second layer may see the action again (HIRO's released code)."""

    def __init__(self, feature_dim: int, action_dim: int, hidden: tuple[int, ...], action_twice: bool = False) -> None:
        """Shape it; ``draw_weights`` draws them, of twins together."""
        super().__init__()
        ins = [feature_dim + action_dim, *hidden]
        ins[1] += action_dim if action_twice else 0
        self._twice = action_twice
        self.linears = [nn.Linear(n, m) for n, m in zip(ins, [*hidden, 1], strict=True)]
        self.layers = nn.ModuleList(self.linears)

    def forward(self, features: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Values (batch,) of features (batch, feature_dim) and scaled actions (batch, action_dim)."""
        x = torch.cat((features, actions), 1)
        for i, layer in enumerate(self.linears):
            x = torch.cat((x, actions), 1) if i == 1 and self._twice else x
            x = torch.relu(layer(x)) if i < len(self.linears) - 1 else layer(x)
        return x[:, 0]


def move(target: nn.Module, online: nn.Module, share: float) -> None:
    """Soft update of a target network: theta' <- share theta + (1 - share) theta'."""
    with torch.no_grad():
        for kept, parameter in zip(target.parameters(), online.parameters(), strict=True):
            kept.lerp_(parameter, share)
