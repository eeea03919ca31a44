"""The switches of cloning one level."""

from dataclasses import dataclass

from hrl_core.learners.checks import require


@dataclass(frozen=True)
class CloningConfig:
    """How an actor is fitted to what was done."""

    hidden: tuple[int, ...] = (256, 256)
    lr: float = 1e-3
    batch_size: int = 512
    decay_after: int = 0
    """Updates after which the learning rate is a fifth; 0: it stays."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (self.lr > 0 and self.batch_size >= 1, "lr, batch_size: above 0"),
            (bool(self.hidden) and min(self.hidden) >= 1, "hidden: at least one layer of at least one unit"),
            (self.decay_after >= 0, "decay_after: at least 0"),
        )
