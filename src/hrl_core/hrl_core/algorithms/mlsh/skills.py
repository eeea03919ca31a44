"""The skills that all tasks share: networks of their own, in one actor for who acts."""

import numpy as np
import torch

from hrl_core.algorithms.frozen_skills import WORKER_VALUE, load_skills, of_skill
from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.party_levels import party_levels
from hrl_core.algorithms.protocols import LevelWeights
from hrl_core.algorithms.skill_shapes import skill_shapes, stacked
from hrl_core.learners.on_policy import OnPolicy
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.randomness import Purpose, step_seed
from hrl_core.task.spec import TaskSpec


def make_skills(task: TaskSpec, config: MlshConfig, seed: int) -> list[OnPolicy]:
    """Skills at the beginning of a run, or those of ``frozen_skills``.

    Raises:
        HrlError: the frozen ones do not fit.
    """
    actor, values = skill_shapes(task, config)
    # The first one is what a flat policy of this seed would be; the others are those of no other seed.
    seeds = [seed, *(step_seed(seed, Purpose.SKILL, 0, 0, k) for k in range(1, config.skills))]
    generators = [torch.Generator().manual_seed(one) for one in seeds]
    if not config.frozen_skills:
        return [OnPolicy(config.worker, actor, values, generator) for generator in generators]
    kept = load_skills(config.frozen_skills, task, config.skills)
    shapes = kept.actor("worker").one_skill(), kept.actor(WORKER_VALUE).one_skill()
    skills = [OnPolicy(config.worker, *shapes, generator) for generator in generators]
    for k, skill in enumerate(skills):
        skill.actor.load_state_dict(of_skill(kept.level("worker"), k))
        skill.values.load_state_dict(of_skill(kept.level(WORKER_VALUE), k))
    return skills


def level_weights(skills: list[OnPolicy], updates: int) -> dict[str, LevelWeights]:
    """What a checkpoint keeps of them."""
    return {
        "worker": _stack(skills[0].actor_config, [skill.actor_arrays() for skill in skills], updates),
        WORKER_VALUE: _stack(skills[0].values.config, [skill.value_arrays() for skill in skills], updates),
    }


def policy_levels(skills: list[OnPolicy], master: OnPolicy, updates: int) -> dict[str, LevelWeights]:
    """What a checkpoint keeps of skills and of the master over them."""
    return level_weights(skills, updates) | party_levels("manager", master, updates)


def _stack(shape: ActorConfig, arrays: list[dict[str, Float32]], updates: int) -> LevelWeights:
    weights = {name: np.stack([own[name] for own in arrays]) for name in arrays[0]}
    return LevelWeights(stacked(shape, len(arrays)), weights, updates)
