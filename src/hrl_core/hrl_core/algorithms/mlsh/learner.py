"""MLSH (arXiv 1710.09767, algorithm 1) in training environments: PPO at both levels.

For each task: a new master theta; W updates of theta alone; U updates of theta and of the skills phi; the next task.
Groups do so side by side.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.choices import Choices, Lived, segments, take_lived, with_choices
from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.groups import Group
from hrl_core.algorithms.mlsh.lived import lessons
from hrl_core.algorithms.mlsh.skills import make_skills, policy_levels
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.algorithms.skill_shapes import chooser_shapes
from hrl_core.environments import Environments, Step
from hrl_core.errors import HrlError
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.networks.heads import make_head
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]

_MASTERS = 1
"""Of the run's seed: the stream of random numbers of the masters' choices, apart from that of the actions."""


class MlshLearner:
    """Masters of a group each, over skills that all share."""

    def __init__(self, task: TaskSpec, config: MlshConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: the environments cannot be dealt among the groups, or the switches do not fit the task.
        """
        if envs.num_envs % config.groups:
            raise HrlError(f"num_envs {envs.num_envs} cannot be dealt among {config.groups} groups: give a multiple")
        goals = config.goals(task)
        self._task, self._config, self._envs = task, config, envs
        self._each = envs.num_envs // config.groups
        self._shapes = chooser_shapes(task, config)
        self.skills = make_skills(task, config, seed)
        self.groups = [Group(g, config, self._shapes, goals, seed) for g in range(config.groups)]
        self._steps = config.rollout_steps or task.max_episode_steps
        self._actions = np.zeros((envs.num_envs, len(task.action)))
        self._buffer = RolloutBuffer(envs.num_envs, self._steps, len(task.observation), self._actions.shape[1] + 2)
        self._choices = Choices(envs.num_envs, config.horizon, np.random.default_rng((seed, _MASTERS)))
        self._rng = np.random.default_rng(seed)
        self._inputs = to_float32(envs.states)
        self.updates = 0
        self._heads = self._skill_heads()
        self._tell_goals()

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments, drawn, not clipped; skills are chosen where that is due."""
        # Not before: what is kept of a run are masters that have learned their task.
        begun = [group.go_on() for group in self.groups]
        if any(begun):
            self._tell_goals()
        self._inputs = to_float32(self._envs.states)
        due = self._choices.due
        for group, envs in self._dealt():
            chosen = np.flatnonzero(due[envs]) + envs.start
            self._choices.choose(chosen, group.master.act(torch.from_numpy(self._inputs[chosen])).numpy())
        outputs: dict[int, npt.NDArray] = {}
        for k, skill in enumerate(self.skills):
            mask = self._choices.skills == k
            rows = skill.act(torch.from_numpy(self._inputs[mask])).numpy()
            outputs |= dict(zip(np.flatnonzero(mask).tolist(), rows, strict=True))
        for env, k in enumerate(self._choices.skills):
            self._actions[env], _ = self._heads[k].draw(outputs[env], self._rng)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to."""
        next_states, acted = to_float32(step.states), with_choices(self._actions, self._choices)
        self._buffer.add(self._inputs, acted, step.rewards, next_states, step.terminated, step.ended)
        self._choices.observe(step.ended)
        return {}

    def update(self) -> Iterator[Update]:
        """When enough has been lived: every master learns its task, and skills from groups that are past warm-up."""
        if not self._buffer.full:
            return
        lived = take_lived(self._buffer)
        joint = np.zeros(len(lived.skills), np.bool_)
        for group, envs in self._dealt():
            own = slice(envs.start * self._steps, envs.stop * self._steps)
            joint[own] = group.joint
            yield self._learn_task(group, lived.part(own))
        yield from self._learn_skills(lived, joint)
        self.updates += 1
        self._heads = self._skill_heads()
        # What comes next is chosen by the new masters.
        self._choices.drop()

    def _learn_task(self, group: Group, lived: Lived) -> Update:
        """Theta: PPO on what its choices earned."""
        rollout = segments(lived)
        earned = {"return": float(rollout.rewards.sum()) / self._each}
        figures = group.master.update(rollout)
        group.clock += 1
        return Update("manager", figures | earned, as_tensors(rollout))

    def _learn_skills(self, lived: Lived, joint: npt.NDArray[np.bool_]) -> Iterator[Update]:
        """Phi: PPO of each skill on the steps in which it acted."""
        if not joint.any():
            return
        rows = lived.part(joint)
        for k, own in enumerate(lessons(rows, self.skills)):
            share = {f"share_{k}": len(own.returns) / len(rows.skills)}
            if len(own.returns) > 1:
                figures = self.skills[k].learn(own)
                yield Update("worker", figures | share, as_tensors(own))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The skills, and the master that has learned longest of those for the task's first evaluation goal."""
        first = self.groups[0].first_goal
        ours = [group for group in self.groups if group.goal == first] or self.groups
        master = max(ours, key=lambda group: group.clock).master
        return policy_levels(self.skills, master, self.updates)

    def parts(self) -> Mapping[str, Stateful]:
        """Skills, groups, what has been lived since the last update; and who acts."""
        skills = {f"skill_{k}": skill for k, skill in enumerate(self.skills)}
        groups = {f"group_{g}": group for g, group in enumerate(self.groups)}
        return {**skills, **groups, "rollout": self._buffer, "choices": self._choices, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """The generator of actions, and how far it is."""
        return {"rng": self._rng.bit_generator.state, "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; environments, networks and rows have been restored before."""
        self._rng.bit_generator.state, self.updates = state["rng"], state["updates"]
        self._heads = self._skill_heads()
        if not self._envs.exact_resume:
            self._buffer.cut()
            self._choices.drop()

    def _dealt(self) -> Iterator[tuple[Group, slice]]:
        """Each group with its environments."""
        for g, group in enumerate(self.groups):
            yield group, slice(g * self._each, (g + 1) * self._each)

    def _skill_heads(self) -> list[Any]:
        return [make_head(skill.actor_config, skill.actor_arrays()) for skill in self.skills]

    def _tell_goals(self) -> None:
        """Every environment pursues the goal of its group."""
        if self._task.goal:
            goals = [group.goal for group, envs in self._dealt() for _ in range(envs.start, envs.stop)]
            self._envs.set_goals(np.array(goals, np.float64))


learner = MlshLearner
"""As ``protocols.Training`` asks for it, beside ``hierarchy``."""
