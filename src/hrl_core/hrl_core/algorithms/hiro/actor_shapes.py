"""What HIRO's networks see and answer, derived from task and configuration."""

import dataclasses
import re

from hrl_core.algorithms.actor_shapes import exploration_noise, goal_actor_config, input_scales, is_place
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.symmetry import worker_quarter_turn

POSE = re.compile(r"[xyz]|q[wxyz]|v[xyz]|heading|apples_\d|bombs_\d|block_\d_[xyz]")
"""Observation elements that a manager of ``manager_sees_pose_only`` keeps."""
TIME = "time"
"""The one that ``manager_sees_time`` adds to them."""
_TIME_SCALE = 4.0
"""Factor that brings the time of a 500-step episode [1000 steps] to the order of one."""


def manager_actor_config(space: GoalSpace, config: HiroConfig) -> ActorConfig:
    """The manager's network: observation and task goal in, subgoal out."""
    spec = space.task
    noise = exploration_noise(config.manager, space.low, space.high)
    actor = goal_actor_config(spec, config.manager.hidden, space.low, space.high, config.scale_inputs, noise)
    if not config.manager_sees_pose_only:
        return actor
    timed = [i for i, e in enumerate(spec.observation) if e.name == TIME] if config.manager_sees_time else []
    hidden = (i for i, e in enumerate(spec.observation) if not POSE.fullmatch(e.name) and i not in timed)
    scale = list(actor.input_scale)
    for i in timed if scale else ():
        scale[i] *= _TIME_SCALE
    return dataclasses.replace(actor, masked=tuple(hidden), input_scale=tuple(scale))


def worker_actor_config(space: GoalSpace, config: HiroConfig) -> ActorConfig:
    """The worker's network: observation and carried subgoal in, action out."""
    spec = space.task
    positions = tuple(i for i, e in enumerate(spec.observation) if is_place(e.name))
    subgoal_scale = tuple(float(2 / (high - low)) for low, high in zip(space.low, space.high, strict=True))
    return ActorConfig(
        input_dim=len(spec.observation) + space.size,
        hidden=config.worker.hidden,
        low=tuple(map(float, spec.action_low)),
        high=tuple(map(float, spec.action_high)),
        masked=positions if config.hide_position else (),
        exploration_noise=exploration_noise(config.worker, spec.action_low, spec.action_high),
        input_scale=input_scales(spec) + subgoal_scale if config.scale_inputs else (),
        turn=worker_quarter_turn(spec, space.names) if config.four_fold_symmetry else None,
    )
