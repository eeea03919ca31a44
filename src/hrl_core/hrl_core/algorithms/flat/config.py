"""The switches of a flat policy, whichever learner it has."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.errors import HrlError
from hrl_core.learners.checks import require
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.choices import require_once, require_updates


@dataclass(frozen=True)
class _Learned:
    """What flat policies have in common."""

    learner: str
    """td3, sac, ddpg (vectors), dqn (choices), ppo, a2c (either); each has presets of its own."""
    scale_inputs: bool = False
    """Whether inputs are brought to the order of one and the policy sees the way left to the goal."""
    learners: ClassVar[tuple[str, ...]] = ()
    """Whose switches these are."""

    def __post_init__(self) -> None:
        """Refuse another learner."""
        if self.learner not in self.learners:
            others = " or ".join(self.learners)
            raise HrlError(f"learner {self.learner}: these are the switches of {others}; leave the preset out")


@dataclass(frozen=True)
class OffPolicy(_Learned):
    """What learners from a store of past episodes have in common."""

    worker_replay: int = 200_000
    """Newest environment steps that are learned from; 0: all stored."""
    replay: int = 2_000_000
    """Environment steps kept."""
    learning_starts: int = 2_500
    """Environment steps before any update. Not in training from recordings that are there, which are learned from at
    once."""
    worker_updates: float = 1.0
    """Updates per environment step."""
    overlap: bool = True
    """Whether updates are made while the environments step, from what was remembered before the step; off: after it.
    Not in training from recordings."""
    random_starts: bool = False
    """Whether actions are uniformly random until ``learning_starts``, instead of the untrained policy's with noise.
    Not in training from recordings, which are what they are."""
    random_steps: int = 0
    """Environment steps over which the chance of a uniformly random action falls in a line from 1 to 0. Not in training
    from recordings; by rounds it falls block by block."""
    her: bool = False
    """Whether task goals are relabelled with those achieved later in the episode (HER, arXiv 1707.01495, future)."""
    hindsight_goals: int = 4
    """With ``her``: relabelled transitions for each that is not, k of the paper."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        require(
            self,
            (self.replay >= 1, "replay must be at least 1"),
            (min(self.worker_replay, self.learning_starts, self.random_steps) >= 0, "numbers of steps: at least 0"),
            (self.worker_updates >= 0, "worker_updates: at least 0"),
            (self.hindsight_goals >= 1, "hindsight_goals: at least 1"),
        )

    def random_chance(self, env_steps: int) -> float:
        """Of a uniformly random action after so many environment steps."""
        if self.random_starts and env_steps < self.learning_starts:
            return 1.0
        return max(0.0, 1 - env_steps / self.random_steps) if self.random_steps else 0.0

    def for_recordings(self, relabel: str, newest_steps: int) -> "OffPolicy":
        """The switches with the choices of training from recordings put in (``BagTrainConfig``).

        Raises:
            HrlError: subgoals are to be relabelled.
        """
        _require_no_relabelling(relabel)
        require_updates(self.worker_updates)
        return dataclasses.replace(self, worker_replay=newest_steps or self.worker_replay)


@dataclass(frozen=True)
class FlatConfig(OffPolicy):
    """The switches of flat TD3; defaults are those of HIRO's paper for its worker (figure 4, no HRL)."""

    learner: str = "td3"
    learners: ClassVar[tuple[str, ...]] = ("td3",)
    worker: TD3Config = field(default_factory=TD3Config)


@dataclass(frozen=True)
class SACFlatConfig(OffPolicy):
    """The switches of flat SAC."""

    learner: str = "sac"
    learners: ClassVar[tuple[str, ...]] = ("sac",)
    worker: SACConfig = field(default_factory=SACConfig)

    def require_rounds(self) -> None:
        """Raise ``HrlError`` where collectors, who act by policies, cannot do what is asked for."""
        if self.random_steps:
            raise HrlError(
                f"random_steps {self.random_steps}: a policy of SAC draws its actions and never takes a random one "
                "instead, and collectors act by policies; set it to 0 (--random_starts they can), or leave "
                "--collectors out"
            )


@dataclass(frozen=True)
class DDPGFlatConfig(OffPolicy):
    """The switches of flat DDPG."""

    learner: str = "ddpg"
    learners: ClassVar[tuple[str, ...]] = ("ddpg",)
    worker: DDPGConfig = field(default_factory=DDPGConfig)


