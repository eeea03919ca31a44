"""The switches of a flat policy."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from hrl_core.errors import HrlError
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig


@dataclass(frozen=True)
class FlatConfig:
    """The switches of flat TD3; defaults are those of HIRO's paper for its worker (figure 4, no HRL)."""

    worker: TD3Config = field(default_factory=TD3Config)
    scale_inputs: bool = False
    """Whether inputs are brought to the order of one and the policy sees the way left to the goal."""
    worker_replay: int = 200_000
    """Newest environment steps that are learned from; 0: all stored."""
    replay: int = 2_000_000
    """Environment steps kept."""
    learning_starts: int = 2_500
    """Environment steps of the noisy untrained policy before any update."""
    worker_updates: float = 1.0
    """Updates per environment step."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.replay < 1:
            raise HrlError(f"training configuration: replay must be at least 1, got {self.replay}")

    def for_recordings(self, relabel: str, newest_steps: int) -> "FlatConfig":
        """The switches with the choices of training from recordings put in (``BagTrainConfig``).

        Raises:
            HrlError: subgoals are to be relabelled.
        """
        if relabel != "off":
            raise HrlError(f"a flat policy has no subgoals to relabel: set relabel to off, got {relabel}")
        return dataclasses.replace(self, worker_replay=newest_steps or self.worker_replay)


def _fast() -> TrainConfig[FlatConfig]:
    """The worker's switches of HIRO's preset of that name."""
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
        reward_bounds=(-2.5, 2.5),
    )
    agent = FlatConfig(worker=worker, scale_inputs=True, worker_replay=0, learning_starts=2_000, worker_updates=0.25)
    return TrainConfig(algorithm="flat", agent=agent, steps=1_000_000, num_envs=20, evaluation_episodes=20)


PRESETS: Mapping[str, TrainConfig[FlatConfig]] = {
    "paper": TrainConfig(algorithm="flat", agent=FlatConfig()),
    "fast": _fast(),
}
