"""The switches of HIRO, each with its source; two presets that are never mixed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hrl_core.errors import HrlError
from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.spec import FIRST, HORIZON, SMALLEST
from hrl_core.learners.checks import require, require_above_0, require_least, require_shares
from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_updates

WORKER_REWARDS = ("distance", "progress", "cosine")
ARGMAX, GAUSSIAN = "argmax", "gaussian"
CORRECTIONS = (ARGMAX, GAUSSIAN)
_AT_LEAST_0 = (
    *("manager_reward_scale", "tilt_penalty", "adjacency_weight", "warm_start_length"),
    *("worker_replay", "manager_replay", "worker_updates", "manager_updates", "worker_learning_ends"),
    *("learning_starts", "manager_learning_starts", "warm_start_steps"),
)
_SHARES = ("relabel_subgoals_random", "held_subgoal_probability", "waypoint_probability", "waypoint_rarity")


@dataclass(frozen=True)
class HiroConfig:
    """The switches of the algorithm; defaults are the paper's."""

    worker: TD3Config = field(default_factory=TD3Config)
    manager: TD3Config = field(default_factory=TD3Config)
    goal_space: str = FIRST
    """Where subgoals lie, of the goal spaces of the task: first (paper C.1: all 15 positional elements of the ant),
    smallest (preset fast, after the released hiro_xy: x, y, in Ant Fall x, y, z), or the name of one."""
    embedding: int = 0
    """Numbers of a goal space that is learned, f(s), in the place of that (FuN representation, paper table 1; 8 there
    would be usual); 0: none. The worker then learns by the plain TD3, which says what its inputs are worth."""
    horizon: int = HORIZON
    """Environment steps per subgoal, c of the paper (C.1)."""
    subgoal_range: float = 1.0
    """Factor on how far subgoals may lie from where they are chosen (1: the ranges of the task's goal space; C.1 of the
    paper has those of the ant)."""
    candidates: int = 10
    """Subgoals scored per manager transition in off-policy correction (paper 3.3); 0: no correction (paper
    figure 4)."""
    correction: str = ARGMAX
    """Which subgoal the correction puts in: ``argmax``, the candidate that best explains what the worker did (paper
    3.3); ``gaussian``, one drawn about where it really went, as the transition policy gradient of FuN has it (paper
    table 1)."""
    manager_n_step: int = 1
    """Manager transitions summed before bootstrapping (3 in arXiv 1909.10618)."""
    manager_n_step_own: int = 0
    """The same where the task goal is the episode's own, not relabelled; 0: no difference (preset fast). What the
    manager does not observe, a pushed block for one, is in a long return and not in the value of the state it ends
    in."""
    manager_reward_scale: float = 0.1
    """Factor on the task reward summed over a segment of 10 steps (paper C.2); 10 / c of it where one has c."""
    manager_reward_offset: float = 0.0
    """Added per whole segment to centre the reward (preset fast)."""
    relabel_goals_uniform: float = 0.0
    """Share of manager transitions whose task goal is redrawn from the training box (preset fast, after arXiv
    1707.01495)."""
    relabel_goals_future: float = 0.0
    """Share whose task goal becomes a goal achieved later in the episode (preset fast, after arXiv 1707.01495)."""
    worker_reward: str = "distance"
    """``distance``: minus the distance left (paper equation 3); ``progress``: metres gained / ``progress_unit``;
    ``cosine``: cosine of the angle between the step and the subgoal (FuN, in paper table 1)."""
    progress_unit: float = 0.2
    """Progress that earns a worker reward of 1 [units of the goal space]."""
    tilt_penalty: float = 0.0
    """Worker reward lost upside down, in proportion to (1 - cos tilt) / 2 after the step (preset fast): pressed
    against a wall nothing is gained anyway, so that without it nothing is lost by turning over."""
    hide_position: bool = True
    """Whether x, y are zeroed for the worker's actor and critics (released code of HIRO)."""
    scale_inputs: bool = False
    """Whether inputs are brought to the order of one and the manager sees the way left to the goal (preset fast)."""
    manager_sees_pose_only: bool = False
    """Whether joints, angular velocity and time are hidden from the manager (preset fast: less noise)."""
    manager_sees_time: bool = False
    """Whether time is shown all the same (preset fast: of what it cannot see, time tells what may have happened)."""
    four_fold_symmetry: bool = False
    """Whether the worker sees every situation turned until the subgoal points to +x (preset fast)."""
    next_goal_at_switch: bool = False
    """Whether the last transition of a segment leads to the next segment's subgoal (released code of
    HIRO)."""
    adjacency_weight: float = 0.0
    """Weight of the penalty on subgoals beyond the worker's reach, 20 in HRAC (arXiv 2006.11485); 0: none."""
    adjacency_interval: int = 50_000
    """Environment steps between fits of its network (HRAC)."""
    relabel_subgoals_random: float = 0.0
    """Share of worker transitions whose subgoal is redrawn from the goal space (ablation of paper figure 4)."""
    worker_replay: int = 200_000
    """Newest environment steps that the worker learns from (paper C.2); 0: all stored."""
    manager_replay: int = 0
    """Newest environment steps that the manager learns from; 0: all stored."""
    replay: int = 2_000_000
    """Environment steps kept: 200,000 manager transitions of 10 steps (paper C.2)."""
    learning_starts: int = 2_500
    """Environment steps of the noisy untrained policy before any update (released code of HIRO: 5 episodes). Not in
    training from recordings that are there, which are learned from at once."""
    worker_updates: float = 1.0
    """Worker updates per environment step (paper C.2)."""
    worker_learning_ends: int = 0
    """Environment steps after which the worker learns no more (ablation of paper figure 4, with a warm start and
    ``manager_learning_starts`` of as many); 0: it always learns. From recordings: those that pay for its updates."""
    manager_updates: float = 1.0
    """Manager updates per manager transition (paper C.2)."""
    overlap: bool = True
    """Whether worker and manager learn at once while the environments step, from what was remembered before the step;
    off: one after the other, after it. Not in training from recordings."""
    warm_start_steps: int = 0
    """Environment steps in which random held subgoals stand in for the manager's (preset fast)."""
    warm_start_length: float = 1.4
    """Longest of those subgoals as a multiple of the half-range."""
    manager_learning_starts: int = 0
    """Environment steps before the first manager update (preset fast: part of the warm start)."""
    held_subgoal_probability: float = 0.0
    """Chance per decision that exploration holds a random full-range direction (preset fast, after arXiv
    1909.10618)."""
    held_subgoal_decisions: tuple[int, int] = (3, 8)
    """Fewest and most decisions for which it is held."""
    waypoint_probability: float = 0.0
    """Chance per episode that exploration pursues a few random task goals before the episode's own (preset fast). Not
    by rounds, and not in training from recordings, which are what they are."""
    waypoints: tuple[int, int] = (1, 3)
    """Fewest and most of those goals."""
    waypoint_decisions: tuple[int, int] = (5, 15)
    """Fewest and most decisions for which each is pursued unless it is reached before."""
    waypoint_rarity: float = 0.0
    """Share of them that are places seldom visited instead (preset fast, after arXiv 1903.03698 and 2007.02832)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_least(self, 1, "horizon", "replay", "adjacency_interval")
        require_least(self, 0, *_AT_LEAST_0)
        require_above_0(self, "subgoal_range", "progress_unit")
        require_shares(self, *_SHARES)
        for name in ("held_subgoal_decisions", "waypoints", "waypoint_decisions"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise HrlError(f"training configuration: {name} must rise from 1, got {(low, high)}")
        if self.manager_sees_time and not self.manager_sees_pose_only:
            raise HrlError("manager_sees_time counts with manager_sees_pose_only: without it time is seen anyway")
        shares = self.relabel_goals_uniform, self.relabel_goals_future
        if min(shares) < 0 or sum(shares) > 1:
            raise HrlError(f"relabel_goals_uniform + relabel_goals_future must lie in [0, 1], got {shares}")
        require(self)
        self._require_embedding()
        for name, allowed in (("worker_reward", WORKER_REWARDS), ("correction", CORRECTIONS)):
            if getattr(self, name) not in allowed:
                raise HrlError(f"{name}: '{getattr(self, name)}' is none of {', '.join(allowed)}")
        if self.correction == GAUSSIAN and self.candidates < 3:
            raise HrlError(f"correction gaussian needs candidates of 3 or more, got {self.candidates}")
        if self.candidates < 0 or self.candidates == 1 or self.manager_n_step < 1 or self.manager_n_step_own < 0:
            raise HrlError("candidates: 0 or at least 2; manager_n_step: at least 1; manager_n_step_own: at least 0")
        if self.candidates and self.longest_n_step > 1:
            raise HrlError(
                "off-policy correction holds for one-step returns: set candidates=0, or manager_n_step=1 and "
                "manager_n_step_own=0"
            )

    def _require_embedding(self) -> None:
        """Refuse switches that speak of elements of the observation where goals are none of them."""
        if self.embedding < 0 or self.embedding == 1:
            raise HrlError(f"embedding: 0 or at least 2, got {self.embedding}")
        if self.embedding and (self.four_fold_symmetry or self.adjacency_weight or self.relabel_subgoals_random):
            raise HrlError(
                "embedding: a learned goal space has no headings, distances or bounds to draw from: set "
                "four_fold_symmetry off, adjacency_weight and relabel_subgoals_random to 0"
            )

    def for_recordings(self, relabel: str, newest_steps: int) -> "HiroConfig":
        """The switches with the choices of training from recordings put in.

        Args:
            relabel: where subgoals are relabelled, as ``BagTrainConfig.relabel``.
            newest_steps: newest environment steps that are learned from; 0: as the switches say.

        Raises:
            HrlError: they contradict each other.
        """
        if self.embedding:
            raise HrlError("embedding: a goal space is not learned from recordings; set it to 0")
        require_updates(self.worker_updates)
        if relabel == "at-sampling" and self.manager_n_step > 1:
            raise HrlError(
                f"relabel at-sampling corrects one-step returns, but manager_n_step is {self.manager_n_step}: "
                "set it to 1, or relabel from-relabelled or off"
            )
        candidates = (self.candidates or 10) if relabel == "at-sampling" else 0
        newest = {"worker_replay": newest_steps, "manager_replay": newest_steps} if newest_steps else {}
        return dataclasses.replace(self, candidates=candidates, **newest)

    def require_rounds(self) -> None:
        """Raise ``HrlError`` where collectors, who act by policies, cannot do what is asked for."""
        if self.waypoint_probability:
            raise HrlError(
                f"waypoint_probability {self.waypoint_probability}: collectors act by policies, which pursue the "
                "episode's own goal alone; set it to 0, or leave --collectors out"
            )

    @property
    def relabels_goals(self) -> bool:
        """Whether manager transitions are learned under other task goals than their own."""
        return self.relabel_goals_uniform + self.relabel_goals_future > 0

    @property
    def scores_candidates(self) -> bool:
        """Whether the correction asks what the worker would do under each candidate."""
        return self.candidates > 0 and self.correction == ARGMAX

    @property
    def longest_n_step(self) -> int:
        """Most manager transitions that a return sums."""
        return max(self.manager_n_step, self.manager_n_step_own)

    @property
    def held_exploration(self) -> HeldExploration:
        """Exploration after the warm start, and that of the policies."""
        return HeldExploration(self.held_subgoal_probability, self.held_subgoal_decisions, lengths=(1.0, 1.0))

    @property
    def warm_start(self) -> HeldExploration:
        """Exploration before the manager counts."""
        return HeldExploration(1.0, self.held_subgoal_decisions, (0.0, self.warm_start_length))

    def exploring(self, manager: ActorConfig) -> ActorConfig:
        """The manager's network with the exploration of the training, as a policy has it."""
        held = self.held_exploration
        return dataclasses.replace(
            manager, held_exploration=held.probability, held_decisions=held.decisions, held_lengths=held.lengths
        )


