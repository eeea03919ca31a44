"""How a level learns on-policy: PPO, A2C or TRPO."""

from dataclasses import dataclass

from hrl_core.learners.checks import require
from hrl_core.learners.device_names import CPU, is_device

STEPS = ("clipped", "plain", "natural")
OPTIMISERS = ("adam", "rmsprop")


@dataclass(frozen=True)
class OnPolicyConfig:
    """Switches of the on-policy learner; defaults are PPO's for vectors (arXiv 1707.06347, table 3; rate fixed)."""

    step: str = "clipped"
    """How the policy moves: ``clipped`` ratios (PPO), ``plain`` policy gradient (A2C), ``natural`` gradient in a trust
    region (TRPO)."""
    hidden: tuple[int, ...] = (64, 64)
    """Units of each hidden layer, policy and values, which share none."""
    activation: str = "tanh"
    """Of the hidden layers: tanh or relu."""
    lr: float = 3e-4
    """Step size of the optimiser; under ``natural`` of the values alone."""
    optimiser: str = "adam"
    """adam, or rmsprop (A2C)."""
    discount: float = 0.99
    """Per step."""
    gae_lambda: float = 0.95
    """Lambda of the advantages (arXiv 1506.02438)."""
    epochs: int = 10
    """Passes over what was lived; under ``plain`` 1 as in the paper."""
    batch_size: int = 64
    """Rows of a minibatch; 0: all at once."""
    clip: float = 0.2
    """Of the ratio of probabilities, under ``clipped``."""
    trust_region: float = 0.01
    """Most mean KL divergence of a step [nat], under ``natural``."""
    damping: float = 0.1
    """Added to the diagonal of Fisher's matrix, under ``natural``."""
    value_weight: float = 0.5
    """Weight of the values' mean squared error in the loss."""
    entropy_weight: float = 0.0
    """Weight of the policy's entropy in the loss."""
    gradient_norm: float = 0.5
    """Gradients are scaled down to that Euclidean norm, of policy and values together, as in stable-baselines3."""
    normalise_advantages: bool = True
    """Whether the advantages of a minibatch are brought to mean 0 and standard deviation 1."""
    advantage_floor: float = 1e-8
    """Least standard deviation that they are divided by: near 0 noise becomes full-size gradients once a task is
    solved, 0.1 guards against that."""
    log_std: float = 0.0
    """Of vectors: logarithm of the standard deviation [half-ranges] to begin with."""
    reward_scale: float = 1.0
    """Factor on rewards; returns of the order of 1 to 5 suit the values best. Far larger ones slow the policy down as
    well, whose gradients share a norm with those of the values."""
    device: str = CPU
    """Where updates are made, cpu or cuda (cuda:1). ``--device`` of ``hrl train`` fills it in."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (self.step in STEPS, f"step: one of {', '.join(STEPS)}"),
            (self.optimiser in OPTIMISERS, f"optimiser: one of {', '.join(OPTIMISERS)}"),
            (self.activation in ("relu", "tanh"), "activation: tanh or relu"),
            (len(self.hidden) > 0 and min(*self.hidden, self.epochs) >= 1, "hidden, epochs: at least 1"),
            (self.batch_size >= 0, "batch_size: at least 0"),
            (is_device(self.device), "device: cpu, cuda or cuda:N"),
            (0 <= self.discount <= 1 and 0 <= self.gae_lambda <= 1, "discount, gae_lambda: in [0, 1]"),
            (min(self.lr, self.clip, self.trust_region, self.gradient_norm) > 0, "lr, clip, trust_region: above 0"),
            (min(self.advantage_floor, self.reward_scale) > 0, "advantage_floor, reward_scale: above 0"),
            (min(self.damping, self.value_weight, self.entropy_weight) >= 0, "damping and weights: at least 0"),
        )
