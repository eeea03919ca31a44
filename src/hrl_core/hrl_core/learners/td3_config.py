"""How one level learns."""

from dataclasses import dataclass

from hrl_core.learners.checks import require
from hrl_core.learners.device_names import CPU, is_device
from hrl_core.learners.product_names import WAY_BACK, is_product

SATURATED = 0.99
"""A tanh beyond this counts as saturated."""
LEAST_VALUE = 1e-6
"""Least mean |value| that values are divided by (``bc_alpha``)."""


@dataclass(frozen=True)
class TD3Config:
    """How one level learns; defaults are HIRO's."""

    hidden: tuple[int, ...] = (300, 300)
    """Units of each hidden layer, actor and critics."""
    actor_lr: float = 1e-4
    """Adam's step size, actor (paper C.2)."""
    critic_lr: float = 1e-3
    """Adam's step size, critics (paper C.2)."""
    discount: float = 0.99
    """Per transition of this level."""
    tau: float = 0.005
    """Share of the online parameters in a soft update."""
    policy_delay: int = 2
    """Critic updates per actor update and soft update."""
    batch_size: int = 100
    """Transitions per update (released code of HIRO)."""
    noise_in_range: bool = False
    """Whether noise figures are fractions of the half-range instead of raw units (HIRO: raw)."""
    exploration_noise: float = 1.0
    """Standard deviation of the Gaussian added to actions while exploring."""
    target_noise: float = 0.2
    """Standard deviation of the target policy's smoothing noise."""
    target_noise_clip: float = 0.5
    """Bound of the smoothing noise."""
    clip_target_actions: bool = False
    """Whether the noisy target action is clipped to the limits (TD3's released code; HIRO's does not)."""
    small_output: bool = True
    """Whether output layers begin at U(+-0.003) and biases at zero (DDPG), instead of all parameters at
    U(+-1/sqrt(fan_in)) (TD3's released code)."""
    huber_delta: float = 1.0
    """Where the Huber loss turns linear."""
    action_twice: bool = True
    """Whether the critics see the action again at their second layer (HIRO's released code)."""
    normalise_actions: bool = False
    """Whether the critics see actions divided by their half-range (preset fast)."""
    pre_tanh_penalty: float = 0.0
    """Weight of the mean squared pre-tanh actor output in the actor's loss (preset fast: 1e-3, against
    saturation)."""
    bc_alpha: float = 0.0
    """Weight of the values against cloning recorded actions in the actor's loss, as alpha of TD3+BC (arXiv
    2106.06860, 2.5 there), for training from recordings; 0: no cloning."""
    reward_bounds: tuple[float, float] | None = None
    """Known bounds of the reward per transition; targets are clipped to bounds / (1 - discount) (preset fast)."""
    fast: bool = True
    """Whether updates are differentiated by hand, 1.8 times as fast and equal within rounding, instead of by
    autograd."""
    products: tuple[str, ...] = WAY_BACK
    """With ``fast``, matrix products that torch makes, NumPy all others: kinds (forward, weights, inputs), one shape of
    a kind each (weights 256x128x272), or none. ``--products`` of ``hrl train`` fills it in."""
    device: str = CPU
    """Where updates are made, cpu or cuda (cuda:1): elsewhere than on the CPU by autograd, whatever ``fast`` says.
    ``--device`` of ``hrl train`` fills it in."""
    average_tau: float = 0.0
    """Share of the online actor per update in a slow average for evaluation and export; 0: none (preset fast)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        bounds = self.reward_bounds
        require(
            self,
            (len(self.hidden) > 0 and min(self.hidden) >= 1, "hidden: at least one layer of at least one unit"),
            (min(self.actor_lr, self.critic_lr) > 0, "actor_lr, critic_lr: above 0"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (0 < self.tau <= 1, "tau: in (0, 1]"),
            (0 <= self.average_tau <= 1, "average_tau: in [0, 1]"),
            (self.policy_delay >= 1 and self.batch_size >= 1, "policy_delay, batch_size: at least 1"),
            (min(self.exploration_noise, self.target_noise, self.target_noise_clip) >= 0, "noise: at least 0"),
            (min(self.pre_tanh_penalty, self.bc_alpha) >= 0, "pre_tanh_penalty, bc_alpha: at least 0"),
            (is_device(self.device), "device: cpu, cuda or cuda:N"),
            (self.huber_delta > 0, "huber_delta: positive"),
            (all(map(is_product, self.products)), "products: forward, weights or inputs, each alone or with a shape"),
            (bounds is None or bounds[0] < bounds[1], "reward_bounds: low < high"),
        )
