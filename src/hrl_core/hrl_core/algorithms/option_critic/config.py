"""The switches of Option-Critic with networks."""

from collections.abc import Mapping
from dataclasses import dataclass

from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.learners.checks import require
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_once


@dataclass(frozen=True)
class OptionCriticConfig:
    """How options are learned; defaults are those of the table in docs/results.md."""

    options: int = 4
    """Number of options."""
    deliberation_cost: float = 0.005
    """xi, added to the advantage of going on with an option: what a change has to be worth."""
    temperature: float = 0.02
    """Of the policy over options, softmax(Q / temperature)."""
    hidden: tuple[int, ...] = (64, 64)
    """Units of each hidden layer of all networks."""
    activation: str = "tanh"
    """Of the hidden layers: tanh or relu."""
    scale_inputs: bool = True
    """Whether inputs are brought to the order of one, and who chooses options sees the way left to the goal."""
    lr: float = 1e-3
    """Step size of Adam."""
    discount: float = 0.99
    """gamma, per step."""
    gae_lambda: float = 0.95
    """Lambda of the advantages (arXiv 1506.02438)."""
    rollout_steps: int = 4_096
    """Environment steps that each update learns from, in all environments together."""
    epochs: int = 4
    """Passes over them."""
    batch_size: int = 512
    """Rows of a minibatch."""
    clip: float = 0.2
    """Of the ratio of probabilities (PPO)."""
    value_weight: float = 0.5
    """Weight of the values' mean squared error in the loss."""
    termination_weight: float = 0.1
    """Weight of the loss of terminations."""
    entropy_weight: float = 0.03
    """Weight of the entropy of the options' policies in the loss."""
    gradient_norm: float = 0.5
    """Gradients are scaled down to that Euclidean norm, all together."""
    reward_scale: float = 1.0
    """Factor on rewards; where returns are of some tens or more, the values' gradients leave the rest no room."""
    log_std: float = 0.0
    """Of vectors: logarithm of the standard deviation [half-ranges] to begin with."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (self.options >= 1, "options: at least 1"),
            (self.deliberation_cost >= 0, "deliberation_cost: at least 0"),
            (self.activation in ("relu", "tanh"), "activation: tanh or relu"),
            (len(self.hidden) > 0 and min(*self.hidden, self.epochs, self.batch_size) >= 1, "hidden, epochs: above 0"),
            (0 <= self.discount <= 1 and 0 <= self.gae_lambda <= 1, "discount, gae_lambda: in [0, 1]"),
            (self.rollout_steps >= 1, "rollout_steps: at least 1"),
            (min(self.temperature, self.lr, self.clip, self.gradient_norm) > 0, "temperature, lr, clip: above 0"),
            (min(self.value_weight, self.termination_weight, self.entropy_weight) >= 0, "weights: at least 0"),
            (self.reward_scale > 0, "reward_scale: above 0"),
        )

    def for_recordings(self, relabel: str, newest_steps: int) -> "OptionCriticConfig":
        """The same; raises ``HrlError`` where subgoals are to be relabelled or old steps kept."""
        require_once("option_critic", relabel, newest_steps)
        return self


def hierarchy(spec: TaskSpec, config: OptionCriticConfig) -> HierarchySpec:
    """One level that chooses among the options, each of which lasts until the worker ends it."""
    del spec
    names = tuple(f"option_{number}" for number in range(config.options))
    return HierarchySpec((LevelSpec("options", "skill", skills=names, horizon=0, worker_may_terminate=True),))


PRESETS: Mapping[str, TrainConfig[OptionCriticConfig]] = {
    "fast": TrainConfig(
        algorithm="option_critic",
        agent=OptionCriticConfig(),
        steps=150_000,
        num_envs=64,
        evaluation_interval=25_000,
        evaluation_episodes=50,
        # Options act well because they are mixtures; taken greedily they walk in circles.
        evaluation="sampled",
        checkpoint_interval=50_000,
    )
}
