"""The switches of Relay Policy Learning, and a preset for each task."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hrl_core.algorithms.actor_shapes import require_vector_actions
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.spec import FIRST, FLAT, HierarchySpec, hierarchy_of
from hrl_core.learners.checks import require
from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_updates

RELABELLED, LAST = "relabelled", "last"
GOALS = (RELABELLED, LAST)
IRIL, OFFPOLICY, PPO, NPG = "iril", "offpolicy", "ppo", "npg"
FINETUNINGS = (IRIL, OFFPOLICY, PPO, NPG)
ON_POLICY = {PPO: "clipped", NPG: "natural"}
"""How the policy moves (``OnPolicyConfig.step``)."""
_CLONED = CloningConfig(decay_after=1_050)
_LIVED = OnPolicyConfig(
    hidden=(256, 256), activation="relu", discount=0.95, epochs=8, batch_size=500, reward_scale=0.2, gradient_norm=1.0
)
_VALUED = TD3Config(
    hidden=(256, 256),
    actor_lr=1e-3,
    discount=0.95,
    tau=0.01,
    policy_delay=1,
    batch_size=256,
    noise_in_range=True,
    normalise_actions=True,
    bc_alpha=1.0,
    reward_bounds=(-1.0, 0.0),
)


@dataclass(frozen=True)
class RelayConfig:
    """The switches of the algorithm; defaults are those for Push Point."""

    goal_space: str = FIRST
    """What a subgoal says, of the goal spaces of the task."""
    horizon: int = 10
    """Steps for which a subgoal stands, and the window W_l that the worker's goals are taken from."""
    manager_window: int = 0
    """Steps ahead that the manager's goals are taken from, W_h; 0: to the end of the episode."""
    flat: bool = False
    """Whether there is no manager: goal-conditioned behavioural cloning."""
    flat_goals: str = RELABELLED
    """What a flat worker is told it did: any state that came later (``relabelled``), or the episode's ``last``."""
    pursued_goals: float = 0.0
    """Share of task goals that are those an episode pursued, where the task's rule says that it ended with them
    reached; the others are what came later. Whoever is asked for just what was shown needs none."""
    input_centre: tuple[float, ...] = ()
    """What is taken off each element of the observation; empty: 0."""
    input_scale: tuple[float, ...] = ()
    """Factor on each element of the observation, then; empty: 1."""
    way_scale: float = 1.0
    """Factor on the way left to the task goal."""
    demos: tuple[str, ...] = ()
    """Recordings of demonstrations that are learned from beside what is lived."""
    demos_episodes: int = 0
    """How many of their episodes are learned from, the first ones; 0: all."""
    intended: bool = False
    """Whether what was intended in them is cloned, before noise was added on purpose, instead of what was done: where
    noise lasts, who clones it learns to go on drifting."""
    demos_share: float = 0.5
    """Share of a batch that is drawn from them."""
    imitation_updates: int = 1_500
    """Updates of each level from demonstrations before what is lived is learned from."""
    noise: float = 0.3
    """Standard deviation of the exploration of actions [half-ranges]."""
    learning_starts: int = 1_000
    """Environment steps before what is lived is learned from."""
    replay: int = 200_000
    """Environment steps kept."""
    worker_updates: float = 0.4
    """Per environment step."""
    manager_updates: float = 0.2
    """Per environment step."""
    worker: CloningConfig = _CLONED
    manager: CloningConfig = _CLONED
    finetuning: str = IRIL
    """What is done with what is lived: both levels clone it as well (``iril``), or the manager stays as it is and the
    worker learns by values besides: TD3 of rows with hindsight (``offpolicy``), or on-policy (``ppo``, ``npg``)."""
    td3: TD3Config = _VALUED
    """The worker that values (``offpolicy``); it clones alone, with ``imitation_alpha``, until imitation ends. Its
    ``exploration_noise`` is ``noise``."""
    imitation_alpha: float = 1e-3
    """Weight of values against cloning during imitation (``offpolicy``)."""
    own_subgoals: float = 0.2
    """Share of lived rows that keep the subgoal they were lived under (``offpolicy``)."""
    tolerance: float = 0.125
    """How near a subgoal every element must be for a reward of 0 instead of -1 [half-ranges]; not under ``iril``."""
    on_policy: OnPolicyConfig = _LIVED
    """The worker that learns on-policy (``ppo``, ``npg``), whose word ``step`` follows from that, and whose ``log_std``
    is the logarithm of ``noise``."""
    rollout_steps: int = 3_000
    """Environment steps lived between updates on-policy."""
    cloning_weight: float = 0.3
    """Of cloning demonstrations in the loss on-policy (DAPG, arXiv 1709.10087)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require(
            self,
            (self.horizon >= 1 and self.replay >= 1, "horizon, replay: at least 1"),
            (min(self.manager_window, self.imitation_updates, self.learning_starts) >= 0, "counts: at least 0"),
            (self.demos_episodes >= 0, "demos_episodes: at least 0"),
            (min(self.noise, self.worker_updates, self.manager_updates) >= 0, "noise, updates: at least 0"),
            (0 <= self.demos_share <= 1 and 0 <= self.pursued_goals <= 1, "demos_share, pursued_goals: from 0 to 1"),
            (self.flat_goals in GOALS, f"flat_goals: one of {', '.join(GOALS)}"),
            (self.finetuning in FINETUNINGS, f"finetuning: one of {', '.join(FINETUNINGS)}"),
            (self.finetuning not in ON_POLICY or self.noise > 0, "noise: above 0 on-policy, which draws"),
            (
                self.rollout_steps >= 1 and self.cloning_weight >= 0,
                "rollout_steps: at least 1; cloning_weight: at least 0",
            ),
            (0 <= self.own_subgoals <= 1 and self.tolerance > 0, "own_subgoals: from 0 to 1; tolerance: above 0"),
            (self.imitation_alpha > 0 and self.td3.bc_alpha > 0, "imitation_alpha, td3.bc_alpha: above 0"),
        )

    @property
    def idle(self) -> tuple[str, ...]:
        """Parts that nothing is learned by, as it is set up."""
        used = {OFFPOLICY: "td3", PPO: "on_policy", NPG: "on_policy"}.get(self.finetuning)
        return tuple(part for part in ("td3", "on_policy") if part != used)

    def for_recordings(self, relabel: str, newest_steps: int) -> "RelayConfig":
        """The same; raises ``HrlError`` where subgoals are to be relabelled: all are taken from what came later."""
        if newest_steps:
            raise HrlError(f"relay draws from all that it keeps: set replay instead of newest_steps {newest_steps}")
        if self.finetuning in ON_POLICY:
            raise HrlError(
                f"--finetuning {self.finetuning} learns from what it lives itself: take another for recordings"
            )
        if self.demos:
            raise HrlError(
                "demos are learned from beside what is lived in training environments: leave --collectors out, or name "
                "them among the recordings (--from-bags, with --material.modes DEMO)"
            )
        require_updates(self.worker_updates)
        if relabel == "from-relabelled":
            raise HrlError("algorithm 'relay' takes its subgoals from the states themselves: leave --relabel out")
        return self


def hierarchy(task: TaskSpec, config: RelayConfig) -> HierarchySpec:
    """A manager whose subgoals are offsets in a goal space of the task; raises ``HrlError`` where it does not fit."""
    require_vector_actions(task, "relay")
    unseen = ", ".join(task.unobserved_goal)
    if unseen or not task.goal:
        raise TaskError(
            f"algorithm 'relay' takes later states for goals: task '{task.name}' "
            + (f"does not observe {unseen} of its goal" if unseen else "has no goal")
        )
    if config.flat:
        if config.finetuning != IRIL:
            raise HrlError(
                f"--finetuning {config.finetuning} values ways to subgoals, and --flat has none: leave one of them out"
            )
        return FLAT
    if not task.goal_spaces:
        raise TaskError(
            f"algorithm 'relay' needs a goal space; task '{task.name}' offers none (docs/your_environment.md)"
        )
    return hierarchy_of(task, config.goal_space, config.horizon)


_FETCH = TrainConfig(
    algorithm="relay",
    agent=RelayConfig(
        # Places of gripper and block, the block from the gripper, fingers, angles, velocities.
        input_scale=(*[3.0] * 6, *[10.0] * 3, *[10.0] * 2, *[1.0] * 3, *[20.0] * 11),
        way_scale=10.0,
        noise=0.1,
    ),
    steps=24_000,
    num_envs=20,
    evaluation_interval=12_000,
    evaluation_episodes=40,
    checkpoint_interval=12_000,
)
_KITCHEN = TrainConfig(
    algorithm="relay",
    agent=RelayConfig(
        manager_window=260,
        # Places that are asked for are not quite those that the expert brings things to.
        pursued_goals=0.5,
        # The mean in demonstrations, of what has a scale.
        input_centre=(
            *(-0.67, -0.97, 1.24, -1.98, 0.04, 1.26, 0.79, 0.02, 0.02),
            *[0.0] * 17,
            *(-0.3, -0.02, 0.15, 0.0, 0.28, -0.58),
            *(-0.27, 0.5, 1.62, 1.0, 0.0, 0.0, 0.04),
            *[0.0] * 20,
            *(-0.31, 0.35, 2.27),
        ),
        # One over the spread in demonstrations: joints and fingers, no rates, knobs and burners, light, cabinets and
        # microwave, kettle and its quaternion, no rates, the end effector.
        input_scale=(
            *(1.6, 2.5, 1.1, 1.9, 2.9, 2.3, 1.5, 50.0, 50.0),
            *[0.0] * 9,
            *[50.0] * 8,
            *(3.1, 43.0, 5.6, 50.0, 2.2, 2.6),
            *(50.0, 7.3, 50.0, 50.0, 50.0, 50.0, 13.0),
            *[0.0] * 20,
            *(3.9, 6.2, 2.7),
        ),
        way_scale=4.0,
        intended=True,
        imitation_updates=10_000,
        noise=0.05,
        worker=CloningConfig(batch_size=256, decay_after=6_000),
        manager=CloningConfig(batch_size=256, decay_after=6_000),
    ),
    steps=28_000,
    num_envs=5,
    evaluation_interval=14_000,
    # An environment is 65 MB of meshes.
    evaluation_episodes=2,
    evaluation_episodes_elsewhere=2,
    checkpoint_interval=14_000,
)
PRESETS: Mapping[str, TrainConfig[RelayConfig]] = {
    "push_point": TrainConfig(
        algorithm="relay",
        agent=RelayConfig(
            # Point and block, and their last steps, a tenth as large.
            input_scale=(1.0, 1.0, 10.0, 10.0, 1.0, 1.0, 10.0, 10.0),
        ),
        steps=24_000,
        num_envs=20,
        evaluation_interval=12_000,
        evaluation_episodes=256,
        checkpoint_interval=12_000,
    ),
    "fetch_push": replace(_FETCH, agent=replace(_FETCH.agent, goal_space="gripper_and_block_in_space", noise=0.2)),
    "fetch_pick_and_place": _FETCH,
    "kitchen": _KITCHEN,
}
