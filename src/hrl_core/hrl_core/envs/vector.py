"""Many copies of one environment, stepped by a few threads; each equals a single environment bit for bit.

Each copy keeps its own ``MjData`` and ``mj_step`` releases the interpreter lock, so that plain threads run in
parallel. ``mujoco.rollout`` would need one call instead of one per copy, but it cannot hand back the solver's
warm start, without which trajectories drift from the single environment's by rounding errors that contacts
amplify.
"""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from hrl_core.envs.abilities import find_goal_box, find_simulation
from hrl_core.envs.goal_env import GoalEnvironment, GoalStep
from hrl_core.envs.randomised_env import make_environment
from hrl_core.envs.stepping import Stepping
from hrl_core.errors import InvalidDataError
from hrl_core.randomisation import NONE, Randomisation
from hrl_core.randomness import episode_seed
from hrl_core.task.spec import TaskSpec

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_log = logging.getLogger(__name__)
_HEADLINE_KEY = 1
"""Random numbers of the choice of goals, apart from those of resets, which have the same seed."""
_DRAWN_GOALS = 100
"""Episodes begun to see where an environment draws its goals from, where it does not tell."""


class VectorStep(NamedTuple):
    """What a step led to, before any reset."""

    states: Array
    """Shape (num_envs, observation_dim); the real last state where an episode ended."""
    achieved: Array
    """Achieved goals there, shape (num_envs, goal_dim)."""
    rewards: Array
    terminated: Flags
    truncated: Flags
    successes: Flags
    """Where the task's success rule holds."""

    @property
    def ended(self) -> Flags:
        """Where an episode ended."""
        return self.terminated | self.truncated


