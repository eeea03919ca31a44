"""Builders of messages and tiny policies shared by the core's tests."""

import dataclasses
import inspect
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.policies import ActionChoice, SubgoalChoice
from hrl_core.messages import NAN, NO_VECTOR, Observation, Subgoal, SubgoalKind
from hrl_core.task.spec import Actuator, Element, SuccessRule, TaskSpec


@pytest.fixture(scope="session")
def make_observation():
    def make(**change):
        base = Observation(
            stamp=0,
            frame="odom",
            run=1,
            robot="robot",
            episode=0,
            step=0,
            state=np.zeros(4),
            achieved_goal=np.zeros(2),
            desired_goal=np.zeros(2),
            reward=0.0,
            success=False,
            first=False,
            terminated=False,
            truncated=False,
            mode=1,
            applied_action=NO_VECTOR,
            action_source=0,
            task_hash=0,
        )
        return base._replace(**change)

    return make


@pytest.fixture(scope="session")
def make_subgoal():
    def make(**change):
        base = Subgoal(
            stamp=0,
            frame="odom",
            run=1,
            robot="robot",
            episode=0,
            step=0,
            seq=0,
            parent_seq=-1,
            level=0,
            kind=SubgoalKind.RELATIVE,
            value=np.zeros(3),
            anchor=np.zeros(3),
            skill_id=-1,
            num_skills=0,
            space="test",
            task_goal=np.zeros(2),
            horizon=10,
            horizon_unit=0,
            tolerance=NO_VECTOR,
            end_when_achieved=False,
            worker_may_terminate=False,
            test=False,
            deterministic=True,
            log_probability=NAN,
            value_estimate=NAN,
            policy_version=0,
        )
        return base._replace(**change)

    return make


@pytest.fixture(scope="session")
def tiny_task():
    """A task of four observation elements and two actions."""

    def make(steps=8):
        return TaskSpec(
            name="tiny",
            env_id="none",
            env_kwargs={},
            max_episode_steps=steps,
            control_period=0.1,
            frame="odom",
            observation=tuple(Element(n, "1", "-") for n in ("x", "y", "z", "w")),
            action=tuple(Actuator(n, "1", -1.0, 1.0) for n in ("a", "b")),
            goal=(Element("x", "m", "odom"), Element("y", "m", "odom")),
            success=SuccessRule(0.5, "m"),
            goal_spaces={"xyz": {n: (-1.0, 1.0) for n in ("x", "y", "z")}},
        )

    return make


def asked(task):
    """One number of everything that is asked for."""
    return float(task.vector.astype(float).sum()) + 0.7 * (task.skill + 1)


@dataclasses.dataclass
class StubManager:
    """Chooses a subgoal that depends on everything it is shown."""

    version: int = 7
    held: HeldExploration = dataclasses.field(default_factory=HeldExploration)
    size: int = 3
    kind: str = "relative"
    skills: int = 0

    def select(self, state, task, draws):
        value = np.tanh(state[: self.size] + asked(task))
        value = value + (0.1 * draws.rng.standard_normal(self.size) if draws.explore else 0)
        if self.kind == "skill":
            return SubgoalChoice(skill=int(100 * abs(value[0])) % self.skills)
        return SubgoalChoice(value / np.linalg.norm(value) if self.kind == "direction" else value)


@dataclasses.dataclass
class StubWorker:
    """Chooses an action that depends on everything it is shown, and now and then wants to end its segment."""

    version: int = 7

    def act(self, state, task, draws):
        value = np.tanh(state[:2] + asked(task) * np.array([1.0, -0.5]))
        return ActionChoice(value + (0.1 * draws.rng.standard_normal(2) if draws.explore else 0))

    def terminates(self, state, task, draws):
        return bool(abs(np.sin(10 * state[0] + asked(task))) > draws.rng.random())


class StubRunner:
    """A deterministic point that drifts with its actions."""

    def __init__(self, task, make_observation, mode=1, goals=None):
        self.task, self.make, self.mode, self.goals = task, make_observation, mode, goals or {}

    def reset(self, episode):
        self.state = np.array([0.1 * episode, -0.2, 0.3, 0.4])
        self.observation = self.make(episode=episode, state=self.state, first=True, mode=self.mode)
        return self.observation

    def step(self, action):
        step = self.observation.step + 1
        self.state = 0.9 * self.state + np.array([*action, action.sum(), 0.1])
        self.observation = self.make(
            episode=self.observation.episode,
            step=step,
            stamp=step,
            state=self.state,
            reward=float(step),
            truncated=step == self.task.max_episode_steps,
            mode=self.mode,
            desired_goal=self.goals.get(step, self.observation.desired_goal),
            applied_action=action,
        )
        return self.observation

    def result(self):
        return None


@pytest.fixture(scope="session")
def stubs():
    """The stub classes."""
    return StubManager, StubWorker, StubRunner


_SCRATCH = {
    *("_rooms", "_passes", "_lists", "grad", "gradients", "_actions", "_carried", "_inputs", "_pursued", "_pool"),
    *("_evaluations", "_results", "_begun"),
    "_snapshot",
    "_finder",
    "_tables",
}
"""What a part is worked out in, keeps from acting to observing, or begins anew whenever it is used."""


@pytest.fixture(scope="session")
def differences():
    """Paths of what differs between two objects of ours, looking at everything that they hold."""

    def unequal(one: Any, other: Any, path: str, seen: dict[int, object]) -> Iterator[str]:
        if id(one) in seen or inspect.isroutine(one):
            return
        if (one is None) != (other is None):
            yield path
            return
        if isinstance(
            one,
            torch.Tensor
            | torch.device
            | np.ndarray
            | float
            | int
            | str
            | bytes
            | slice
            | Path
            | set
            | frozenset
            | None,
        ):
            if not np.array_equal(np.asarray(one), np.asarray(other), equal_nan=isinstance(one, float)):
                yield path
            return
        seen[id(one)] = one
        if isinstance(one, np.random.Generator):
            one, other = one.bit_generator.state, other.bit_generator.state
        elif isinstance(one, torch.Generator):
            one, other = {"state": one.get_state()}, {"state": other.get_state()}
        elif isinstance(one, list | tuple | deque | range):
            one, other = dict(enumerate(one)), dict(enumerate(other))
        elif isinstance(one, torch.optim.Optimizer):
            one, other = one.state_dict()["state"], other.state_dict()["state"]
        elif isinstance(one, torch.nn.Module):
            one, other = one.state_dict(), other.state_dict()
        elif hasattr(one, "hexdigest"):
            one, other = {"digest": one.hexdigest()}, {"digest": other.hexdigest()}
        elif hasattr(one, "simulation_state"):
            one, other = {"simulation": one.simulation_state()}, {"simulation": other.simulation_state()}
        elif not isinstance(one, dict):
            if not type(one).__module__.startswith("hrl_core"):
                raise TypeError(f"{path}: nobody knows how to compare {type(one)}")
            one, other = vars(one), vars(other)
        if one.keys() != other.keys():
            yield f"{path}.{one.keys() ^ other.keys()}"
        for name in one.keys() & other.keys() - _SCRATCH:
            yield from unequal(one[name], other[name], f"{path}.{name}", seen)

    return lambda one, other: sorted(unequal(one, other, "", {}))
