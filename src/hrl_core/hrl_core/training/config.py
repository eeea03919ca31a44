"""What a training run is made of; two presets that are never mixed."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.errors import HrlError, did_you_mean
from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor_config import ActorConfig

ALGORITHMS = ("hiro", "td3")
Config = TypeVar("Config")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run, besides task and seed; defaults are the paper's."""

    algorithm: str = "hiro"
    """``hiro``, or ``td3``: the worker alone, on the task's goal and reward (paper figure 4, no HRL)."""
    agent: HiroConfig = field(default_factory=HiroConfig)
    steps: int = 10_000_000
    """Environment steps in total, warm start counted in (paper table 1)."""
    num_envs: int = 10
    """Environments stepped together; the paper has one, so that updates lag by up to ``num_envs`` steps."""
    threads: int = 1
    """Threads that step them."""
    stagger: bool = True
    """Whether first episodes are cut so that resets spread over time."""
    replay: int = 2_000_000
    """Environment steps kept: 200,000 manager transitions of 10 steps (paper C.2)."""
    learning_starts: int = 2_500
    """Environment steps of the noisy untrained policy before any update (released code of HIRO: 5
    episodes)."""
    worker_updates: float = 1.0
    """Worker updates per environment step (paper C.2)."""
    manager_updates: float = 1.0
    """Manager updates per manager transition (paper C.2)."""
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
    headline_goal_share: float = 0.0
    """Share of training episodes whose task goal is the first evaluation goal (preset fast; HIRO's Push and Fall:
    all)."""
    waypoint_probability: float = 0.0
    """Chance per episode that exploration pursues a few random task goals before the episode's own (preset fast)."""
    waypoints: tuple[int, int] = (1, 3)
    """Fewest and most of those goals."""
    waypoint_decisions: tuple[int, int] = (5, 15)
    """Fewest and most decisions for which each is pursued unless it is reached before."""
    waypoint_rarity: float = 0.0
    """Share of them that are places seldom visited instead (preset fast, after arXiv 1903.03698 and 2007.02832)."""
    evaluation_interval: int = 50_000
    """Environment steps between evaluations (paper C.4)."""
    evaluation_episodes: int = 50
    """Episodes per evaluation on the headline goal (paper C.4)."""
    evaluation_episodes_elsewhere: int = 10
    """Episodes on each further evaluation goal."""
    evaluation_seed: int = 1_000_003
    """Seed of evaluation episodes; final reports use another."""
    checkpoint_interval: int = 50_000
    """Environment steps between checkpoints of the whole training state."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        positive = ("steps", "num_envs", "threads", "replay", "evaluation_interval", "checkpoint_interval")
        for name in positive:
            if getattr(self, name) < 1:
                raise HrlError(f"training configuration: {name} must be at least 1, got {getattr(self, name)}")
        if self.algorithm not in ALGORITHMS:
            raise HrlError(f"training configuration: algorithm '{self.algorithm}' is none of {', '.join(ALGORITHMS)}")
        for name in ("held_subgoal_decisions", "waypoints", "waypoint_decisions"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise HrlError(f"training configuration: {name} must rise from 1, got {(low, high)}")

    @property
    def held_exploration(self) -> HeldExploration:
        """Exploration after the warm start, and that of the policies."""
        return HeldExploration(self.held_subgoal_probability, self.held_subgoal_decisions, lengths=(1.0, 1.0))

    @property
    def warm_start(self) -> HeldExploration:
        """Exploration before the manager counts."""
        return HeldExploration(1.0, self.held_subgoal_decisions, (0.0, self.warm_start_length))

    def exploring(self, actors: Mapping[str, ActorConfig]) -> dict[str, ActorConfig]:
        """Actors whose manager explores as in training."""
        held = self.held_exploration
        fields = {"held_exploration": held.probability, "held_decisions": held.decisions, "held_lengths": held.lengths}
        return {n: dataclasses.replace(actor, **fields) if n == "manager" else actor for n, actor in actors.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with tuples as lists."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


def switches(config: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Every switch of a configuration with its value, nested ones with dots: ``agent.worker.tau``."""
    found: dict[str, Any] = {}
    for field_ in dataclasses.fields(config):
        value = getattr(config, field_.name)
        if dataclasses.is_dataclass(value):
            found |= {f"{field_.name}.{name}": inner for name, inner in switches(value).items()}
        else:
            found[field_.name] = value
    return found


def changed(config: Config, values: Mapping[str, Any]) -> Config:
    """Copy a configuration with the values of plain data (``as_dict``) put in; lists become tuples.

    Raises:
        HrlError: a name is no switch.
    """
    given: Any = config
    known = [f.name for f in dataclasses.fields(given)]
    new: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise HrlError(f"unknown switch '{name}'{did_you_mean(name, known)}; switches are: {', '.join(known)}")
        if isinstance(value, Mapping):
            new[name] = changed(getattr(given, name), value)
        else:
            new[name] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(given, **new)


def config_difference(ours: dict[str, Any], theirs: dict[str, Any], path: str = "") -> list[str]:
    """Fields in which two configurations differ, as ``field: ours != theirs``."""
    found: list[str] = []
    for key in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(key), theirs.get(key)
        name = f"{path}{key}"
        if isinstance(a, dict) and isinstance(b, dict):
            found += config_difference(a, b, f"{name}.")
        elif a != b:
            found.append(f"{name}: {a!r} != {b!r}")
    return found


def _fast() -> TrainConfig:
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
    )
    return TrainConfig(
        agent=agent,
        steps=1_000_000,
        num_envs=20,
        learning_starts=2_000,
        worker_updates=0.25,
        manager_updates=4.0,
        warm_start_steps=100_000,
        manager_learning_starts=60_000,
        held_subgoal_probability=0.05,
        evaluation_episodes=20,
    )


PRESETS = {"paper": TrainConfig(), "fast": _fast()}


def preset(name: str) -> TrainConfig:
    """A preset by name.

    Raises:
        HrlError: it does not exist; lists those that do.
    """
    if name not in PRESETS:
        raise HrlError(f"unknown preset '{name}'{did_you_mean(name, PRESETS)}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def read_config(text: str) -> TrainConfig:
    """A preset by name, or a .json file of switches as in config.json, with the preset they change under ``preset``.

    Raises:
        HrlError: unknown preset or switch, or the file cannot be read.
    """
    if not text.endswith(".json"):
        return preset(text)
    try:
        values = json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise HrlError(f"training switches {text}: {error}") from None
    if not isinstance(values, dict):
        raise HrlError(f"training switches {text}: needs an object of switches, got {type(values).__name__}")
    return changed(preset(str(values.pop("preset", "paper"))), values)
