"""A hierarchy in each of several environments that are stepped together: what they tell becomes observations."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.messages import NO_VECTOR, ActionSource, Mode, Observation, Vector
from hrl_core.task.spec import TaskSpec

Array = npt.NDArray[np.float64]
_RECORDED = ("state", "achieved_goal", "desired_goal", "reward", "success", "applied_action")


class VectorHierarchy:
    """Acts in vector environments by the very sessions of the nodes, and keeps a record of each episode."""

    def __init__(self, spec: TaskSpec, mode: Mode, envs: Environments) -> None:
        """Act nowhere yet: see ``begin``."""
        self._spec, self._mode, self._envs = spec, mode, envs
        self._hash, self._nanoseconds = spec.hash64, round(spec.control_period * 1e9)
        middle = (spec.action_low + spec.action_high) / 2
        self._middle = np.floor(middle) if spec.choices else middle
        self._hierarchies: list[Hierarchy | None] = [None] * envs.num_envs
        self._records = [EpisodeRecord() for _ in range(envs.num_envs)]
        self._present: list[Observation | None] = [None] * envs.num_envs
        """What is still to be answered; None: nobody acts there."""
        self._actions = self._idle()

    def begin(self, env: int, episode: int, hierarchy: Hierarchy) -> None:
        """Act, from now on by ``hierarchy``, in the episode that an environment has been reset to."""
        self._hierarchies[env], self._records[env] = hierarchy, EpisodeRecord()
        told = (self._envs.states[env], self._envs.achieved[env], self._envs.goals[env])
        self._present[env] = self._observation(episode, 0, told)

    def act(self) -> Array:
        """Actions (num_envs, action_dim) at the present observations; the middle of the range where nobody acts."""
        for env, (hierarchy, observation) in enumerate(zip(self._hierarchies, self._present, strict=True)):
            if hierarchy is None or observation is None:
                continue
            action = self._records[env].answer(hierarchy, observation)
            if action is not None:
                self._actions[env] = np.clip(action.value, self._spec.action_low, self._spec.action_high)
        return self._actions

    def observe(self, step: Step) -> dict[int, EpisodeRecord]:
        """Take in what the actions led to; records of the episodes that ended, by environment."""
        ended: dict[int, EpisodeRecord] = {}
        applied, self._actions = self._actions, self._idle()
        goals, over = self._envs.goals, step.ended
        for env, (hierarchy, before) in enumerate(zip(self._hierarchies, self._present, strict=True)):
            if hierarchy is None or before is None:
                continue
            # The goals of environments that have been reset are already those of the next episode.
            goal = before.desired_goal if over[env] else goals[env]
            told = (step.states[env], step.achieved[env], goal)
            present = self._observation(before.episode, before.step + 1, told)._replace(
                reward=float(step.rewards[env]),
                success=bool(step.successes[env]),
                terminated=bool(step.terminated[env]),
                truncated=bool(step.truncated[env]),
                applied_action=applied[env],
            )
            self._present[env] = present
            if over[env]:
                self._records[env].answer(hierarchy, present)
                ended[env] = self._records[env]
                self._hierarchies[env], self._records[env], self._present[env] = None, EpisodeRecord(), None
        return ended

    def episode(self, env: int) -> dict[str, npt.NDArray]:
        """The observations of the present episode as arrays, for ``replay``."""
        present = self._present[env]
        told = self._records[env].observations + ([] if present is None else [present])
        # The first one has no action before it.
        columns = {name: [getattr(o, name) for o in told[name == "applied_action" :]] for name in _RECORDED}
        return {name: np.array(column) for name, column in columns.items()}

    def replay(self, env: int, number: int, hierarchy: Hierarchy, told: Mapping[str, Any]) -> None:
        """Have a fresh hierarchy live through ``episode`` again, so that it goes on as the one that has lived it."""
        self._hierarchies[env], self._records[env] = hierarchy, EpisodeRecord()
        observations = [self._told_again(number, step, told) for step in range(len(told["reward"]))]
        for observation in observations[:-1]:
            self._records[env].answer(hierarchy, observation)
        self._present[env] = observations[-1]

    def _idle(self) -> Array:
        return np.tile(self._middle, (self._envs.num_envs, 1))

    def _told_again(self, episode: int, step: int, told: Mapping[str, Any]) -> Observation:
        vectors = told["state"][step], told["achieved_goal"][step], told["desired_goal"][step]
        observation = self._observation(episode, step, vectors)
        return observation._replace(
            reward=float(told["reward"][step]),
            success=bool(told["success"][step]),
            applied_action=told["applied_action"][step - 1] if step else NO_VECTOR,
        )

    def _observation(self, episode: int, step: int, told: tuple[Vector, Vector, Vector]) -> Observation:
        state, achieved, desired = told
        return Observation(
            stamp=step * self._nanoseconds,
            frame=self._spec.frame,
            run=0,
            robot="",
            episode=episode,
            step=step,
            state=state,
            achieved_goal=achieved,
            desired_goal=desired,
            reward=0.0,
            success=step == 0 and self._spec.succeeded(achieved, desired),
            first=step == 0,
            terminated=False,
            truncated=False,
            mode=self._mode,
            applied_action=NO_VECTOR,
            action_source=ActionSource.POLICY,
            task_hash=self._hash,
        )
