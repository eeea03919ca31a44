"""The switches of HIRO, each with its source."""

from dataclasses import dataclass, field

from hrl_core.errors import HrlError
from hrl_core.learners.td3_config import TD3Config

WORKER_REWARDS = ("distance", "progress")


@dataclass(frozen=True)
class HiroConfig:
    """The switches of the algorithm; defaults are the paper's."""

    worker: TD3Config = field(default_factory=TD3Config)
    manager: TD3Config = field(default_factory=TD3Config)
    candidates: int = 10
    """Subgoals scored per manager transition in off-policy correction (paper 3.3); 0: no correction (paper
    figure 4)."""
    manager_n_step: int = 1
    """Manager transitions summed before bootstrapping (3 in arXiv 1909.10618)."""
    manager_n_step_own: int = 0
    """The same where the task goal is the episode's own, not relabelled; 0: no difference (preset fast). What the
    manager does not observe, a pushed block for one, is in a long return and not in the value of the state it ends
    in."""
    manager_reward_scale: float = 0.1
    """Factor on the task reward summed over a segment (paper C.2)."""
    manager_reward_offset: float = 0.0
    """Added per whole segment to centre the reward (preset fast)."""
    relabel_goals_uniform: float = 0.0
    """Share of manager transitions whose task goal is redrawn from the training box (preset fast, after arXiv
    1707.01495)."""
    relabel_goals_future: float = 0.0
    """Share whose task goal becomes a goal achieved later in the episode (preset fast, after arXiv 1707.01495)."""
    worker_reward: str = "distance"
    """``distance``: minus the distance left (paper equation 3); ``progress``: metres gained /
    ``progress_unit``."""
    progress_unit: float = 0.2
    """Progress that earns a worker reward of 1 [units of the goal space]."""
    tilt_penalty: float = 0.0
    """Worker reward lost upside down, in proportion to (1 - cos tilt) / 2 after the step (preset fast): pressed
    against a wall nothing is gained anyway, so that without it nothing is lost by turning over."""
    hide_position: bool = True
    """Whether x, y are zeroed for the worker's actor and critics (released code of HIRO)."""
    scale_inputs: bool = False
    """Whether inputs are brought to the order of one and the manager sees the way left to the goal (row
    B)."""
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
    worker_replay: int = 200_000
    """Newest environment steps that the worker learns from (paper C.2); 0: all stored."""
    manager_replay: int = 0
    """Newest environment steps that the manager learns from; 0: all stored."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.manager_sees_time and not self.manager_sees_pose_only:
            raise HrlError("manager_sees_time counts with manager_sees_pose_only: without it time is seen anyway")
        shares = self.relabel_goals_uniform, self.relabel_goals_future
        if min(shares) < 0 or sum(shares) > 1:
            raise HrlError(f"relabel_goals_uniform + relabel_goals_future must lie in [0, 1], got {shares}")
        if self.worker_reward not in WORKER_REWARDS:
            raise HrlError(f"worker_reward: '{self.worker_reward}' is none of {', '.join(WORKER_REWARDS)}")
        if self.candidates < 0 or self.candidates == 1 or self.manager_n_step < 1 or self.manager_n_step_own < 0:
            raise HrlError("candidates: 0 or at least 2; manager_n_step: at least 1; manager_n_step_own: at least 0")
        if self.candidates and self.longest_n_step > 1:
            raise HrlError(
                "off-policy correction holds for one-step returns: set candidates=0, or manager_n_step=1 and "
                "manager_n_step_own=0"
            )

    @property
    def relabels_goals(self) -> bool:
        """Whether manager transitions are learned under other task goals than their own."""
        return self.relabel_goals_uniform + self.relabel_goals_future > 0

    @property
    def longest_n_step(self) -> int:
        """Most manager transitions that a return sums."""
        return max(self.manager_n_step, self.manager_n_step_own)
