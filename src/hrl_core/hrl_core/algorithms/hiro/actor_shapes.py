"""What the networks of each level see and answer, derived from task and configuration."""

import dataclasses
import re

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.symmetry import worker_quarter_turn
from hrl_core.task.spec import TaskSpec

_SCALE_BY_UNIT = {"rad/s": 0.5}
POSE = re.compile(r"[xyz]|q[wxyz]|v[xyz]|heading|apples_\d|bombs_\d")
"""Observation elements that a manager of ``manager_sees_pose_only`` keeps."""
TIME = "time"
"""The one that ``manager_sees_time`` adds to them."""
_TIME_SCALE = 4.0
"""Factor that brings the time of a 500-step episode [1000 steps] to the order of one."""
_POSITION_SCALE = 0.1
"""Factor that brings goals and ways left in a maze [m] to the order of one."""
_WALL_SCALE = 0.25
"""Factor on x, y [m]: larger, because what walls allow changes within a metre."""


def manager_actor_config(spec: TaskSpec, config: HiroConfig) -> ActorConfig:
    """The manager's network: observation and task goal in, subgoal out."""
    actor = goal_actor_config(spec, config.manager, spec.subgoal_low, spec.subgoal_high, config.scale_inputs)
    if not config.manager_sees_pose_only:
        return actor
    timed = [i for i, e in enumerate(spec.observation) if e.name == TIME] if config.manager_sees_time else []
    hidden = (i for i, e in enumerate(spec.observation) if not POSE.fullmatch(e.name) and i not in timed)
    scale = list(actor.input_scale)
    for i in timed if scale else ():
        scale[i] *= _TIME_SCALE
    return dataclasses.replace(actor, masked=tuple(hidden), input_scale=tuple(scale))


def goal_actor_config(
    spec: TaskSpec, config: TD3Config, low: npt.NDArray, high: npt.NDArray, scale_inputs: bool
) -> ActorConfig:
    """A network from observation and task goal to [low, high]; scaled inputs come with the way left."""
    observation = len(spec.observation)
    names = [element.name for element in spec.observation]
    scale: tuple[float, ...] = ()
    differences: tuple[tuple[int, int, float], ...] = ()
    if scale_inputs:
        scale = _scales(spec) + (_POSITION_SCALE,) * len(spec.goal)
        pairs = [(observation + k, names.index(e.name)) for k, e in enumerate(spec.goal) if e.name in names]
        differences = tuple((goal, position, _POSITION_SCALE) for goal, position in pairs)
    return ActorConfig(
        input_dim=observation + len(spec.goal),
        hidden=config.hidden,
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        exploration_noise=_noise(config, low, high),
        input_scale=scale,
        differences=differences,
    )


def worker_actor_config(spec: TaskSpec, config: HiroConfig) -> ActorConfig:
    """The worker's network: observation and carried subgoal in, action out."""
    positions = tuple(i for i, e in enumerate(spec.observation) if e.name in ("x", "y"))
    subgoal_scale = tuple(float(2 / (high - low)) for low, high in spec.subgoal.elements.values())
    return ActorConfig(
        input_dim=len(spec.observation) + len(spec.subgoal.elements),
        hidden=config.worker.hidden,
        low=tuple(map(float, spec.action_low)),
        high=tuple(map(float, spec.action_high)),
        masked=positions if config.hide_position else (),
        exploration_noise=_noise(config.worker, spec.action_low, spec.action_high),
        input_scale=_scales(spec) + subgoal_scale if config.scale_inputs else (),
        turn=worker_quarter_turn(spec) if config.four_fold_symmetry else None,
    )


def _scales(spec: TaskSpec) -> tuple[float, ...]:
    return tuple(_WALL_SCALE if e.name in ("x", "y") else _SCALE_BY_UNIT.get(e.unit, 1.0) for e in spec.observation)


def _noise(config: TD3Config, low: npt.NDArray, high: npt.NDArray) -> tuple[float, ...]:
    half_range = (high - low) / 2
    unit = half_range if config.noise_in_range else np.ones_like(half_range)
    return tuple(map(float, config.exploration_noise * unit))
