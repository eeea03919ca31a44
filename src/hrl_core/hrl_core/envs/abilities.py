"""What an environment may offer beyond Gymnasium's API, and the one place that looks for it.

Asked of every environment: an observation, alone or with achieved_goal and desired_goal; reset(seed), step(action).
Everything here is optional. What is missing is known before anything starts and is said in one line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from hrl_core.envs.layout import Layout
from hrl_core.envs.making import GoalEnv
from hrl_core.messages import Vector

_OF_MAKE = (TimeLimit, OrderEnforcing, PassiveEnvChecker)
"""What ``gymnasium.make`` puts around an environment, outermost first."""
SUCCESS_KEYS = ("is_success", "success")
"""Names in ``info`` under which environments tell of success, the first by convention."""


class Simulation(NamedTuple):
    """MuJoCo behind an environment."""

    model: mujoco.MjModel
    data: mujoco.MjData


@dataclass(frozen=True)
class Abilities:
    """What one environment can do."""

    follows_goal: bool
    """Its attribute ``goal`` is the task goal, and may be written."""
    tells_success: bool
    """``info["is_success"]`` comes with every step."""
    rewards_goals: bool
    """``compute_reward`` is there: the reward of any achieved goal under any task goal."""
    rewards_batches: bool
    """It takes many of them at a time."""
    saves_state: bool
    """``simulation_state()`` and ``restore(state)``: a resumed run need not take its episodes' actions again."""
    rewards_differ: str = ""
    """What ``compute_reward`` said of a step, and what the step had paid; empty where they agree."""

    def missing(self, env_id: str) -> list[str]:
        """What a training run does without, each in one line."""
        slow = f"compute_reward of {env_id} takes one goal at a time: relabelling task goals is slow"
        other = f"compute_reward of {env_id} is not what it pays ({self.rewards_differ}): under relabelled task goals"
        lines = [slow] if self.rewards_goals and not self.rewards_batches else []
        return [*lines, f"{other} rewards are others than those lived"] if self.rewards_differ else lines


def bare(env: GoalEnv) -> GoalEnv:
    """Take off what ``gymnasium.make`` put around it, which counts steps that are counted here; the user's own stay."""
    for wrapper in _OF_MAKE:
        if isinstance(env, wrapper):
            env = env.env
    return env


def find_simulation(env: GoalEnv) -> Simulation | None:
    """MuJoCo model and data of an environment, None where it has none."""
    base: Any = env.unwrapped
    model, data = getattr(base, "model", None), getattr(base, "data", None)
    return Simulation(model, data) if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData) else None


def instabilities(env: GoalEnv) -> Sequence[int]:
    """How often MuJoCo found positions, speeds and accelerations to be no numbers since the reset, as it counts on.

    Of an environment without MuJoCo none.
    """
    simulation = find_simulation(env)
    if simulation is None:
        return ()
    first = int(mujoco.mjtWarning.mjWARN_BADQPOS)
    # A view of what MuJoCo counts in, and a tenth of the time that NumPy takes to look at three numbers.
    return memoryview(simulation.data.warning.number[first : first + 3])


def nothing() -> Simulation:
    """The empty world of an environment without MuJoCo."""
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    return Simulation(model, mujoco.MjData(model))


def find_goal_box(env: GoalEnv) -> tuple[np.ndarray, np.ndarray] | None:
    """Corners of the box that an environment draws its goals from, where it tells of one."""
    base: Any = env.unwrapped
    low, high = getattr(base, "goal_low", None), getattr(base, "goal_high", None)
    return None if low is None or high is None else (np.asarray(low), np.asarray(high))


def told_success(info: dict[str, Any]) -> bool | None:
    """The environment's own word on success; None: it says nothing."""
    return next((bool(info[key]) for key in SUCCESS_KEYS if key in info), None)


def find_abilities(env: GoalEnv, layout: Layout) -> Abilities:
    """Look what an environment can do; it is reset and takes a step."""
    another = layout.desired(env.reset(seed=1)[0])
    data, _ = env.reset(seed=0)
    follows = _follows(env, layout, data, another)
    told, paid, _, _, info = env.step(_some_action(env.action_space))
    # Who keeps a copy of the goal pursues that from the next step on.
    follows = follows and np.array_equal(layout.desired(told), another)
    rewards = layout.has_goals and env.has_wrapper_attr("compute_reward")
    return Abilities(
        follows_goal=follows,
        tells_success=told_success(info) is not None,
        rewards_goals=rewards,
        rewards_batches=rewards and _rewards_batches(env, layout, told),
        saves_state=all(hasattr(env, name) for name in ("simulation_state", "restore")),
        rewards_differ=_difference(env, told, float(paid), info) if rewards else "",
    )


def _difference(env: GoalEnv, told: dict[str, Any], paid: float, info: dict[str, Any]) -> str:
    """Of a step, what ``compute_reward`` says and what it paid; empty where they agree, but for rounding."""
    compute = env.get_wrapper_attr("compute_reward")
    try:
        worth = float(compute(told["achieved_goal"], told["desired_goal"], info))
    except Exception:  # somebody else's code; where it is called in earnest it is told
        return ""
    return "" if math.isclose(worth, paid, rel_tol=1e-4, abs_tol=1e-6) else f"{worth:g} of a step that paid {paid:g}"


def _some_action(space: Any) -> Any:  # noqa: ANN401 - a Box or Discrete, as every environment here has it
    """The first choice, or one, or what is nearest to it: it shows what action costs."""
    if isinstance(space, spaces.Discrete):
        return space.start
    return np.ones(space.shape).clip(space.low, space.high).astype(space.dtype)


def _follows(env: GoalEnv, layout: Layout, data: Any, another: Vector) -> bool:  # noqa: ANN401 - as the environment has it
    """Whether ``goal`` is what the observation calls desired_goal: wrappers may have changed the latter.

    It is left at ``another`` goal (goal_dim,).
    """
    if not layout.has_goals:
        return False
    base: Any = env.unwrapped
    try:
        # In the precision that observations have.
        goal = layout.environment_goal(layout.goal(base.goal))
        base.goal = layout.environment_goal(another)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return np.array_equal(layout.goal(goal), layout.desired(data))


def _rewards_batches(env: GoalEnv, layout: Layout, data: dict[str, Any]) -> bool:
    if not layout.goals_are_vectors:
        return False
    compute = env.get_wrapper_attr("compute_reward")
    pair = [np.stack([data[key]] * 2) for key in ("achieved_goal", "desired_goal")]
    try:
        one = float(compute(data["achieved_goal"], data["desired_goal"], {}))
        both = np.asarray(compute(*pair, {}), np.float64)
    except Exception:  # somebody else's code, asked for what it need not be able to do
        return False
    return both.shape == (2,) and bool(np.allclose(both, one))


def time_step(env: GoalEnv) -> float | None:
    """Environment time per step [s], from ``dt`` or the frame rate; None: unknown."""
    base: Any = env.unwrapped
    rate = (env.metadata or {}).get("render_fps")
    try:
        return float(base.dt) if hasattr(base, "dt") else 1 / float(rate) if rate else None
    except (TypeError, ValueError, gymnasium.error.Error):
        return None