class VectorEnv:
    """Auto-resetting copies of a task's environment.

    Copy i runs episodes i, i + num_envs, i + 2 num_envs, ... with the seeds that ``EnvRunner`` gives them.
    """

    def __init__(
        self,
        spec: TaskSpec,
        num_envs: int,
        seed: int,
        threads: int = 1,
        goals: Sequence[Sequence[float]] = (),
        stagger: bool = False,
        headline_share: float = 0.0,
        segment: int = 1,
        randomisation: Randomisation = NONE,
        first_episode: int = 0,
        threads_where_worth_it: bool = False,
    ) -> None:
        """Make the copies and reset them.

        Args:
            spec: the task.
            num_envs: number of copies.
            seed: seed of the run; every episode derives its own.
            threads: stepping threads.
            goals: task goal of each copy; empty: the environment draws one per episode.
            stagger: cut the first episode of copy i to a share of its length, so that resets spread over
                time.
            headline_share: share of episodes whose goal is the task's first evaluation goal.
            segment: steps of which first episodes are cut to a multiple, unless an episode is shorter.
            randomisation: how episodes differ.
            first_episode: number of the first copy's first one, where others run those before.
            threads_where_worth_it: whether the caller steps alone unless steps are found to be long.
        """
        if num_envs < 1:
            raise InvalidDataError(f"vector environment: {num_envs} environments; give 1 or more")
        if goals and len(goals) != num_envs:
            raise InvalidDataError(f"vector environment: {len(goals)} goals for {num_envs} environments")
        if headline_share and not spec.evaluation_goals:
            raise InvalidDataError(f"headline_goal_share: task '{spec.name}' has no evaluation goals; set it to 0")
        self.spec, self.num_envs, self.seed = spec, num_envs, seed
        self._headline_share = headline_share
        first = make_environment(spec, randomisation)
        others = (make_environment(spec, randomisation, first.abilities) for _ in range(num_envs - 1))
        self._envs = [first, *others]
        self._fixed = [np.array(goal, dtype=np.float64) for goal in goals]
        self._limits = np.full(num_envs, spec.max_episode_steps)
        if stagger:
            share = np.arange(1, num_envs + 1) * spec.max_episode_steps // num_envs
            # Whole segments, so that the cut leaves no short one behind.
            self._limits = np.minimum(np.maximum(share // segment, 1) * segment, spec.max_episode_steps)
        self._first_episode = first_episode
        self._episodes = first_episode + np.arange(num_envs)
        self._steps = np.zeros(num_envs, np.int64)
        self._saves_state = first.abilities.saves_state
        self._unsaid = spec.own_success and bool(spec.goal) and not spec.success.ends_episode
        """Whether an end with success would be news."""
        self._taken: list[list[Array]] = [[] for _ in range(num_envs)]
        """Actions of the present episodes, where environments cannot tell of themselves."""
        self._goes_on = True
        self._show([self._reset(i) for i in range(num_envs)])
        # Only MuJoCo is known to step in any thread, and to let others go on meanwhile.
        alone = threads_where_worth_it and find_simulation(first.env) is None
        self._stepping = Stepping(num_envs, 1 if alone else threads, threads_where_worth_it)

    @property
    def goals(self) -> Array:
        """Task goal of each copy's current episode, shape (num_envs, goal_dim)."""
        return np.stack([env.goal for env in self._envs])

    def set_goals(self, goals: Array) -> None:
        """Task goal of each copy (num_envs, goal_dim) from now on, in the present episode and those after it."""
        self._fixed = [goal.copy() for goal in goals]
        for env, goal in zip(self._envs, self._fixed, strict=True):
            env.set_goal(goal)

    @property
    def goals_given(self) -> bool:
        """Whether they were given; otherwise the environments chose them."""
        return bool(self._fixed)

    @property
    def goal_box(self) -> tuple[Array, Array]:
        """Corners of the box that training goals are drawn from, as the environment says or as it is seen to draw."""
        return self._goal_box

    @cached_property
    def _goal_box(self) -> tuple[Array, Array]:
        told = find_goal_box(self._envs[0].env)
        if told is not None:
            return told
        drawer = GoalEnvironment(self.spec, self._envs[0].abilities)
        seen = np.stack([drawer.reset(episode_seed(self.seed, k)).desired for k in range(_DRAWN_GOALS)])
        drawer.close()
        return seen.min(axis=0), seen.max(axis=0)

    @property
    def exact_resume(self) -> bool:
        """Whether the last ``load_state_dict`` went on within the episodes; otherwise it has begun new ones."""
        return self._goes_on

    @property
    def missing(self) -> list[str]:
        """What training does without in this environment, each in one line."""
        return self._envs[0].abilities.missing(self.spec.env_id)

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]:
        """Steps since the last reset of each copy."""
        return self._steps.copy()

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals (..., goal_dim)."""
        return self._envs[0].compute_reward(achieved_goal, desired_goal)

    def restart(self, first_episode: int | None = None) -> None:
        """Begin again with each copy's first episode, unstaggered; from another number on, if one is given."""
        self._first_episode = self._first_episode if first_episode is None else first_episode
        self._limits[:] = self.spec.max_episode_steps
        self._episodes = self._first_episode + np.arange(self.num_envs)
        self._show([self._reset(i) for i in range(self.num_envs)])

    def renew(self) -> None:
        """Begin the next episode of each copy, also where one is going on."""
        self._limits[:] = self.spec.max_episode_steps
        self._episodes += self.num_envs
        self._show([self._reset(i) for i in range(self.num_envs)])

    def step(self, actions: Array) -> VectorStep:
        """Apply actions (num_envs, action_dim), clipped, for one control period; reset what ended.

        Raises:
            InvalidDataError: as ``GoalEnvironment.step``; names the copy and its episode.
        """
        applied = np.clip(actions, self.spec.action_low, self.spec.action_high)
        if not self._saves_state:
            for before, action in zip(self._taken, applied, strict=True):
                before.append(action)
        taken: list[GoalStep] = [None] * self.num_envs  # pyright: ignore[reportAssignmentType] - filled in below

        def advance(i: int) -> None:
            try:
                taken[i] = self._envs[i].step(applied[i])
            except InvalidDataError as error:
                raise InvalidDataError(f"{error} ({self._where(i)})") from error

        self._stepping(advance)
        rewards = self._show(taken)
        self._steps += 1
        terminated = np.array([step.terminated for step in taken])
        cut = np.array([step.truncated for step in taken])
        truncated = (cut | (self._steps >= self._limits)) & ~terminated
        successes = np.array([bool(step.success) for step in taken])
        if self._unsaid and (successes & terminated).any():
            self._unsaid = False
            _log.warning(
                "task '%s': an episode of %s ended with success, of which the task says nothing: episodes under "
                "relabelled goals will end there as well; set success.ends_episode: true",
                self.spec.name,
                self.spec.env_id,
            )
        result = VectorStep(self.states, self.achieved, rewards, terminated, truncated, successes)
        for i in np.flatnonzero(result.ended):
            self._episodes[i] += self.num_envs
            self._limits[i] = self.spec.max_episode_steps
            taken[i] = self._reset(int(i))
        if result.ended.any():
            self._show(taken)
        return result

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything that later steps depend on, as arrays; where an environment cannot tell of itself, its actions."""
        counters = {"episodes": self._episodes.copy(), "steps": self._steps.copy(), "limits": self._limits.copy()}
        if self._fixed:
            counters["fixed"] = np.stack(self._fixed)
        if self._saves_state:
            return {"simulation": np.stack([env.simulation_state() for env in self._envs]), **counters}
        actions = np.zeros((self.num_envs, int(self._steps.max()), len(self.spec.action)))
        for row, taken in zip(actions, self._taken, strict=True):
            row[: len(taken)] = np.reshape(taken, (-1, actions.shape[2]))
        return {"actions": actions, "states": self.states.copy(), **counters}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken, or begin the episodes after those, see ``exact_resume``."""
        self._episodes, self._steps = state["episodes"].copy(), state["steps"].copy()
        self._limits = state["limits"].copy()
        # States of before hold none: they stay as they were made.
        self._fixed = [goal.copy() for goal in state["fixed"]] if "fixed" in state else self._fixed
        self._goes_on = True
        if "simulation" in state:
            self._show([env.restore(s) for env, s in zip(self._envs, state["simulation"], strict=True)])
        elif not self._repeat(state):
            self._goes_on = False
            self.renew()

    def close(self) -> None:
        """Stop the threads and free the copies."""
        self._stepping.close()
        for env in self._envs:
            env.close()

    def _show(self, steps: Sequence[GoalStep]) -> Array:
        """Make the states and achieved goals of these steps the present ones; returns their rewards, (num_envs,).

        Raises:
            InvalidDataError: as ``GoalEnvironment.check``; names the copy and its episode.
        """
        sizes = [(self.num_envs, len(elements)) for elements in (self.spec.observation, self.spec.goal)]
        try:
            told = [np.stack([step.state for step in steps]), np.stack([step.achieved for step in steps])]
            rewards = np.array([step.reward for step in steps])
            sound = [part.shape for part in told] == sizes and all(np.isfinite(part).all() for part in (*told, rewards))
        except ValueError:
            sound = False
        if not sound:
            self._blame(steps)
        self.states, self.achieved = told
        return rewards

    def _blame(self, steps: Sequence[GoalStep]) -> NoReturn:
        for i, (env, step) in enumerate(zip(self._envs, steps, strict=True)):
            try:
                env.check(step)
            except InvalidDataError as error:
                raise InvalidDataError(f"{error} ({self._where(i)})") from None
        raise AssertionError("nothing was wrong with any of them")

    def _reset(self, i: int) -> GoalStep:
        seed = episode_seed(self.seed, int(self._episodes[i]))
        self._steps[i] = 0
        self._taken[i] = []
        return self._envs[i].reset(seed, self._fixed[i] if self._fixed else self._headline(seed))

    def _repeat(self, state: dict[str, npt.NDArray]) -> bool:
        """Take the actions of the episodes again; whether that led to the same states, bit for bit."""
        if "actions" not in state:
            return False
        steps = [self._reset(i) for i in range(self.num_envs)]
        for i, count in enumerate(state["steps"].tolist()):
            self._taken[i] = list(state["actions"][i, :count].copy())
            for action in self._taken[i]:
                steps[i] = self._envs[i].step(action)
        self._steps = state["steps"].copy()
        self._show(steps)
        if np.array_equal(self.states, state["states"]):
            return True
        _log.warning(
            "%s comes to other states by the same seeds and actions: new episodes begin instead of going on within the "
            "old ones",
            self.spec.env_id,
        )
        return False

    def _headline(self, seed: int) -> Array | None:
        """The first evaluation goal in a share of the episodes, decided by the episode's seed; None: drawn as usual."""
        if not self._headline_share or np.random.default_rng((seed, _HEADLINE_KEY)).random() >= self._headline_share:
            return None
        return np.array(self.spec.evaluation_goals[0])

    def _where(self, i: int) -> str:
        episode = int(self._episodes[i])
        return f"environment {i}, episode {episode}, seed {episode_seed(self.seed, episode)}, step {self._steps[i]}"
