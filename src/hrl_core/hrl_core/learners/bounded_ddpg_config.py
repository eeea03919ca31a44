"""How a level learns by DDPG."""

from dataclasses import dataclass

from hrl_core.errors import HrlError
from hrl_core.learners.checks import require

CRITICS = ("linear", "sigmoid")


@dataclass(frozen=True)
class BoundedDDPGConfig:
    """Switches of DDPG with bounded values; sizes and rates are those of HAC's released code."""

    hidden: tuple[int, ...] = (64, 64, 64)
    """Units of each hidden layer, actor and critic."""
    actor_lr: float = 1e-3
    """Adam's step size, actor."""
    critic_lr: float = 1e-3
    """Adam's step size, critic."""
    batch_size: int = 256
    """Rows per update."""
    critic: str = "linear"
    """``linear``: Q of any size, Huber loss; ``sigmoid``: Q between -bound and 0, squared error (released code of
    HAC)."""
    pre_tanh_penalty: float = 1e-3
    """Weight of the mean squared pre-tanh actor output in the actor's loss, against saturation; 0: none (HAC)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.critic not in CRITICS:
            raise HrlError(f"DDPG configuration: critic must be one of {', '.join(CRITICS)}, got '{self.critic}'")
        require(
            self,
            (len(self.hidden) > 0 and min(*self.hidden, self.batch_size) >= 1, "hidden, batch_size: at least 1"),
            (min(self.actor_lr, self.critic_lr) > 0, "actor_lr, critic_lr: above 0"),
            (self.pre_tanh_penalty >= 0, "pre_tanh_penalty: at least 0"),
        )
