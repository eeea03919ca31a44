"""A manager learns over skills that stay as they are (paper, section 5.4)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.choices import Choices, segments, take_lived, with_choices
from hrl_core.algorithms.frozen_skills import WORKER_VALUE, SameSkills, load_skills
from hrl_core.algorithms.party_levels import party_levels
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.algorithms.skill_shapes import chooser_shapes
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy import OnPolicy
from hrl_core.networks.actor import Actor
from hrl_core.networks.heads import make_head
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec

_CHOICES = 1
"""Of the run's seed: the stream of random numbers of the manager's choices, apart from that of the actions."""


class ManagerLearner:
    """PPO over choices; the task's reward is all it is paid."""

    def __init__(self, task: TaskSpec, config: Snn4hrlConfig, envs: Environments, seed: int) -> None:
        """Initialise the manager from ``seed`` and load the skills; raises ``HrlError`` where they do not fit."""
        self._config, self._envs = config, envs
        self._kept = load_skills(config.frozen_skills, task, config.skills)
        self._same = SameSkills(config.frozen_skills)
        weights, shape = self._kept.level("worker"), self._kept.actor("worker").one_skill()
        own = [{name: stack[k] for name, stack in weights.items()} for k in range(config.skills)]
        self._skills = [Actor.of_arrays(shape, arrays) for arrays in own]
        self._heads = [make_head(shape, arrays) for arrays in own]
        self._shapes = chooser_shapes(task, config, config.goal_scale)
        self.manager = OnPolicy(config.manager, *self._shapes, torch.Generator().manual_seed(seed))
        self._choices = Choices(envs.num_envs, config.horizon, np.random.default_rng((seed, _CHOICES)))
        self._rng = np.random.default_rng(seed)
        steps, self._observed = config.rollout_steps or task.max_episode_steps, len(task.observation)
        self._buffer = RolloutBuffer(envs.num_envs, steps, self._shapes.actor.input_dim, len(task.action) + 2)
        self._actions = np.zeros((envs.num_envs, len(task.action)))
        self._pursued = envs.goals
        self._inputs = self._seen(envs.states)

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of the skills in force, which are chosen where that is due."""
        self._pursued = self._envs.goals
        self._inputs = self._seen(self._envs.states)
        due = np.flatnonzero(self._choices.due)
        self._choices.choose(due, self.manager.act(torch.from_numpy(self._inputs[due])).numpy())
        states = torch.from_numpy(self._inputs[:, : self._observed])
        outputs = np.stack([skill(states).numpy() for skill in self._skills])
        for env, k in enumerate(self._choices.skills):
            output = outputs[k, env]
            drawn = self._config.draw_actions
            self._actions[env] = self._heads[k].draw(output, self._rng)[0] if drawn else self._heads[k].greedy(output)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to."""
        acted, after = with_choices(self._actions, self._choices), self._seen(step.states)
        self._buffer.add(self._inputs, acted, step.rewards, after, step.terminated, step.ended)
        self._choices.observe(step.ended)
        return {}

    def update(self) -> Iterator[Update]:
        """When enough has been lived: PPO on choices, each a transition of its own."""
        if not self._buffer.full:
            return
        rollout = segments(take_lived(self._buffer))
        figures = self.manager.update(rollout)
        # What comes next is chosen by the new manager.
        self._choices.drop()
        earned = {"reward": float(rollout.rewards.mean()), "choices": float(len(rollout.rewards))}
        yield Update("manager", figures | earned, as_tensors(rollout))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The skills as they were, and the manager."""
        kept, updates = self._kept, self.manager.updates
        skills = {name: LevelWeights(kept.actor(name), kept.level(name), updates) for name in ("worker", WORKER_VALUE)}
        return skills | party_levels("manager", self.manager, updates)

    def parts(self) -> Mapping[str, Stateful]:
        """Which skills these are, the manager, what has been lived since, the choices in force, the generator."""
        own = {"manager": self.manager, "rollout": self._buffer, "choices": self._choices, "learner": self}
        return {"frozen_skills": self._same} | own

    def state_dict(self) -> dict[str, Any]:
        """The generator of actions."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; all else has been restored before."""
        self._rng.bit_generator.state = state["rng"]
        if not self._envs.exact_resume:
            self._buffer.cut()
            self._choices.drop()

    def _seen(self, states: npt.NDArray) -> npt.NDArray[np.float32]:
        return np.concatenate((to_float32(states), to_float32(self._pursued)), axis=1)
