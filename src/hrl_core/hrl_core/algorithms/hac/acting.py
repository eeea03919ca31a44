"""Acts while training, by the very sessions of a running graph: each episode with the policy that it began with."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.protocols import LevelWeights, acting_weights
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode
from hrl_core.prefixed import below
from hrl_core.task.spec import TaskSpec

Policy = Mapping[str, LevelWeights]


class Acting:
    """A hierarchy in each environment, made anew from the present weights for every episode."""

    def __init__(
        self,
        task: TaskSpec,
        hierarchy: HierarchySpec,
        envs: Environments,
        seed: int,
        policy: Callable[[], Policy],
    ) -> None:
        """Begin with the first step.

        Args:
            task: the task.
            hierarchy: of the policy.
            envs: what is acted in.
            seed: of the run, for exploration.
            policy: asked for the present weights.
        """
        self._task, self._hierarchy, self._envs, self._seed, self._policy = task, hierarchy, envs, seed, policy
        self._actors = VectorHierarchy(task, Mode.TRAIN, envs)
        self._episodes = list(range(envs.num_envs))
        self._begun: list[Policy | None] = [None] * envs.num_envs
        """What each acts by; None: its episode is still to begin."""

    def act(self) -> npt.NDArray[np.float64]:
        """Actions (num_envs, action_dim), exploring."""
        for env, begun in enumerate(self._begun):
            if begun is None:
                self._begun[env] = policy = self._policy()
                self._actors.begin(env, self._episodes[env], self._checkpoint(policy).stack(self._seed))
        return self._actors.act()

    def observe(self, step: Step) -> list[EpisodeRecord]:
        """Take in what the actions led to; returns the episodes that ended."""
        ended = self._actors.observe(step)
        for env in ended:
            self._begun[env] = None
            self._episodes[env] += self._envs.num_envs
        return list(ended.values())

    def state_dict(self) -> dict[str, Any]:
        """Numbers of the episodes; of each that is under way, its policy and its observations."""
        state: dict[str, Any] = {"episodes": list(self._episodes)}
        for env, policy in enumerate(self._begun):
            if policy is not None:
                state |= {f"{env}.policy.{name}": array for name, array in acting_weights(policy).items()}
                state |= {f"{env}.told.{name}": array for name, array in self._actors.episode(env).items()}
                state[f"{env}.updates"] = {party: level.updates for party, level in policy.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; environments and networks have been restored before.

        Where the environments begin new episodes instead, so do those who act.
        """
        self._episodes = list(state["episodes"])
        for env in range(self._envs.num_envs):
            self._begun[env] = None
            if f"{env}.updates" not in state:
                continue
            if not self._envs.exact_resume:
                self._episodes[env] += self._envs.num_envs
                continue
            updates, weights = state[f"{env}.updates"], below(f"{env}.policy.", state)
            self._begun[env] = policy = {
                party: LevelWeights(level.actor, below(f"{party}.", weights), updates[party])
                for party, level in self._policy().items()
            }
            hierarchy, told = self._checkpoint(policy).stack(self._seed), below(f"{env}.told.", state)
            self._actors.replay(env, self._episodes[env], hierarchy, told)

    def _checkpoint(self, policy: Policy) -> Checkpoint:
        return Checkpoint(
            task=self._task,
            hierarchy=self._hierarchy,
            algorithm="hac",
            trained=True,
            version=policy["worker"].updates,
            env_steps=0,
            seed=self._seed,
            git_commit="",
            actors={party: level.actor for party, level in policy.items()},
            weights=acting_weights(policy),
        )