@dataclass(frozen=True)
class DQNFlatConfig(OffPolicy):
    """The switches of flat DQN."""

    learner: str = "dqn"
    learners: ClassVar[tuple[str, ...]] = ("dqn",)
    worker: DQNConfig = field(default_factory=DQNConfig)
    exploration: float = 0.05
    """Chance of a uniformly random action in the end (epsilon), beside that of ``random_steps``."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        require(self, (0 <= self.exploration <= 1, "exploration: in [0, 1]"))


@dataclass(frozen=True)
class OnPolicyFlatConfig(_Learned):
    """The switches of flat PPO, A2C and TRPO."""

    learner: str = "ppo"
    learners: ClassVar[tuple[str, ...]] = ("ppo", "a2c")
    worker: OnPolicyConfig = field(default_factory=OnPolicyConfig)
    rollout_steps: int = 2_048
    """Environment steps that each update learns from, in all environments together."""
    bonus: str = ""
    """Name of an intrinsic reward that is added to the task's: vime (arXiv 1605.09674); empty: none."""
    bonus_weight: float = 1.0
    """Factor on it, eta of VIME; 0: as without."""
    bonus_decay: int = 0
    """Updates, from the first positive reward of the task on, over which that factor falls in a line to 0; 0: it
    stays."""
    vime: VimeConfig = field(default_factory=VimeConfig)

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        super().__post_init__()
        require(
            self,
            (self.rollout_steps >= 1, "rollout_steps: at least 1"),
            (min(self.bonus_weight, self.bonus_decay) >= 0, "bonus_weight, bonus_decay: at least 0"),
        )

    def for_recordings(self, relabel: str, newest_steps: int) -> "OnPolicyFlatConfig":
        """The same; raises ``HrlError`` where subgoals are to be relabelled or old steps kept."""
        _require_no_relabelling(relabel)
        require_once(f"learner {self.learner}", relabel, newest_steps)
        return self


AnyFlatConfig = FlatConfig | SACFlatConfig | DDPGFlatConfig | DQNFlatConfig | OnPolicyFlatConfig


def _require_no_relabelling(relabel: str) -> None:
    if relabel != "off":
        raise HrlError(f"a flat policy has no subgoals to relabel: set relabel to off, got {relabel}")


def _run(agent: AnyFlatConfig, steps: int, num_envs: int = 1) -> TrainConfig[Any]:
    return TrainConfig(
        algorithm="flat",
        agent=agent,
        steps=steps,
        num_envs=num_envs,
        evaluation_interval=max(1, steps // 20),
        evaluation_episodes=20,
    )


def _fast() -> TrainConfig[FlatConfig]:
    """The worker's switches of HIRO's preset of that name, but for the bounds of its reward: a task has others."""
    worker = TD3Config(
        hidden=(256, 256),
        actor_lr=3e-4,
        critic_lr=3e-4,
        discount=0.95,
        tau=0.01,
        batch_size=128,
        noise_in_range=True,
        exploration_noise=0.12,
        target_noise=0.2,
        action_twice=False,
        normalise_actions=True,
        pre_tanh_penalty=1e-3,
    )
    agent = FlatConfig(worker=worker, scale_inputs=True, worker_replay=0, learning_starts=2_000, worker_updates=0.25)
    return TrainConfig(algorithm="flat", agent=agent, steps=1_000_000, num_envs=20, evaluation_episodes=20)


_A2C = OnPolicyConfig(
    step="plain", lr=7e-4, optimiser="rmsprop", gae_lambda=1.0, epochs=1, batch_size=0, normalise_advantages=False
)
_CURIOUS = OnPolicyFlatConfig(
    worker=OnPolicyConfig(hidden=(32, 32), lr=1e-3),
    scale_inputs=True,
    rollout_steps=2_000,
    bonus="vime",
    bonus_weight=0.01,
    bonus_decay=20,
)
"""For rewards that are hard to find; ten whole episodes of 200 steps an update."""
_STARTS = {"worker_replay": 0, "replay": 1_000_000, "random_starts": True}

PRESETS: Mapping[str, TrainConfig[Any]] = {
    "paper": TrainConfig(algorithm="flat", agent=FlatConfig()),
    "fast": _fast(),
    "sac": _run(SACFlatConfig(**_STARTS, learning_starts=10_000), 1_000_000),
    "ddpg": _run(DDPGFlatConfig(**_STARTS, learning_starts=10_000), 1_000_000),
    "dqn": _run(
        DQNFlatConfig(worker_replay=0, replay=100_000, learning_starts=1_000, worker_updates=0.25, random_steps=10_000),
        100_000,
    ),
    "ppo": _run(OnPolicyFlatConfig(), 1_000_000, num_envs=8),
    "vime": dataclasses.replace(_run(_CURIOUS, 100_000, num_envs=10), stagger=False, evaluation_interval=2_000),
    "a2c": _run(OnPolicyFlatConfig(learner="a2c", worker=_A2C, rollout_steps=40), 1_000_000, num_envs=8),
}
