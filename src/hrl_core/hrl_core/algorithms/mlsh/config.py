"""The switches of MLSH, each with its source, and a preset for each shipped task."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.learners.checks import require
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_once

_SKILLS = OnPolicyConfig(lr=1e-3, gae_lambda=0.98, batch_size=512, reward_scale=0.1)
_MASTER = OnPolicyConfig(lr=0.01, gae_lambda=0.98, reward_scale=0.1)


@dataclass(frozen=True)
class MlshConfig:
    """The switches of the algorithm; defaults are those for Movement Bandits."""

    skills: int = 2
    """Skills that all tasks share, K of the paper; 1: a single policy for all tasks."""
    horizon: int = 10
    """Steps for which the master's choice stands, N of the paper."""
    groups: int = 10
    """Tasks that are learned side by side, each with a master of its own; the environments are dealt among them."""
    warmup: int = 9
    """Updates of a new master alone, W of the paper."""
    joint: int = 2
    """Updates of master and skills together after those, U of the paper; then comes the next task."""
    rollout_steps: int = 0
    """Steps in each environment that an update learns from; 0: as many as an episode has."""
    staggered: bool = True
    """Whether the groups begin their tasks in turn, so that skills always learn from some; off: all at once."""
    task_goal: tuple[float, ...] = ()
    """Task goal of all groups; empty: the task's evaluation goals in turn."""
    frozen_skills: str = ""
    """Folder of a policy whose skills are kept as they are: only masters learn, on one task each to the end."""
    input_scale: tuple[float, ...] = ()
    """Factor on each element of the observation; empty: 1."""
    skills_ignore: tuple[str, ...] = ()
    """Elements of the observation that the skills do not see."""
    worker: OnPolicyConfig = _SKILLS
    """Of each skill, phi of the paper."""
    manager: OnPolicyConfig = _MASTER
    """Of the masters, theta of the paper; its discount and lambda are per choice."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        counts = self.skills, self.horizon, self.groups, self.warmup + self.joint
        require(
            self,
            (min(counts) >= 1, "skills, horizon, groups, warmup + joint: at least 1"),
            (min(self.warmup, self.joint, self.rollout_steps) >= 0, "warmup, joint, rollout_steps: at least 0"),
        )

    @property
    def period(self) -> int:
        """Updates of a master from its beginning to the next task."""
        return self.warmup + self.joint

    def for_recordings(self, relabel: str, newest_steps: int) -> "MlshConfig":
        """The same; raises ``HrlError`` where subgoals are to be relabelled or old steps kept."""
        require_once("mlsh", relabel, newest_steps)
        return self

    def goals(self, task: TaskSpec) -> tuple[tuple[float, ...], ...]:
        """The tasks that masters are for, as goals; none where a task has no goal and so is only one.

        Raises:
            HrlError: nobody says what the tasks are.
        """
        if not task.goal:
            return ()
        goals = (self.task_goal,) if self.task_goal else task.evaluation_goals
        if not goals or len(goals[0]) != len(task.goal):
            got = f"got {len(self.task_goal)}" if self.task_goal else "and the task names no evaluation_goals"
            raise HrlError(
                f"mlsh learns tasks that differ in their goal: task '{task.name}' needs --task_goal with "
                f"{len(task.goal)} numbers, {got}"
            )
        return goals


def hierarchy(task: TaskSpec, config: MlshConfig) -> HierarchySpec:
    """Skills that are chosen by the clock, by a manager that does not see the goal."""
    config.goals(task)
    names = tuple(f"skill_{k}" for k in range(config.skills))
    return HierarchySpec((LevelSpec("skills", "skill", skills=names, horizon=config.horizon, sees_goal=False),))


def _train(agent: MlshConfig, steps: int, num_envs: int, interval: int) -> TrainConfig[MlshConfig]:
    return TrainConfig(
        algorithm="mlsh",
        agent=agent,
        steps=steps,
        num_envs=num_envs,
        stagger=False,
        evaluation_interval=interval,
        evaluation_episodes=20,
        # The master that a run keeps has learned the first of them.
        evaluation_episodes_elsewhere=0,
        evaluation=SAMPLED,
        checkpoint_interval=interval,
    )


_ROOMS = MlshConfig(
    skills=4,
    horizon=25,
    groups=8,
    warmup=15,
    joint=25,
    # Of row, column and cells the latter alone.
    input_scale=(0.0, 0.0, *[1.0] * 104),
    worker=OnPolicyConfig(lr=3e-4, gae_lambda=0.98, batch_size=512, reward_scale=0.1),
)
_ANT = MlshConfig(
    horizon=50,
    groups=2,
    warmup=5,
    joint=20,
    staggered=False,
    # Position, height, quaternion and joints, velocities of the torso, its rotation, joint rates, time.
    input_scale=(0.1, 0.1, *[1.0] * 13, *[0.5] * 3, *[0.2] * 11, 1.0),
    skills_ignore=("x", "y", "time"),
    worker=OnPolicyConfig(gae_lambda=0.98, batch_size=512, log_std=-0.7, reward_scale=0.1),
    manager=OnPolicyConfig(lr=0.01, gae_lambda=0.98, reward_scale=0.02),
)
_HUMANOID = dataclasses.replace(
    _ANT,
    # Position, height, quaternion and joints, velocities of the torso, its rotation and joint rates, the course.
    input_scale=(0.1, 0.1, *[1.0] * 22, *[0.5] * 3, *[0.1] * 20, 1.0, 1.0),
    skills_ignore=("x", "y", "course_sin", "course_cos"),
    worker=OnPolicyConfig(gae_lambda=0.98, batch_size=1_024, log_std=-0.7, reward_scale=0.1),
)
PRESETS: Mapping[str, TrainConfig[MlshConfig]] = {
    "movement_bandits": _train(MlshConfig(), 3_960_000, 600, 330_000),
    "four_rooms_multi": _train(_ROOMS, 1_680_000, 160, 160_000),
    "ant_two_walks": _train(_ANT, 720_000, 16, 80_000),
    "humanoid_walk_crawl": _train(_HUMANOID, 20_000_000, 16, 400_000),
}
