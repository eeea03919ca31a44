"""How a level learns by DDPG."""

from dataclasses import dataclass

from hrl_core.learners.checks import require


@dataclass(frozen=True)
class DDPGConfig:
    """Switches of DDPG; defaults are the paper's (arXiv 1509.02971, section 7) but for the noise, which is white."""

    hidden: tuple[int, ...] = (400, 300)
    """Units of each hidden layer, actor and critic."""
    actor_lr: float = 1e-4
    """Adam's step size, actor."""
    critic_lr: float = 1e-3
    """Adam's step size, critic."""
    discount: float = 0.99
    """Per step."""
    tau: float = 0.001
    """Share of the online parameters in a soft update."""
    batch_size: int = 64
    """Transitions per update."""
    exploration_noise: float = 0.2
    """Standard deviation of the Gaussian added to actions while exploring [half-ranges]."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (len(self.hidden) > 0 and min(*self.hidden, self.batch_size) >= 1, "hidden, batch_size: at least 1"),
            (min(self.actor_lr, self.critic_lr) > 0, "actor_lr, critic_lr: above 0"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (0 < self.tau <= 1, "tau: in (0, 1]"),
            (self.exploration_noise >= 0, "exploration_noise: at least 0"),
        )
