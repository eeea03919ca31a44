"""The switches of SNN4HRL, each with its source, and a preset for each shipped task."""

from collections.abc import Mapping
from dataclasses import dataclass

from hrl_core.checkpoints.manifest import GREEDY, SAMPLED
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.learners.checks import require
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig

NO_RECORDINGS = "since skills are paid by what all environments of an update visited, and a manager follows them"
_SKILLS = OnPolicyConfig(hidden=(32, 32), lr=1e-3, batch_size=512, reward_scale=0.1)
# Before a sparse reward has been found advantages are noise, which must not become full-size gradients.
_MANAGER = OnPolicyConfig(lr=1e-3, entropy_weight=0.01, advantage_floor=0.1)


@dataclass(frozen=True)
class Snn4hrlConfig:
    """The switches of the algorithm; defaults are those for the point."""

    skills: int = 6
    """Values of the latent variable, K of the paper: so many skills."""
    frozen_skills: str = ""
    """Folder of a policy whose skills are kept as they are: a manager over them learns. Empty: skills learn."""
    bonus_weight: float = 1.0
    """Factor on log p(z | cell), alpha_H of the paper; 0: skills are not told to differ."""
    position: tuple[str, ...] = ("x", "y")
    """Elements of the observation that are counted in cells."""
    cell: float = 1.0
    """Edge of a cell [unit of the position]."""
    outer_product: bool = True
    """Whether the latent is joined with the observation by the outer product of both; off: only put behind it."""
    rollout_steps: int = 0
    """Steps in each environment that an update learns from; 0: as many as an episode has."""
    horizon: int = 25
    """Steps for which the manager's choice stands, T of the paper."""
    draw_actions: bool = False
    """Whether skills that are kept draw their actions while the manager learns; off: they act by their mean."""
    goal_scale: float = 0.1
    """Factor on the task goal, which the manager sees [1 / unit of the goal]."""
    input_scale: tuple[float, ...] = ()
    """Factor on each element of the observation; empty: 1."""
    skills_ignore: tuple[str, ...] = ()
    """Elements of the observation that the skills do not see: what is not of the agent (S_rest of the paper)."""
    worker: OnPolicyConfig = _SKILLS
    """Of the skills."""
    manager: OnPolicyConfig = _MANAGER
    """Of the manager; its discount and lambda are per choice."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (min(self.skills, self.horizon) >= 1, "skills, horizon: at least 1"),
            (min(self.rollout_steps, self.bonus_weight) >= 0, "rollout_steps, bonus_weight: at least 0"),
            (self.cell > 0 and len(self.position) > 0, "cell: above 0; position: at least one element"),
        )


def hierarchy(task: TaskSpec, config: Snn4hrlConfig) -> HierarchySpec:
    """While skills learn, one for each episode, chosen blindly; then as the manager chooses, which sees the goal."""
    names = tuple(f"skill_{k}" for k in range(config.skills))
    learned = bool(config.frozen_skills)
    horizon = config.horizon if learned else task.max_episode_steps
    return HierarchySpec((LevelSpec("skills", "skill", skills=names, horizon=horizon, sees_goal=learned),))


_POINT = {
    # Position, heading, drift, time.
    "input_scale": (0.1, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0),
    "skills_ignore": ("x", "y", "drift_x", "drift_y", "drift_heading", "time"),
}
_ANT = Snn4hrlConfig(
    skills=4,
    horizon=50,
    # Position, height, quaternion and joints, velocities of the torso, its rotation, joint rates, time.
    input_scale=(0.1, 0.1, *[1.0] * 13, *[0.5] * 3, *[0.2] * 11, 1.0),
    skills_ignore=("x", "y", "time"),
    worker=OnPolicyConfig(gae_lambda=0.98, batch_size=512, log_std=-0.7, reward_scale=0.1),
)


def _train(
    agent: Snn4hrlConfig, steps: int, num_envs: int, interval: int, evaluation: str, episodes: int
) -> TrainConfig[Snn4hrlConfig]:
    return TrainConfig(
        algorithm="snn4hrl",
        agent=agent,
        steps=steps,
        num_envs=num_envs,
        stagger=False,
        evaluation_interval=interval,
        evaluation_episodes=episodes,
        evaluation=evaluation,
    )


PRESETS: Mapping[str, TrainConfig[Snn4hrlConfig]] = {
    "point_field": _train(Snn4hrlConfig(**_POINT), 480_000, 240, 120_000, SAMPLED, 20),
    "ant_field": _train(_ANT, 4_000_000, 32, 400_000, SAMPLED, 20),
    "point_maze_sparse": _train(Snn4hrlConfig(**_POINT), 560_000, 32, 80_000, GREEDY, 50),
}
