"""Who is held against whom: task, learner and steps of each match, and the settings that both sides have in common.

They are the defaults of stable-baselines3 and the values that rl-baselines3-zoo found for it, without state-dependent
exploration, without schedules and without normalised observations.
"""

from dataclasses import dataclass

from hrl_core.errors import HrlError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class ActorCritic:
    """Settings of td3 and sac, which learn from a replay buffer; hidden layers are rectified linear."""

    hidden: tuple[int, ...] = (256, 256)
    lr: float = 3e-4
    """Adam's, of actor, critics and temperature."""
    discount: float = 0.99
    tau: float = 0.005
    batch_size: int = 256
    replay: int = 1_000_000
    """Newest environment steps that are learned from."""
    learning_starts: int = 100
    """First environment steps, with uniformly random actions and without updates."""
    updates_per_step: int = 1
    """Updates per environment step."""
    hindsight_goals: int = 0
    """Relabelled transitions to one that is not, goals being those achieved later in the episode; 0: no relabelling."""


@dataclass(frozen=True, kw_only=True)
class DelayedActorCritic(ActorCritic):
    """Settings of td3."""

    exploration_noise: float = 0.1
    """Standard deviation of the noise on actions, as a share of their half-range; so is all noise."""
    policy_delay: int = 2
    """Updates of the critics to one of the actor."""
    target_noise: float = 0.2
    target_noise_clip: float = 0.5


@dataclass(frozen=True, kw_only=True)
class QLearning:
    """Settings of dqn; hidden layers are rectified linear."""

    hidden: tuple[int, ...]
    lr: float
    discount: float
    batch_size: int
    replay: int
    learning_starts: int
    """First environment steps, with uniformly random actions and without updates."""
    steps_per_update: int
    """Environment steps to one update."""
    target_interval: int
    """Updates between two copies of the network to its target."""
    exploration_final: float
    """Share of random actions in the end; 1 in the beginning."""
    exploration_steps: int
    """Environment steps over which it falls, evenly."""
    gradient_norm: float = 10.0


@dataclass(frozen=True, kw_only=True)
class PolicyGradient:
    """Settings of ppo and a2c, which learn from the newest rollout; hidden layers are tanh."""

    hidden: tuple[int, ...] = (64, 64)
    """Of policy and value function, which share nothing."""
    lr: float
    discount: float
    gae_lambda: float
    rollout_steps: int
    """Steps of each environment between updates."""
    epochs: int = 1
    batch_size: int
    """Transitions per update."""
    clip: float = 0.0
    """Bound of the change of an action's probability; 0: none (a2c)."""
    normalise_advantages: bool = False
    """Whether to a mean of 0 and a deviation of 1 in each batch."""
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    gradient_norm: float = 0.5
    optimiser: str = "adam"
    log_std: float = 0.0
    """Of continuous actions, in the beginning."""


Settings = ActorCritic | QLearning | PolicyGradient


@dataclass(frozen=True)
class Match:
    """One learner on one task."""

    task: str
    """Shipped task that we learn."""
    env_id: str
    """The same, as stable-baselines3 makes it."""
    learner: str
    steps: int
    """Environment steps in total, whole rollouts."""
    settings: Settings
    num_envs: int = 1

    @property
    def name(self) -> str:
        """What people, files and folders call it."""
        return f"{self.task}_{self.learner}"

    @property
    def measures(self) -> tuple[str, ...]:
        """What it is decided by, of what a ``Score`` holds."""
        pursues_goals = isinstance(self.settings, ActorCritic) and self.settings.hindsight_goals > 0
        return ("success_rate", "episode_return") if pursues_goals else ("episode_return",)


_FETCH_REACH = ActorCritic(hidden=(64, 64), lr=1e-3, discount=0.95, tau=0.05, learning_starts=1_000, hindsight_goals=4)
# With the zoo's rate (2.3e-3) and a copy each 10 updates both sides diverge: there updates come in bursts of 128, and
# copies lie as far apart.
_CART_POLE_DQN = QLearning(
    hidden=(256, 256),
    lr=1e-3,
    discount=0.99,
    batch_size=64,
    replay=100_000,
    learning_starts=1_000,
    steps_per_update=2,
    target_interval=250,
    exploration_final=0.04,
    exploration_steps=8_000,
)
_PENDULUM_PPO = PolicyGradient(
    lr=1e-3,
    discount=0.9,
    gae_lambda=0.95,
    rollout_steps=1_024,
    epochs=10,
    batch_size=64,
    clip=0.2,
    normalise_advantages=True,
)
_PENDULUM_A2C = PolicyGradient(
    lr=7e-4, discount=0.9, gae_lambda=0.9, rollout_steps=8, batch_size=64, optimiser="rmsprop"
)
_CART_POLE_PPO = PolicyGradient(
    lr=1e-3,
    discount=0.98,
    gae_lambda=0.8,
    rollout_steps=32,
    epochs=20,
    batch_size=256,
    clip=0.2,
    normalise_advantages=True,
)
_TABLE = (
    Match("pendulum", "Pendulum-v1", "sac", 20_000, ActorCritic(lr=1e-3)),
    Match("pendulum", "Pendulum-v1", "td3", 20_000, DelayedActorCritic(lr=1e-3)),
    Match("pendulum", "Pendulum-v1", "ppo", 102_400, _PENDULUM_PPO, num_envs=4),
    Match("pendulum", "Pendulum-v1", "a2c", 100_032, _PENDULUM_A2C, num_envs=8),
    Match("cart_pole", "CartPole-v1", "dqn", 50_000, _CART_POLE_DQN),
    Match("cart_pole", "CartPole-v1", "ppo", 50_176, _CART_POLE_PPO, num_envs=8),
    Match("fetch_reach", "gymnasium_robotics:FetchReach-v4", "sac", 25_000, _FETCH_REACH),
    Match("ant", "Ant-v5", "td3", 300_000, DelayedActorCritic(learning_starts=10_000)),
    Match("ant", "Ant-v5", "sac", 300_000, ActorCritic(learning_starts=10_000)),
)
MATCHES = {match.name: match for match in _TABLE}
"""By name, the short ones first."""


def find_match(name: str) -> Match:
    """The match of a name.

    Raises:
        HrlError: there is none; names the closest.
    """
    if name not in MATCHES:
        raise HrlError(f"unknown match '{name}'{did_you_mean(name, MATCHES)}; matches are: {', '.join(MATCHES)}")
    return MATCHES[name]
