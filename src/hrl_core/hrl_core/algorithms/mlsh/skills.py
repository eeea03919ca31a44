"""The skills that all tasks share: networks of their own, in one actor for who acts."""

from pathlib import Path

import numpy as np
import torch

from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.mlsh.shapes import skill_shapes, stacked
from hrl_core.algorithms.protocols import LevelWeights
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.checkpoints.manifest import value_name
from hrl_core.errors import HrlError
from hrl_core.learners.on_policy import OnPolicy
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.task.spec import TaskSpec


def make_skills(task: TaskSpec, config: MlshConfig, seed: int) -> list[OnPolicy]:
    """Skills at the beginning of a run, or those of ``frozen_skills``.

    Raises:
        HrlError: the frozen ones do not fit.
    """
    actor, values = skill_shapes(task, config)
    # The first one is what a flat policy of this seed would be.
    generators = [torch.Generator().manual_seed(seed + k) for k in range(config.skills)]
    if not config.frozen_skills:
        return [OnPolicy(config.worker, actor, values, generator) for generator in generators]
    kept = _frozen(task, config)
    shapes = kept.actor("worker").one_skill(), kept.actor(value_name("worker")).one_skill()
    skills = [OnPolicy(config.worker, *shapes, generator) for generator in generators]
    for k, skill in enumerate(skills):
        skill.actor.load_state_dict(_of_skill(kept.level("worker"), k))
        skill.values.load_state_dict(_of_skill(kept.level(value_name("worker")), k))
    return skills


def level_weights(skills: list[OnPolicy], updates: int) -> dict[str, LevelWeights]:
    """What a checkpoint keeps of them."""
    return {
        "worker": _stack(skills[0].actor_config, [skill.actor_arrays() for skill in skills], updates),
        value_name("worker"): _stack(skills[0].values.config, [skill.value_arrays() for skill in skills], updates),
    }


def policy_levels(skills: list[OnPolicy], master: OnPolicy, updates: int) -> dict[str, LevelWeights]:
    """What a checkpoint keeps of skills and of the master over them."""
    return {
        **level_weights(skills, updates),
        "manager": LevelWeights(master.actor_config, master.actor_arrays(), updates),
        value_name("manager"): LevelWeights(master.values.config, master.value_arrays(), updates),
    }


def _stack(shape: ActorConfig, arrays: list[dict[str, Float32]], updates: int) -> LevelWeights:
    weights = {name: np.stack([own[name] for own in arrays]) for name in arrays[0]}
    return LevelWeights(stacked(shape, len(arrays)), weights, updates)


def _of_skill(weights: dict[str, Float32], number: int) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(stack[number].copy()) for name, stack in weights.items()}


def _frozen(task: TaskSpec, config: MlshConfig) -> Checkpoint:
    """The policy that the skills are taken from."""
    kept = load_checkpoint(Path(config.frozen_skills))
    count = kept.actors["worker"].skills
    if value_name("worker") not in kept.actors or not count:
        raise HrlError(f"frozen_skills: {config.frozen_skills} is no policy of mlsh")
    if count != config.skills:
        raise HrlError(f"frozen_skills: {config.frozen_skills} has {count} skills: give --skills {count}")
    if (kept.task.observation, kept.task.action) != (task.observation, task.action):
        raise HrlError(
            f"frozen_skills: {config.frozen_skills} was made for task '{kept.task.name}', whose observation or action "
            f"is another than that of '{task.name}'"
        )
    return kept
