"""What random steps tell of an environment that nobody has described yet."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.abilities import bare, find_abilities, find_simulation, time_step
from hrl_core.envs.layout import Layout
from hrl_core.envs.making import GoalEnv, choice_count, described, make_by_id, require_vectors
from hrl_core.errors import TaskError

Array = npt.NDArray[np.float64]
PERIOD = 10
"""Environment steps per subgoal to begin with, c of HIRO."""
_ALWAYS_THERE = ("gymnasium", "hrl_core")
"""Packages whose ids are registered in every process of this stack."""
_DEFAULT_STEPS = 200
_DEFAULT_TIME_STEP = 0.1
_NO_LIMIT = 1e9
"""Limits of actions beyond it are meant as none."""


@dataclass(frozen=True)
class Survey:
    """An environment in numbers; a state is the observation, the achieved goal behind it where that lacks it."""

    env_id: str
    """As any process can make it."""
    max_episode_steps: int
    time_step: float
    """Environment time per step [s]."""
    time_step_known: bool
    states: Array
    """States seen, shape (steps, observation_dim)."""
    observation_names: tuple[str, ...]
    """Made up, but for the parts of a Dict; shape (observation_dim,), of which ``goal_names`` are some."""
    goal_names: tuple[str, ...]
    action_names: tuple[str, ...]
    choices: tuple[str, ...]
    """Names of the actions to choose from; none: they are vectors."""
    action_low: Array
    action_high: Array
    reach: Array
    """Half-ranges of relative subgoals over ``PERIOD`` steps, shape (goal_dim,)."""
    distance: float
    """Median distance from achieved to desired goal when an episode begins; 0 without goals."""
    tells_success: bool
    follows_goal: bool


def survey(name: str, env_id: str, options: Mapping[str, Any], steps: int, seed: int) -> Survey:
    """Make an environment and take random steps in it.

    Args:
        name: of the task, for errors.
        env_id: Gymnasium id, ``module:Id`` to import a module.
        options: its arguments.
        steps: environment steps to take.
        seed: of resets and actions.

    Raises:
        TaskError: it cannot be made, is not one of vectors, or fails.
    """
    env = make_by_id(env_id, name, **options)
    try:
        require_vectors(env, env_id, name)
        return _look(env, env_id, steps, seed)
    except TaskError:
        raise
    except Exception as error:  # somebody else's code
        raise TaskError(f"{env_id} failed: {described(error)}") from error
    finally:
        env.close()


def _look(env: GoalEnv, env_id: str, steps: int, seed: int) -> Survey:
    space: Any = env.observation_space
    limit = (env.spec.max_episode_steps if env.spec is not None else None) or _DEFAULT_STEPS
    layout = Layout(space, 0)
    core = bare(env)
    abilities = find_abilities(core, layout)
    episodes = list(_episodes(core, layout, steps, min(limit, steps), seed))
    observed = np.concatenate([episode[0] for episode in episodes])
    achieved = np.concatenate([episode[1] for episode in episodes])
    where = _columns(observed, achieved)
    names = _names("observation", space["observation"] if layout.has_goals else space)
    if where is None:
        goals = _names("goal", space["achieved_goal"])
        names, states = names + goals, np.concatenate((observed, achieved), axis=1)
    else:
        for j, column in enumerate(where):
            names[column] = f"goal_{j}"
        goals, states = [names[column] for column in where], observed
    known = time_step(core)
    low, high = action_limits(core)
    return Survey(
        env_id=_with_module(env, env_id),
        max_episode_steps=limit,
        time_step=known or _DEFAULT_TIME_STEP,
        time_step_known=known is not None,
        states=states,
        observation_names=tuple(names),
        goal_names=tuple(goals),
        action_names=tuple(_action_names(core)),
        choices=tuple(f"choice_{number}" for number in range(choice_count(core) or 0)),
        action_low=low,
        action_high=high,
        reach=_reach(episodes),
        distance=float(np.median([np.linalg.norm(desired - achieved[0]) for _, achieved, desired in episodes])),
        tells_success=abilities.tells_success,
        follows_goal=abilities.follows_goal,
    )


def _with_module(env: GoalEnv, env_id: str) -> str:
    """The id with the package that registers it: another process may not have imported that yet."""
    entry = None if env.spec is None else env.spec.entry_point
    home = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    package = re.split("[.:]", home)[0]
    return env_id if ":" in env_id or package in ("", *_ALWAYS_THERE) else f"{package}:{env_id}"


def _episodes(env: GoalEnv, layout: Layout, steps: int, limit: int, seed: int) -> Iterator[tuple[Array, Array, Array]]:
    """Episodes of random actions, ``steps`` in all: observations and achieved goals, desired goal at the beginning."""
    rng = np.random.default_rng(seed)
    left = steps
    while left > 0:
        data, _ = env.reset(seed=int(rng.integers(1 << 31)))
        told = [data]
        for _ in range(min(limit, left)):
            data, _, terminated, truncated, _ = env.step(_random_action(env, rng))
            told.append(data)
            if terminated or truncated:
                break
        left -= len(told)
        states = np.stack([layout.state(data) for data in told])
        yield (
            states,
            np.stack([layout.achieved(data) for data in told]),
            layout.desired(told[0]),
        )


def _columns(observed: Array, achieved: Array) -> list[int] | None:
    """Which columns of the observation are the achieved goal; None unless all of it is there."""
    found: list[int] = []
    for goal in achieved.T:
        same = [i for i, column in enumerate(observed.T) if np.array_equal(column, goal) and i not in found]
        if not same:
            return None
        found.append(same[0])
    return found


def _reach(episodes: list[tuple[Array, Array, Array]]) -> Array:
    """Twice the largest way made in a subgoal period, within what was seen; at least a tenth of the way to goals."""
    ways = [np.abs(achieved[PERIOD:] - achieved[:-PERIOD]).max(axis=0, initial=0.0) for _, achieved, _ in episodes]
    seen = np.concatenate([achieved for _, achieved, _ in episodes])
    made = np.minimum(2 * np.max(ways, axis=0), np.ptp(seen, axis=0) / 2)
    goals = [np.abs(desired - achieved[0]) for _, achieved, desired in episodes]
    reach = np.maximum(made, 0.1 * np.max(goals, axis=0))
    return np.array([float(f"{value:.2g}") or 0.1 for value in reach])


def action_limits(env: GoalEnv) -> tuple[Array, Array]:
    """Limits of actions, (action_dim,) each; where the environment has none, -1 and 1; of choices the numbers.

    Raises:
        TaskError: there is nothing to choose.
    """
    space: Any = env.action_space
    if count := choice_count(env):
        low, high = np.zeros(1), np.full(1, count - 1.0)
    else:
        low, high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
        below, above = np.abs(low) < _NO_LIMIT, np.abs(high) < _NO_LIMIT
        # Open on one side only, two units from the other.
        low, high = (
            np.where(below, low, np.where(above, high - 2, -1)),
            np.where(above, high, np.where(below, low + 2, 1)),
        )
    fixed = np.flatnonzero(low >= high).tolist()
    if fixed:
        raise TaskError(
            f"actions are {space}, of which element {fixed[0]} is always {low[fixed[0]]:g}: there is nothing to learn; "
            "a wrapper (gymnasium.ActionWrapper) can leave it out"
        )
    return low, high


def _random_action(env: GoalEnv, rng: np.random.Generator) -> Any:  # noqa: ANN401 - as the environment wants it
    space: Any = env.action_space
    if count := choice_count(env):
        return space.dtype.type(space.start + rng.integers(count))
    return rng.uniform(*action_limits(env)).astype(space.dtype)


def _names(prefix: str, space: spaces.Space) -> list[str]:
    """A name for each number of a space, parts of a Dict by their keys."""
    if isinstance(space, spaces.Dict):
        return [name for key, part in space.spaces.items() for name in _names(key.replace(" ", "_"), part)]
    return [f"{prefix}_{i}" for i in range(int(np.prod(space.shape or ())))]


def _action_names(env: GoalEnv) -> list[str]:
    """The actuators of the MuJoCo model, where there are as many as actions and all have a name."""
    if choice_count(env):
        return ["choice"]
    count, simulation = int(np.prod(env.action_space.shape or ())), find_simulation(env)
    actuators = [] if simulation is None else [simulation.model.actuator(i).name for i in range(simulation.model.nu)]
    usable = len(set(actuators)) == count and all(actuators)
    return actuators if usable else [f"action_{i}" for i in range(count)]
