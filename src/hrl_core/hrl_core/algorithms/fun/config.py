"""The switches of FeUdal Networks, each with its source, and presets."""

from collections.abc import Mapping
from dataclasses import dataclass

from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.learners.checks import require
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_once

TRANSITION_PG, END_TO_END = "transition_pg", "end_to_end"


@dataclass(frozen=True)
class FunConfig:
    """The switches of the algorithm; sections are those of the paper."""

    flat: bool = False
    """Instead of FuN a flat LSTM policy with as many parameters: what FuN is compared with (section 5)."""
    begin_with: str = ""
    """Folder of a policy whose weights learning begins with, for instance one of longer steps, with ``horizon`` and
    ``dilation`` multiplied (section 5.4); empty: random ones."""
    manager_loss: str = TRANSITION_PG
    """How the manager learns: ``transition_pg`` (section 3.1), or ``end_to_end``, by the worker's gradient through the
    directions, which then only are another layer (ablation, section 5.3)."""
    alpha: float = 0.0
    """Weight of the intrinsic reward, of which the paper draws from 0 to 1; 0: none (ablation)."""
    horizon: int = 10
    """c: steps over which a direction is to be followed, and how many of them are pooled; 1: an ablation."""
    dilation: int = 10
    """r: groups of the manager's state (section 3.2); 1: a plain LSTM (ablation)."""
    absolute: bool = False
    """Whether directions are compared with latent states instead of with changes of them (ablation)."""
    random_direction: float = 0.02
    """epsilon: chance per step, while exploring, of a random direction in the manager's stead (section 3)."""
    size: int = 64
    """d: length of latent states and directions, and units of perception and of the LSTMs; the paper's is 256."""
    embedding: int = 16
    """k: numbers that the pooled directions are brought to."""
    manager_discount: float = 0.99
    """Discount of what states are worth to the manager."""
    worker_discount: float = 0.95
    """The same of the worker."""
    gae_lambda: float = 0.95
    """Lambda of the returns; the paper's are of n steps."""
    lr: float = 1e-3
    """Step size of Adam to begin with; the paper has RMSProp."""
    lr_end: float = 0.3
    """Share of it that is left in the end; the paper's is a half."""
    anneal_updates: int = 400
    """Updates over which it falls."""
    value_weight: float = 0.5
    """Weight of the values' squared errors in the loss."""
    entropy_weight: float = 0.01
    """Weight of the policy's entropy in it."""
    gradient_norm: float = 1.0
    """Gradients are scaled down to that Euclidean norm."""
    advantage_floor: float = 0.1
    """Least standard deviation that advantages are divided by: without it noise becomes full-size gradients once a task
    is solved."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        counts = self.horizon, self.dilation, self.size, self.embedding, self.anneal_updates
        shares = self.random_direction, self.lr_end, self.manager_discount, self.worker_discount, self.gae_lambda
        require(
            self,
            (self.manager_loss in (TRANSITION_PG, END_TO_END), f"manager_loss: {TRANSITION_PG} or {END_TO_END}"),
            (min(counts) >= 1, "horizon, dilation, size, embedding, anneal_updates: at least 1"),
            (all(0 <= share <= 1 for share in shares), "random_direction, lr_end, discounts, gae_lambda: in [0, 1]"),
            (min(self.lr, self.gradient_norm, self.advantage_floor) > 0, "lr, gradient_norm, advantage_floor: above 0"),
            (min(self.alpha, self.value_weight, self.entropy_weight) >= 0, "alpha and weights: at least 0"),
        )

    def for_recordings(self, relabel: str, newest_steps: int) -> "FunConfig":
        """The same; raises ``HrlError`` where subgoals are to be relabelled or old steps kept."""
        require_once("fun", relabel, newest_steps)
        return self


def hierarchy(spec: TaskSpec, config: FunConfig) -> HierarchySpec:
    """One level that says a direction at every step; none of a flat policy.

    The task goal is not shown to it: manager and worker perceive the same, and a worker below a manager sees none.
    """
    del spec
    if config.flat:
        return FLAT
    level = LevelSpec("latent", kind="direction", size=config.size, horizon=1, cadence="every_step", sees_goal=False)
    return HierarchySpec((level,))


def _train(agent: FunConfig, steps: int) -> TrainConfig[FunConfig]:
    return TrainConfig(
        algorithm="fun",
        agent=agent,
        steps=steps,
        num_envs=64,
        stagger=False,
        evaluation_interval=steps // 16,
        evaluation_episodes=30,
        evaluation=SAMPLED,
        checkpoint_interval=steps // 4,
    )


PRESETS: Mapping[str, TrainConfig[FunConfig]] = {
    "fun": _train(FunConfig(), 400_000),
    "lstm": _train(FunConfig(flat=True), 400_000),
}
