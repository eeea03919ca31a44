"""The switches of HAC, each with its source, and what its subgoals are on each shipped task."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hrl_core.algorithms.actor_shapes import require_vector_actions
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.checks import require
from hrl_core.learners.sac_config import SACConfig
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.typed_fields import FieldError

Box = Mapping[str, tuple[float, float, float]]
"""Observation element -> (low, high) of a subgoal and its tolerance, unit of the element."""
SUBGOALS: Mapping[str, Box] = {
    "mountain_car": {"x": (-1.2, 0.6, 0.06), "vx": (-0.07, 0.07, 0.01)},
    "hill_car": {"x": (-1.8, 1.8, 0.12), "vx": (-4.0, 4.0, 0.5)},
    "reacher_arm": {"pan": (-2.4, 2.4, 0.2), "lift": (-1.2, 1.2, 0.2), "elbow": (-1.8, 1.8, 0.2)},
    "fetch_reach": {"grip_x": (1.14, 1.54, 0.03), "grip_y": (0.55, 0.95, 0.03), "grip_z": (0.34, 0.74, 0.03)},
    # The point alone: where a block is to be, nobody who cannot push yet can be asked for.
    "push_point": {"x": (-2.6, 2.6, 0.2), "y": (-2.6, 2.6, 0.2)},
    "push_point_far": {"x": (-2.6, 2.6, 0.2), "y": (-2.6, 2.6, 0.2)},
    # Released code.
    "ant_four_rooms": {
        "x": (-8.0, 8.0, 0.4),
        "y": (-8.0, 8.0, 0.4),
        "z": (0.0, 1.0, 0.2),
        "vx": (-3.0, 3.0, 0.8),
        "vy": (-3.0, 3.0, 0.8),
    },
}
"""Task -> what subgoals are there: tolerances at most half of what random actions move within H steps."""


@dataclass(frozen=True)
class HacConfig(ABC):
    """What all have in common, whatever learns at each level; defaults are the ones that work best here."""

    levels: int = 2
    """Levels that decide, k of the paper: 1 (no hierarchy: DDPG with hindsight), 2, 3, ..."""
    horizon: int = 0
    """Attempts at each subgoal, H of the paper; 0: the k-th root of the steps of an episode, rounded up."""
    subgoal_elements: tuple[str, ...] = ()
    """Observation elements that a subgoal gives; empty: those known for the task."""
    subgoal_low: tuple[float, ...] = ()
    """Least value along each of them."""
    subgoal_high: tuple[float, ...] = ()
    """Greatest value along each of them."""
    subgoal_tolerance: tuple[float, ...] = ()
    """How far off along each of them still counts as reached."""
    shadow: bool = False
    """Whether the policy of the run is a shadow: one level that learns from the episodes that the hierarchy lives, and
    never acts in them. The hierarchy lives and learns as in a run without this."""
    discount: float = 0.98
    """Per decision of a level, gamma (released code)."""
    updates_per_episode: int = 40
    """Updates of each level after each episode (released code)."""
    test_probability: float = 0.3
    """Chance that a subgoal is a test, lambda (paper, section 4.3); 0: no subgoal tests."""
    test_penalty: float = 0.0
    """What a missed test costs; 0: H (paper, section 4.3). With SAC, whose values are not clipped to that, never
    arriving is worth 1 / (1 - gamma): at a cost of as much a miss is no way out."""
    hindsight_goals: int = 4
    """Rows that learn of a state reached later instead of the goal, for each lived one."""
    drop_reached_starts: bool = True
    """Whether such rows are left out where they begin at the goal already: a linear critic forgets the others over
    them. The released code keeps them."""
    replay: int = 500_000
    """Rows that each level keeps."""
    learners: ClassVar[tuple[str, ...]] = ()
    """Whose switches these are."""
    learner: str = ""
    """What learns at each level: ddpg (the paper's) or sac; each has presets of its own."""

    @property
    @abstractmethod
    def of_levels(self) -> BoundedDDPGConfig | SACConfig:
        """How each level learns."""

    @abstractmethod
    def exploration(self, action: bool, half_range: Vector) -> Mapping[str, Any]:
        """How a network that says actions, or subgoals, of that half-range explores: fields of ``ActorConfig``."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.learner not in self.learners:
            raise HrlError(
                f"learner {self.learner}: these are the switches of {self.learners[0]}; leave the preset out"
            )
        require(
            self,
            (self.levels >= 1, "levels: at least 1"),
            (self.replay >= self.of_levels.batch_size, "replay: at least a batch, before which nothing is learned"),
            (min(self.horizon, self.updates_per_episode, self.hindsight_goals) >= 0, "counts: at least 0"),
            (0 <= self.test_probability <= 1, "test_probability: in [0, 1]"),
            (self.test_penalty >= 0, "test_penalty: at least 0 (0: the attempts at a subgoal)"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (not self.shadow or self.levels > 1, "shadow: needs a hierarchy, of levels 2 or more"),
        )
        boxes = {"low": self.subgoal_low, "high": self.subgoal_high, "tolerance": self.subgoal_tolerance}
        for name, values in boxes.items():
            if len(values) != len(self.subgoal_elements):
                named = " ".join(self.subgoal_elements) or "none"
                raise HrlError(f"subgoal_{name} needs one number for each of subgoal_elements ({named})")

    def subgoals(self, task: TaskSpec) -> Box:
        """What subgoals are on a task; empty where nobody says."""
        if not self.subgoal_elements:
            return SUBGOALS.get(task.name, {})
        boxes = zip(self.subgoal_low, self.subgoal_high, self.subgoal_tolerance, strict=True)
        return dict(zip(self.subgoal_elements, boxes, strict=True))

    def for_recordings(self, relabel: str, newest_steps: int) -> "HacConfig":
        """The same switches, for training from recordings.

        Raises:
            HrlError: the choices of training from recordings (``BagTrainConfig``) ask for what rows cannot give.
        """
        if self.shadow:
            raise HrlError("hac: a shadow watches a hierarchy learn: leave --shadow out, and set levels to 1")
        if relabel != "off":
            raise HrlError(f"hac relabels by hindsight alone: set relabel to off, got {relabel}")
        if newest_steps:
            raise HrlError(f"hac keeps rows, not steps: set replay instead of newest_steps {newest_steps}")
        if not self.updates_per_episode:
            raise HrlError(
                "training from recordings without updates learns nothing: set updates_per_episode to 1 or more"
            )
        return self

    def worst(self, task: TaskSpec) -> float:
        """How bad a decision can be: values lie in [-worst, 0]; 1 / (1 - gamma) is what never arriving is worth."""
        return 1 / (1 - self.discount)

    def attempts(self, task: TaskSpec) -> int:
        """H: what k levels need to fill an episode, H^k >= T."""
        # Less a little, for a whole root to stay one.
        return self.horizon or math.ceil(task.max_episode_steps ** (1 / self.levels) - 1e-9)


@dataclass(frozen=True)
class DDPGHacConfig(HacConfig):
    """The switches where each level is a DDPG with bounded values, as in the paper."""

    learners: ClassVar[tuple[str, ...]] = ("ddpg",)
    learner: str = "ddpg"
    ddpg: BoundedDDPGConfig = field(default_factory=BoundedDDPGConfig)
    random_probability: float = 0.2
    """Chance of exploring by a uniformly random decision (released code)."""
    action_noise: float = 0.15
    """Standard deviation of the noise on actions otherwise [half-ranges] (released code: 0.1 to 0.2)."""
    subgoal_noise: float = 0.075
    """The same for subgoals (released code: 0.03 to 0.2)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        require(
            self,
            (0 <= self.random_probability <= 1, "random_probability: in [0, 1]"),
            (min(self.action_noise, self.subgoal_noise) >= 0, "action_noise, subgoal_noise: at least 0"),
        )

    @property
    def of_levels(self) -> BoundedDDPGConfig:
        """DDPG with bounded values."""
        return self.ddpg

    def worst(self, task: TaskSpec) -> float:
        """H in a hierarchy, to which the values are clipped (paper, section 4.3)."""
        return super().worst(task) if self.levels == 1 else float(self.attempts(task))

    def exploration(self, action: bool, half_range: Vector) -> Mapping[str, Any]:
        """Gaussian noise, and now and then something uniformly random."""
        noise = tuple(map(float, (self.action_noise if action else self.subgoal_noise) * half_range))
        return {"exploration_noise": noise, "random_probability": self.random_probability}


@dataclass(frozen=True)
class SACHacConfig(HacConfig):
    """The switches where each level is a SAC, which explores by what it draws."""

    learners: ClassVar[tuple[str, ...]] = ("sac",)
    learner: str = "sac"
    sac: SACConfig = field(
        default_factory=lambda: SACConfig(
            hidden=(64, 64, 64), actor_lr=1e-3, critic_lr=1e-3, temperature_lr=1e-3, temperature=0.1
        )
    )
    """Its discount counts for nothing: rows bring their own."""

    @property
    def of_levels(self) -> SACConfig:
        """SAC."""
        return self.sac

    def exploration(self, action: bool, half_range: Vector) -> Mapping[str, Any]:
        """None beside the draws."""
        del action, half_range
        return {"head": "squashed"}


def hierarchy(task: TaskSpec, config: HacConfig) -> HierarchySpec:
    """Absolute subgoals for all levels but the worker, in one space, each with H attempts of the level below.

    Raises:
        HrlError: the task does not say what success is, or the subgoals do not fit it.
    """
    require_vector_actions(task, "hac")
    if not task.goal or (task.success.radius <= 0 and not task.success.tolerance):
        raise HrlError(
            f"hac learns from goals that it might have had: task '{task.name}' needs a goal and success.radius or "
            "success.tolerance"
        )
    if config.levels == 1 or config.shadow:
        return FLAT
    box = config.subgoals(task)
    if not box:
        raise HrlError(
            f"hac does not know what a subgoal is on task '{task.name}' (it does on {', '.join(SUBGOALS)}): name "
            "--subgoal_elements of its observation, with --subgoal_low, --subgoal_high and --subgoal_tolerance"
        )
    try:
        level = LevelSpec(
            space="_".join(box),
            kind="absolute",
            elements={name: (low, high) for name, (low, high, _) in box.items()},
            horizon=config.attempts(task),
            unit="attempts",
            tolerance=tuple(tolerance for _, _, tolerance in box.values()),
            end_when_achieved=True,
        )
        levels = HierarchySpec((level,) * (config.levels - 1))
        levels.require_task(task)
    except FieldError as error:
        raise HrlError(f"hac: subgoals: {error}") from None
    return levels


def _train(agent: HacConfig) -> TrainConfig[HacConfig]:
    return TrainConfig(
        algorithm="hac",
        agent=agent,
        steps=40_000,
        num_envs=1,
        stagger=False,
        evaluation_interval=2_500,
        evaluation_episodes=20,
        checkpoint_interval=10_000,
    )


_PAPER = DDPGHacConfig(
    ddpg=BoundedDDPGConfig(batch_size=1024, critic="sigmoid", pre_tanh_penalty=0.0), drop_reached_starts=False
)
PRESETS: Mapping[str, TrainConfig[Any]] = {
    "fast": _train(DDPGHacConfig()),
    "paper": _train(_PAPER),
    "sac": _train(SACHacConfig()),
}
