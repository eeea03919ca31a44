"""Many copies of one environment, stepped by a few threads; each equals a single environment bit for bit.

Each copy keeps its own ``MjData`` and ``mj_step`` releases the interpreter lock, so that plain threads run in
parallel. ``mujoco.rollout`` would need one call instead of one per copy, but it cannot hand back the solver's
warm start, without which trajectories drift from the single environment's by rounding errors that contacts
amplify.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hrl_core.envs.runner import make_env
from hrl_core.errors import InvalidDataError
from hrl_core.randomness import episode_seed
from hrl_core.task import TaskSpec

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_HEADLINE_KEY = 1
"""Random numbers of the choice of goals, apart from those of resets, which have the same seed."""


class TrainingEnv(Protocol):
    """What an environment offers beyond Gymnasium's interface."""

    goal: Array
    goal_low: Array
    goal_high: Array

    def compute_reward(self, achieved_goal: Array, desired_goal: Array, info: object) -> Array:
        """Reward of achieved goals, batched along leading axes."""
        ...

    def simulation_state(self) -> Array:
        """Everything that stepping depends on."""
        ...

    def restore(self, state: Array) -> Array:
        """Go back to a state; return the observation vector."""
        ...


class VectorStep(NamedTuple):
    """What a step led to, before any reset."""

    states: Array
    """Shape (num_envs, observation_dim); the real last state where an episode ended."""
    rewards: Array
    terminated: Flags
    truncated: Flags

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
        """
        if goals and len(goals) != num_envs:
            raise InvalidDataError(f"vector environment: {len(goals)} goals for {num_envs} environments")
        if headline_share and not spec.evaluation_goals:
            raise InvalidDataError(f"headline_goal_share: task '{spec.name}' has no evaluation goals; set it to 0")
        self.spec, self.num_envs, self.seed = spec, num_envs, seed
        self._headline_share = headline_share
        self._envs = [make_env(spec).unwrapped for _ in range(num_envs)]
        self._fixed = [np.array(goal, dtype=np.float64) for goal in goals]
        self._limits = np.full(num_envs, spec.max_episode_steps)
        if stagger:
            period = spec.subgoal.period
            share = np.arange(1, num_envs + 1) * spec.max_episode_steps // num_envs
            # Whole subgoal periods, so that the cut leaves no short segment behind.
            self._limits = np.maximum(share // period, 1) * period
        self._episodes = np.arange(num_envs)
        self._steps = np.zeros(num_envs, np.int64)
        self.states = np.stack([self._reset(i) for i in range(num_envs)])
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._chunks = [range(k, num_envs, threads) for k in range(threads)]

    @property
    def goals(self) -> Array:
        """Task goal of each copy's current episode, shape (num_envs, goal_dim)."""
        return np.stack([self._training_env(i).goal for i in range(self.num_envs)])

    @property
    def goal_box(self) -> tuple[Array, Array]:
        """Corners of the box that training goals are drawn from."""
        env = self._training_env(0)
        return env.goal_low, env.goal_high

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]:
        """Steps since the last reset of each copy."""
        return self._steps.copy()

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals (..., goal_dim)."""
        return self._training_env(0).compute_reward(achieved_goal, desired_goal, {})

    def restart(self) -> None:
        """Begin again with each copy's first episode, unstaggered."""
        self._limits[:] = self.spec.max_episode_steps
        self._episodes = np.arange(self.num_envs)
        self.states = np.stack([self._reset(i) for i in range(self.num_envs)])

    def step(self, actions: Array) -> VectorStep:
        """Apply actions (num_envs, action_dim), clipped, for one control period; reset what ended.

        Raises:
            InvalidDataError: a state is not finite; names the copy and its episode.
        """
        applied = np.clip(actions, self.spec.action_low, self.spec.action_high)
        states, rewards = np.empty_like(self.states), np.empty(self.num_envs)
        terminated = np.zeros(self.num_envs, np.bool_)

        def advance(chunk: range) -> None:
            for i in chunk:
                data, reward, ended, _, _ = self._envs[i].step(applied[i])
                states[i], rewards[i], terminated[i] = data["observation"], reward, ended

        if self._pool is None:
            advance(range(self.num_envs))
        else:
            list(self._pool.map(advance, self._chunks))
        self._check(states)
        self._steps += 1
        truncated = (self._steps >= self._limits) & ~terminated
        self.states = states.copy()
        for i in np.flatnonzero(terminated | truncated):
            self._episodes[i] += self.num_envs
            self._limits[i] = self.spec.max_episode_steps
            self.states[i] = self._reset(int(i))
        return VectorStep(states, rewards, terminated, truncated)

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything that later steps depend on, as arrays."""
        return {
            "simulation": np.stack([self._training_env(i).simulation_state() for i in range(self.num_envs)]),
            "episodes": self._episodes.copy(),
            "steps": self._steps.copy(),
            "limits": self._limits.copy(),
        }

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._episodes, self._steps = state["episodes"].copy(), state["steps"].copy()
        self._limits = state["limits"].copy()
        self.states = np.stack([self._training_env(i).restore(s) for i, s in enumerate(state["simulation"])])

    def close(self) -> None:
        """Stop the threads and free the copies."""
        if self._pool is not None:
            self._pool.shutdown()
        for env in self._envs:
            env.close()

    def _training_env(self, i: int) -> TrainingEnv:
        return self._envs[i]  # pyright: ignore[reportReturnType]

    def _reset(self, i: int) -> Array:
        seed = episode_seed(self.seed, int(self._episodes[i]))
        goal = self._fixed[i] if self._fixed else self._headline(seed)
        data, _ = self._envs[i].reset(seed=seed, options={} if goal is None else {"goal": goal})
        self._steps[i] = 0
        return data["observation"]

    def _headline(self, seed: int) -> Array | None:
        """The first evaluation goal in a share of the episodes, decided by the episode's seed; None: drawn as usual."""
        if not self._headline_share or np.random.default_rng((seed, _HEADLINE_KEY)).random() >= self._headline_share:
            return None
        return np.array(self.spec.evaluation_goals[0])

    def _check(self, states: Array) -> None:
        bad = np.flatnonzero(~np.isfinite(states).all(axis=1))
        if bad.size:
            i = int(bad[0])
            raise InvalidDataError(
                f"the simulation of environment {i} became non-finite in episode {self._episodes[i]}, "
                f"step {self._steps[i]} (seed {episode_seed(self.seed, int(self._episodes[i]))})"
            )
