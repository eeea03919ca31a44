"""What the networks of HAC see and answer: the state and the way left to what is pursued, both of the order of one."""

from typing import Any

import numpy as np

from hrl_core.algorithms.actor_shapes import input_scales
from hrl_core.algorithms.hac.config import HacConfig
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.messages import Vector
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec


def actor_configs(task: TaskSpec, levels: HierarchySpec, config: HacConfig) -> dict[str, ActorConfig]:
    """Party -> its network, from the worker up."""
    scale = _scales(task, config)
    found: dict[str, ActorConfig] = {}
    for level, party in enumerate(levels.parties, -1):
        if level < 0:
            low, high = task.action_low, task.action_high
        else:
            space = GoalSpace(task, levels.levels[level])
            low, high = space.low, space.high
        top = level + 1 == len(levels.levels)
        found[party] = ActorConfig(
            hidden=config.of_levels.hidden,
            low=tuple(map(float, low)),
            high=tuple(map(float, high)),
            **config.exploration(level < 0, (high - low) / 2),
            test_probability=0.0 if level < 0 else config.test_probability,
            **(_task_goal(task, scale) if top else _subgoal(task, levels, level + 1, scale)),
        )
    return found


def _subgoal(task: TaskSpec, levels: HierarchySpec, level: int, scale: Vector) -> dict[str, Any]:
    """Inputs below the top: a subgoal comes as the way left already."""
    ways = scale[GoalSpace(task, levels.levels[level]).indices]
    return {"input_dim": scale.size + ways.size, "input_scale": tuple(map(float, (*scale, *ways)))}


def _task_goal(task: TaskSpec, scale: Vector) -> dict[str, Any]:
    """Inputs of the top: the task goal is hidden where the way left to it can be shown instead."""
    size, seen = len(task.observation), task.observed_goal
    shown = [(size + k, seen[e.name]) for k, e in enumerate(task.goal) if e.name in seen]
    return {
        "input_dim": size + len(task.goal),
        "input_scale": tuple(map(float, (*scale, *np.ones(len(task.goal))))),
        "masked": tuple(goal for goal, _ in shown),
        "differences": tuple((goal, position, float(scale[position])) for goal, position in shown),
    }


def _scales(task: TaskSpec, config: HacConfig) -> Vector:
    """Factor on each element of the observation: by the range of subgoals, elsewhere by its unit."""
    box, scale = config.subgoals(task), np.array(input_scales(task))
    for i, element in enumerate(task.observation):
        if element.name in box:
            low, high, _ = box[element.name]
            scale[i] = 2 / (high - low)
    return scale
