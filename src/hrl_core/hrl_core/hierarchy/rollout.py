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
class EpisodeRecord:
    """Everything that has been said in an episode so far, in order."""

    observations: list[Observation] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    subgoals: list[Subgoal] = field(default_factory=list)
    subgoal_results: list[SubgoalResult] = field(default_factory=list)

    def answer(self, hierarchy: Hierarchy, observation: Observation) -> Action | None:
        """Have an observation answered and note all that is said; None where the episode ends.

        Raises:
            HrlError: the worker found no valid subgoal, i.e. the hierarchy was not kept over the run's episodes.
        """
        self.observations.append(observation)
        action: Action | None = None
        for message in hierarchy.answer(observation):
            if isinstance(message, Subgoal):
                self.subgoals.append(message)
            elif isinstance(message, SubgoalResult):
                self.subgoal_results.append(message)
            elif isinstance(message, Action):
                action = action or message
        if action is not None:
            self.actions.append(action)
        elif not observation.last:
            raise HrlError(f"no action at episode {observation.episode} step {observation.step}: start a new hierarchy")
        return action


@dataclass
class EpisodeTrace(EpisodeRecord):
    """A whole episode."""

    result: EpisodeResult = field(kw_only=True)


def rollout(runner: Runner, hierarchy: Hierarchy, episode: int) -> EpisodeTrace:
    """Run one episode.

    Args:
        runner: the environment.
        hierarchy: who acts, kept over episodes.
        episode: episode number, rising from call to call.

    Raises:
        HrlError: as ``EpisodeRecord.answer``.
    """
    with one_thread():
        record, observation = EpisodeRecord(), runner.reset(episode)
        while (action := record.answer(hierarchy, observation)) is not None:
            observation = runner.step(action.value)
        return EpisodeTrace(**vars(record), result=runner.result())
