"""The switches of a pre-specified tree."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from hrl_core.learners.checks import require
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.training.config import TrainConfig

NO_RECORDINGS = "since each node learns in a lesson of its own, which begins where no recorded drive does"
_PPO = OnPolicyConfig(activation="relu", lr=1e-3, epochs=6, batch_size=512, entropy_weight=0.01)


@dataclass(frozen=True)
class TreeConfig:
    """How the nodes of a tree learn, one after the other, every child before its parent."""

    tree: str = ""
    """Folder of a policy that is a tree: its nodes are kept, but those that are trained; none: the one of the task."""
    node: str = ""
    """Name of the only node to train, for all steps of the run; none: all, each for the steps of its lesson."""
    leave_out: tuple[str, ...] = ()
    """Nodes that are not trained: untrained composites always choose their first child."""
    share: float = 1.0
    """Factor on the steps of every lesson."""
    leaf_rollout: int = 4_096
    """Steps that each update of a leaf learns from, in all cars together."""
    composite_rollout: int = 1_024
    """Decisions that each update of a composite learns from."""
    decay: bool = True
    """Whether the step size falls in a line to a tenth over a node's lesson; not of a node that is trained alone."""
    leaf: OnPolicyConfig = field(default_factory=lambda: _PPO)
    """How leaves learn: PPO."""
    composite: OnPolicyConfig = field(default_factory=lambda: dataclasses.replace(_PPO, batch_size=128))
    """How composites do; the discount is per step, also of decisions that stand for several."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (min(self.leaf_rollout, self.composite_rollout) >= 1, "leaf_rollout, composite_rollout: at least 1"),
            (self.share > 0, "share: above 0"),
        )


STEPS = 3_650_000
"""Of all lessons together."""

PRESETS: Mapping[str, TrainConfig[TreeConfig]] = {
    "ppo": TrainConfig(
        algorithm="tree",
        agent=TreeConfig(),
        steps=STEPS,
        num_envs=64,
        evaluation_interval=STEPS,
        evaluation_episodes=100,
        checkpoint_interval=500_000,
    )
}
