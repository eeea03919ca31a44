"""How a level learns by SAC."""

from dataclasses import dataclass

from hrl_core.learners.checks import require
from hrl_core.learners.device_names import CPU, is_device


@dataclass(frozen=True)
class SACConfig:
    """Switches of SAC; defaults are the authors' (arXiv 1812.05905, table 1)."""

    hidden: tuple[int, ...] = (256, 256)
    """Units of each hidden layer, actor and critics."""
    actor_lr: float = 3e-4
    """Adam's step size, actor."""
    critic_lr: float = 3e-4
    """Adam's step size, critics."""
    temperature_lr: float = 3e-4
    """Adam's step size, logarithm of the temperature; 0: the temperature stays."""
    temperature: float = 1.0
    """Weight alpha of the entropy to begin with."""
    target_entropy: float | None = None
    """Entropy [nat, of actions in half-ranges] that the temperature steers to; none: minus the number of actions."""
    discount: float = 0.99
    """Per step."""
    tau: float = 0.005
    """Share of the online parameters in a soft update."""
    batch_size: int = 256
    """Transitions per update."""
    device: str = CPU
    """Where updates are made, cpu or cuda (cuda:1). ``--device`` of ``hrl train`` fills it in."""
    small_output: bool = True
    """Whether output layers begin at U(+-0.003) and biases at zero (DDPG), instead of all parameters at
    U(+-1/sqrt(fan_in)) (PyTorch)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (len(self.hidden) > 0 and min(*self.hidden, self.batch_size) >= 1, "hidden, batch_size: at least 1"),
            (min(self.actor_lr, self.critic_lr) > 0, "actor_lr, critic_lr: above 0"),
            (self.temperature_lr >= 0, "temperature_lr: at least 0"),
            (is_device(self.device), "device: cpu, cuda or cuda:N"),
            (self.temperature > 0, "temperature: above 0"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (0 < self.tau <= 1, "tau: in (0, 1]"),
        )
