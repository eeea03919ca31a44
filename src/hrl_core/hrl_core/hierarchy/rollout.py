"""Episodes in one process."""

from dataclasses import dataclass, field
from typing import Protocol

from hrl_core.errors import HrlError
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.messages import Action, EpisodeResult, Observation, Subgoal, SubgoalResult, Vector
from hrl_core.threads import one_thread


class Runner(Protocol):
    """What steps the environment (``hrl_core.envs.runner.EnvRunner``)."""

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start an episode."""
        ...

    def step(self, action: Vector) -> Observation:
        """Take one environment step."""
        ...

    def result(self) -> EpisodeResult:
        """Outcome of the finished episode."""
        ...


@dataclass
class EpisodeTrace:
    """Everything one episode said, in order."""

    result: EpisodeResult
    observations: list[Observation] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    subgoals: list[Subgoal] = field(default_factory=list)
    subgoal_results: list[SubgoalResult] = field(default_factory=list)


def rollout(runner: Runner, hierarchy: Hierarchy, episode: int) -> EpisodeTrace:
    """Run one episode.

    Args:
        runner: the environment.
        hierarchy: who acts, kept over episodes.
        episode: episode number, rising from call to call.

    Raises:
        HrlError: the worker found no valid subgoal, i.e. the hierarchy was not kept over the run's episodes.
    """
    with one_thread():
        return _run(runner, hierarchy, episode)


def _run(runner: Runner, hierarchy: Hierarchy, episode: int) -> EpisodeTrace:
    observation = runner.reset(episode)
    observations, actions, subgoals, results = [observation], [], [], []
    while True:
        said = hierarchy.answer(observation)
        subgoals += [message for message in said if isinstance(message, Subgoal)]
        results += [message for message in said if isinstance(message, SubgoalResult)]
        if observation.last:
            return EpisodeTrace(runner.result(), observations, actions, subgoals, results)
        action = next((message for message in said if isinstance(message, Action)), None)
        if action is None:
            raise HrlError(f"no action at episode {observation.episode} step {observation.step}: start a new hierarchy")
        actions.append(action)
        observation = runner.step(action.value)
        observations.append(observation)
