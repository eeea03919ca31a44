"""What a network that pursues a task goal sees and answers, derived from task and configuration."""

import re

import numpy as np
import numpy.typing as npt

from hrl_core.errors import TaskError
from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec

_SCALE_BY_UNIT = {"rad/s": 0.5}
_POSITION_SCALE = 0.1
"""Factor that brings goals and ways left in a maze [m] to the order of one."""
_WALL_SCALE = 0.25
"""Factor on places in a maze [m]: larger, because what walls allow changes within a metre."""
_PLACE = re.compile(r"[xy]|block_\d_[xyz]")


def require_vector_actions(spec: TaskSpec, algorithm: str) -> None:
    """Raise ``TaskError`` where the actions of a task are choices: gradients of a critic along them do not exist."""
    if spec.choices:
        raise TaskError(
            f"algorithm '{algorithm}' learns actions that are vectors; task '{spec.name}' has the choices "
            f"{', '.join(spec.choices)}: --algorithm flat learns them, with --learner dqn, ppo or a2c"
        )


def goal_actor_config(
    spec: TaskSpec,
    hidden: tuple[int, ...],
    low: npt.NDArray,
    high: npt.NDArray,
    scale_inputs: bool,
    noise: tuple[float, ...] = (),
) -> ActorConfig:
    """A network from observation and task goal to [low, high]; scaled inputs come with the way left."""
    observation = len(spec.observation)
    scale: tuple[float, ...] = ()
    differences: tuple[tuple[int, int, float], ...] = ()
    if scale_inputs:
        scale = input_scales(spec) + (_POSITION_SCALE,) * len(spec.goal)
        seen = spec.observed_goal
        differences = tuple(
            (observation + k, seen[element.name], _POSITION_SCALE)
            for k, element in enumerate(spec.goal)
            if element.name in seen
        )
    return ActorConfig(
        input_dim=observation + len(spec.goal),
        hidden=hidden,
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        exploration_noise=noise,
        input_scale=scale,
        differences=differences,
    )


def is_place(element: str) -> bool:
    """Whether an element of an observation says where in a maze something is: the robot, or a block of it."""
    return _PLACE.fullmatch(element) is not None


def input_scales(spec: TaskSpec) -> tuple[float, ...]:
    """Factors that bring the elements of an observation to the order of one."""
    told = spec.observation[: spec.told_by_environment]
    ranges = (spec.action[command.actuator] for command in spec.observed_commands)
    return (
        *(_WALL_SCALE if is_place(e.name) else _SCALE_BY_UNIT.get(e.unit, 1.0) for e in told),
        *(2 / (actuator.high - actuator.low) for actuator in ranges),
    )


def exploration_noise(config: TD3Config, low: npt.NDArray, high: npt.NDArray) -> tuple[float, ...]:
    """Standard deviations of the exploration noise in raw units."""
    half_range = (high - low) / 2
    unit = half_range if config.noise_in_range else np.ones_like(half_range)
    return tuple(map(float, config.exploration_noise * unit))
