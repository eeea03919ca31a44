"""One environment as a task sees it: vectors in, vectors out, with a goal or without."""

import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt

from hrl_core.envs.abilities import Abilities, bare, find_abilities, instabilities, told_success
from hrl_core.envs.layout import Layout
from hrl_core.envs.making import described, make_env
from hrl_core.errors import HrlError, InvalidDataError, TaskError
from hrl_core.messages import Vector
from hrl_core.task.given_commands import GivenCommands
from hrl_core.task.spec import TaskSpec

_log = logging.getLogger(__name__)


class GoalStep(NamedTuple):
    """What a reset or step led to."""

    state: Vector
    """Shape (observation_dim,)."""
    achieved: Vector
    """Shape (goal_dim,), like ``desired``."""
    desired: Vector
    reward: float
    terminated: bool
    truncated: bool
    success: bool | None
    """Whether the task's success rule holds; None at a reset of a task with a radius or tolerances of its own."""


class GoalEnvironment:
    """Resets and steps one environment."""

    def __init__(self, spec: TaskSpec, abilities: Abilities | None = None, render_mode: str | None = None) -> None:
        """Make the environment.

        Args:
            spec: the task.
            abilities: of this environment, where a copy has been asked already; None: ask this one.
            render_mode: how pictures are made; None: as the task says.

        Raises:
            TaskError: it cannot be made, does not fit, or tells no success where the task relies on it.
        """
        self.spec = spec
        self.env = make_env(spec, render_mode)
        self._core = bare(self.env)
        self._layout = Layout(self._core.observation_space, spec.told_by_environment)
        self._given = GivenCommands(spec)
        self._own_success = spec.own_success
        try:
            self.abilities = abilities or self._guarded(find_abilities, self._core, self._layout)
            self._require_success()
        except HrlError:
            self.close()
            raise
        self._unstable = instabilities(self.env)
        self._whole: GoalStep | None = None
        """The newest step of a simulation that is what it seems."""
        self._imposed: Vector | None = None
        self.goal = np.zeros(self._layout.sizes[1])
        """Task goal of the present episode, shape (goal_dim,)."""

    def reset(self, seed: int, goal: Vector | None = None) -> GoalStep:
        """Start an episode; ``goal`` (goal_dim,) takes the place of the one the environment has chosen."""
        self._imposed = None
        self._given.begin()
        data, info = self._guarded(self._core.reset, seed=seed)
        self._whole = step = self._told(data, 0.0, False, False, info)
        self._counted = list(self._unstable)
        self.goal = step.desired
        if goal is None:
            return step
        self.set_goal(goal)
        return step._replace(desired=self.goal)

    def set_goal(self, goal: Vector) -> None:
        """Pursue another task goal (goal_dim,) from the next step on.

        Raises:
            TaskError: the environment can be told no goal, nor what it would be worth.
        """
        self.require_other_goals()
        wanted = self._layout.environment_goal(goal)
        if self.abilities.follows_goal:
            base: Any = self._core.unwrapped
            base.goal = wanted
        else:
            self._imposed = self._layout.goal(wanted)
        self.goal = self._layout.goal(wanted)

    def require_other_goals(self) -> None:
        """Raise ``TaskError`` where the environment can be told no goal, nor what it would be worth."""
        if not (self.abilities.follows_goal or self._imposes):
            lacks = "compute_reward" if not self.abilities.rewards_goals else "a success.radius in the task"
            raise TaskError(
                f"task '{self.spec.name}': {self.spec.env_id} pursues its own goals only: it has no attribute 'goal', "
                f"and without it other goals need {lacks}; leave the goal out, and evaluation_goals empty"
            )

    def step(self, action: Vector) -> GoalStep:
        """Apply an action (action_dim,) within its limits, or the number of a choice (1,), for one control period.

        Raises:
            InvalidDataError: the environment failed; names where. Or there is no such choice.
        """
        self._given.give(action)
        return self._take(action)

    def _take(self, action: Vector) -> GoalStep:
        """Have an action take effect, whichever was given."""
        data, reward, terminated, truncated, info = self._guarded(self._core.step, self._applied(action))
        if list(self._unstable) != self._counted:
            return self._cut_off()
        step = self._told(data, float(reward), bool(terminated), bool(truncated), info)
        if self._imposed is not None:
            step = self._under(self._imposed, step)
        self.goal = step.desired
        self._whole = step = self._judged(step)
        return step

    def _cut_off(self) -> GoalStep:
        """End an episode where it was before its simulation blew up.

        MuJoCo has put it back to its beginning since, and gone on from there: a leap that nobody is to learn from.
        """
        _log.warning(
            "the simulation of %s blew up (a position, speed or acceleration is no number); its episode is cut off a "
            "step before",
            self.spec.env_id,
        )
        assert self._whole is not None
        return self._judged(self._whole._replace(desired=self.goal, terminated=False, truncated=True))

    def _under(self, imposed: Vector, step: GoalStep) -> GoalStep:
        """What a step is under a goal (goal_dim,) that the environment knows nothing of.

        Where it ends an episode because its own goal is reached, nothing has ended under another one.
        """
        worth = float(self.compute_reward(step.achieved, imposed))
        own = step.terminated and bool(self.spec.success_holds(step.achieved, step.desired))
        cut = {"terminated": False, "truncated": True} if own else {}
        return step._replace(desired=imposed, reward=worth, **cut)

    def compute_reward(self, achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray:
        """Reward of achieved goals (..., goal_dim) under task goals of a shape that broadcasts with them.

        Raises:
            TaskError: the environment has no ``compute_reward``.
        """
        if not self.abilities.rewards_goals:
            raise TaskError(
                f"{self.spec.env_id} has no compute_reward: goals cannot be relabelled; set relabel_goals_* to 0"
            )
        compute = self._core.get_wrapper_attr("compute_reward")
        achieved, desired = np.broadcast_arrays(achieved, desired)
        if self.abilities.rewards_batches:
            # Element after element in memory, as a store of episodes hands them over: norms are quickest so.
            rows = [np.moveaxis(part, -1, 0).reshape(part.shape[-1], -1).T for part in (achieved, desired)]
            return np.asarray(self._guarded(compute, *rows, {})).reshape(achieved.shape[:-1])
        worth = np.empty(achieved.shape[:-1])
        for at in np.ndindex(worth.shape):
            pair = (self._layout.environment_goal(part[at]) for part in (achieved, desired))
            worth[at] = self._guarded(compute, *pair, {})
        return worth

    def check(self, step: GoalStep) -> None:
        """Raise ``InvalidDataError`` unless a reset or step told vectors of finite numbers of the task's sizes."""
        self.spec.check_state(step.state, f"observation of {self.spec.env_id}")
        self.spec.check_goal(step.achieved, f"achieved goal of {self.spec.env_id}")
        if not math.isfinite(step.reward):
            raise InvalidDataError(f"{self.spec.env_id} pays a reward of {step.reward}")

    def simulation_state(self) -> Vector:
        """Everything that stepping depends on; only where ``abilities.saves_state``."""
        core: Any = self._core
        own = core.simulation_state()
        imposed = (self._imposed is not None, *self.goal) if self._imposes else ()
        return np.concatenate((own, self._given.state(), imposed)) if self._given or imposed else own

    def restore(self, state: Vector) -> GoalStep:
        """Go back to a ``simulation_state``."""
        core: Any = self._core
        rest = len(state) - (1 + self.goal.size if self._imposes else 0)
        own = rest - self._given.state_size
        self._given.restore(state[own:rest])
        step = self._told(core.restore(state[:own]), 0.0, False, False, {})
        self._imposed = state[rest + 1 :].copy() if self._imposes and state[rest] else None
        self.goal = step.desired if self._imposed is None else self._imposed
        self._counted = list(self._unstable)
        self._whole = step = step._replace(desired=self.goal)
        return step

    def render(self) -> npt.NDArray[np.uint8]:
        """The environment's own picture of now, shape (height, width, 3).

        Raises:
            InvalidDataError: it makes none.
        """
        picture = self._guarded(self._core.render)
        if not isinstance(picture, np.ndarray) or picture.ndim != 3:
            raise InvalidDataError(f"{self.spec.env_id} makes no pictures (render_mode rgb_array)")
        return picture

    def close(self) -> None:
        """Free the environment."""
        self.env.close()

    @property
    def _imposes(self) -> bool:
        """Whether goals that are given are judged here, as the environment takes none."""
        return not self.abilities.follows_goal and self.abilities.rewards_goals and not self._own_success

    def _applied(self, action: Vector) -> Any:  # noqa: ANN401 - as the environment wants it
        space: Any = self._core.action_space
        if self.spec.choices:
            self.spec.check_action(action)
            return space.dtype.type(action[0] + space.start)
        # Cut off, whole numbers would hardly ever be the largest ones.
        whole = np.rint(action) if np.issubdtype(space.dtype, np.integer) else action
        return whole.astype(space.dtype, copy=False)

    def _told(self, data: Any, reward: float, terminated: bool, truncated: bool, info: Any) -> GoalStep:  # noqa: ANN401 - as the environment has it
        layout = self._layout
        goals = layout.achieved(data), layout.desired(data)
        success = bool(told_success(info)) if self._own_success else None
        state = layout.state(data)
        state = np.concatenate((state, self._given.observed)) if self._given else state
        return GoalStep(state, *goals, reward, terminated, truncated, success)

    def _judged(self, step: GoalStep) -> GoalStep:
        """The step with what the task makes of it: success, and the end of an episode that is done with it."""
        spec, success = self.spec, step.success
        if success is None:
            success = spec.succeeded(step.achieved, step.desired)
        return step._replace(success=success, terminated=step.terminated or (success and spec.success.ends_episode))

    def _require_success(self) -> None:
        if self._own_success and not self.abilities.tells_success:
            raise TaskError(
                f"task '{self.spec.name}': success.radius 0 leaves success to the environment, and {self.spec.env_id} "
                "tells none in info['is_success']; give a radius"
            )

    def _guarded(self, call: Callable[..., Any], *values: Any, **named: Any) -> Any:  # noqa: ANN401 - of others
        """Call into code of others; what it raises becomes one sentence."""
        try:
            return call(*values, **named)
        except HrlError:
            raise
        except gymnasium.error.DependencyNotInstalled as error:
            raise InvalidDataError(f"{self.spec.env_id} lacks a package for that: {error}") from error
        except Exception as error:
            raise InvalidDataError(f"{self.spec.env_id} failed: {described(error)}") from error
