"""Makes the environment of a task, and says in words when that cannot be done."""

import importlib
import traceback
from typing import Any

import gymnasium
from gymnasium import spaces

from hrl_core.envs.layout import GOAL_KEYS, Layout, flat_size, has_goals
from hrl_core.errors import TaskError
from hrl_core.own_modules import look_here
from hrl_core.task.spec import TaskSpec

GoalEnv = gymnasium.Env[Any, Any]


def make_env(spec: TaskSpec, render_mode: str | None = None) -> GoalEnv:
    """Make the task's environment and compare its spaces with the specification.

    Args:
        spec: the task.
        render_mode: how pictures are made; None: as the task's ``env_kwargs`` say.

    Raises:
        TaskError: it cannot be made, a space is none of vectors, or does not fit; names both sizes.
    """
    options = dict(spec.env_kwargs) | ({} if render_mode is None else {"render_mode": render_mode})
    if "max_episode_steps" in options:
        raise TaskError(f"task '{spec.name}': max_episode_steps is a field of the task; take it out of env_kwargs")
    env = make_by_id(spec.env_id, spec.name, max_episode_steps=spec.max_episode_steps, **options)
    try:
        require_vectors(env, spec.env_id, spec.name)
        _compare(env, spec)
    except TaskError:
        env.close()
        raise
    return env


def make_by_id(env_id: str, task: str, /, **options: Any) -> GoalEnv:  # noqa: ANN401 - whatever the environment takes
    """Make a Gymnasium environment; ``module:Id`` imports a module that registers it.

    Raises:
        TaskError: whatever went wrong on the way, in one sentence that names ``task``.
    """
    module, _, name = env_id.rpartition(":")
    problem = f"task '{task}': cannot make env_id '{env_id}'"
    _drop_news(name)
    if module:
        _import(module, problem)
    try:
        # The passive checker looks at every step again; the specification is checked once, each state when it comes.
        return gymnasium.make(name, disable_env_checker=True, **options)
    except gymnasium.error.NameNotFound as error:
        hint = (
            "" if module else "; an id that a module registers is written module:Id, as gymnasium_robotics:FetchPush-v4"
        )
        raise TaskError(f"{problem}: {error}{hint}") from error
    except Exception as error:  # whatever the constructor of an environment of others raises
        if "render_mode" in options and "'render_mode'" in str(error):
            raise TaskError(f"task '{task}': {env_id} makes no pictures: it takes no render_mode") from error
        raise TaskError(f"{problem}: {described(error)}") from error


def require_vectors(env: GoalEnv, env_id: str, task: str) -> None:
    """Refuse environments that observe neither a vector nor the parts of the goal API, or that are not acted on so.

    Raises:
        TaskError: names what was found.
    """
    space = env.observation_space
    if isinstance(space, spaces.Dict) and has_goals(space):
        _require_goals(space, env_id, task)
    elif not isinstance(space, spaces.Box) or len(space.shape) != 1:
        found = f"a Dict of {', '.join(sorted(space))}" if isinstance(space, spaces.Dict) else space
        raise TaskError(
            f"task '{task}': {env_id} observes {found}; what can be used is a vector (Box with one axis) or a Dict of "
            f"{', '.join(GOAL_KEYS)}"
        )
    if choice_count(env) is None and (not isinstance(env.action_space, spaces.Box) or len(env.action_space.shape) != 1):
        raise TaskError(
            f"task '{task}': actions of {env_id} are {env.action_space}; what can be learned are vectors (Box) and "
            "choices (Discrete)"
        )


def _require_goals(space: spaces.Dict, env_id: str, task: str) -> None:
    for key in GOAL_KEYS:
        if flat_size(space[key]) is None:
            raise TaskError(f"task '{task}': {key} of {env_id} is {space[key]}, which is no vector of numbers")
    goals = [flat_size(space[key]) for key in ("achieved_goal", "desired_goal")]
    if goals[0] != goals[1]:
        raise TaskError(f"task '{task}': {env_id} has {goals[0]} numbers in achieved_goal, {goals[1]} in desired_goal")


def choice_count(env: GoalEnv) -> int | None:
    """How many actions there are to choose from; None: they are vectors."""
    space = env.action_space
    return int(space.n) if isinstance(space, spaces.Discrete) else None


def described(error: BaseException) -> str:
    """An exception of somebody else's code in words, with the place it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _compare(env: GoalEnv, spec: TaskSpec) -> None:
    layout = Layout(env.observation_space, spec.told_by_environment)
    observation, goal = layout.sizes
    count = choice_count(env)
    if (count or 0) != len(spec.choices):
        theirs = "actions that are vectors" if count is None else f"{count} actions to choose from"
        ours = f"{len(spec.choices)} choices" if spec.choices else "a vector"
        raise TaskError(f"task '{spec.name}': action is {ours}, {spec.env_id} has {theirs}")
    declared = {"observation": spec.told_by_environment, "goal": len(spec.goal), "action": len(spec.action)}
    sizes = {
        "observation": (observation, observation + goal),
        "goal": (goal,),
        "action": (1,) if spec.choices else env.action_space.shape or (),
    }
    for field, allowed in sizes.items():
        if declared[field] not in allowed:
            more = f" (or {observation + goal}, achieved_goal behind them)" if field == "observation" and goal else ""
            raise TaskError(
                f"task '{spec.name}': {field} has {declared[field]} elements, {spec.env_id} has {allowed[0]}{more}"
            )


def _import(module: str, problem: str) -> None:
    look_here()
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]):
            raise TaskError(f"{problem}: module '{module}' needs '{error.name}', which is not installed") from error
        raise TaskError(
            f"{problem}: module '{module}' is not installed and lies neither beside the task file nor in the current "
            f"folder; name the task file (--task, task:=), go to the folder of {module}.py, or set PYTHONPATH"
        ) from error
    except Exception as error:  # whatever stands in a module of others
        raise TaskError(f"{problem}: importing '{module}' failed: {described(error)}") from error


def _drop_news(name: str) -> None:
    """Let packages of environments print no news on import that are about other environments than this one."""
    try:
        from farama_notifications import notifications
    except ImportError:
        return
    for versions in notifications.values():
        for version in [version for version, words in versions.items() if name not in words]:
            del versions[version]