def _fast() -> TrainConfig[HiroConfig]:
    """The best recipe measured here; every field below deviates from the paper."""
    shared: dict[str, Any] = {
        "actor_lr": 3e-4,
        "critic_lr": 3e-4,
        "tau": 0.01,
        "batch_size": 128,
        "noise_in_range": True,
        "target_noise": 0.2,
        "action_twice": False,
        "normalise_actions": True,
        "pre_tanh_penalty": 1e-3,
    }
    worker = TD3Config(hidden=(256, 256), discount=0.95, exploration_noise=0.12, reward_bounds=(-2.5, 2.5), **shared)
    manager = TD3Config(
        hidden=(256, 256),
        discount=0.99,
        exploration_noise=0.15,
        reward_bounds=(-2.5, 1.0),
        average_tau=2e-4,
        **shared,
    )
    agent = HiroConfig(
        worker=worker,
        manager=manager,
        goal_space=SMALLEST,
        candidates=0,
        manager_n_step=5,
        manager_reward_scale=0.01,
        manager_reward_offset=1.0,
        relabel_goals_uniform=0.5,
        relabel_goals_future=0.25,
        worker_reward="progress",
        scale_inputs=True,
        four_fold_symmetry=True,
        worker_replay=0,
        tilt_penalty=1.0,
        manager_sees_pose_only=True,
        manager_replay=400_000,
        learning_starts=2_000,
        worker_updates=0.25,
        manager_updates=4.0,
        warm_start_steps=100_000,
        manager_learning_starts=60_000,
        held_subgoal_probability=0.05,
    )
    return TrainConfig(agent=agent, steps=1_000_000, num_envs=20, evaluation_episodes=20)


PRESETS: Mapping[str, TrainConfig[HiroConfig]] = {"paper": TrainConfig(agent=HiroConfig()), "fast": _fast()}
