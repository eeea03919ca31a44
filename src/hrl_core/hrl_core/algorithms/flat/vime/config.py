"""The switches of VIME."""

from dataclasses import dataclass

from hrl_core.learners.checks import require


@dataclass(frozen=True)
class VimeConfig:
    """How the world is modelled and what a transition is worth; of effect with ``bonus`` vime alone."""

    hidden: int = 32
    """Units of the hidden layer of the model (released code)."""
    prior_std: float = 0.5
    """Standard deviation of the model's weights before anything has been seen (released code)."""
    noise_std: float = 0.5
    """Standard deviation of what the model does not explain, of changes brought to a standard deviation of 1."""
    samples: int = 4
    """Weights drawn for each expectation over them (released code: 10)."""
    updates: int = 300
    """Gradient steps of the model after each batch."""
    batch_size: int = 128
    """Transitions of each."""
    lr: float = 1e-2
    """Adam's step size."""
    pool: int = 100_000
    """Newest transitions that the model learns from."""
    medians: int = 10
    """Newest batches whose medians, averaged, are the unit of the gain (released code)."""
    clip: float = 50.0
    """Most that a transition is worth in that unit."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        counts = self.hidden, self.samples, self.updates, self.batch_size, self.pool, self.medians
        amounts = self.prior_std, self.noise_std, self.lr, self.clip
        require(
            self,
            (min(counts) >= 1, "hidden, samples, updates, batch_size, pool, medians: at least 1"),
            (min(amounts) > 0, "prior_std, noise_std, lr, clip: above 0"),
        )
