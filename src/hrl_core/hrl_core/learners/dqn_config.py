"""How a level learns by DQN."""

from dataclasses import dataclass

from hrl_core.learners.checks import require


@dataclass(frozen=True)
class DQNConfig:
    """Switches of DQN; rates are usual ones for small tasks, not those of Atari."""

    hidden: tuple[int, ...] = (256, 256)
    """Units of each hidden layer."""
    lr: float = 5e-4
    """Adam's step size."""
    discount: float = 0.99
    """Per step."""
    batch_size: int = 64
    """Transitions per update."""
    double: bool = True
    """Whether the online network chooses the action that the target network values (arXiv 1509.06461)."""
    target_interval: int = 500
    """Updates between copies of the online network into the target network."""
    gradient_norm: float = 10.0
    """Gradients are scaled down to that Euclidean norm."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (len(self.hidden) > 0 and min(*self.hidden, self.batch_size) >= 1, "hidden, batch_size: at least 1"),
            (self.lr > 0, "lr: above 0"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (self.target_interval >= 1, "target_interval: at least 1"),
            (self.gradient_norm > 0, "gradient_norm: above 0"),
        )
