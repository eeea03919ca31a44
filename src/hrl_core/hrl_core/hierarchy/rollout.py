"""Episodes in one process: the same sessions as the nodes, wired by function calls instead of DDS."""

from dataclasses import dataclass, field
from typing import Protocol

from hrl_core.errors import HrlError
from hrl_core.hierarchy.manager_session import ManagerSession
from hrl_core.hierarchy.worker_session import WorkerSession
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


def rollout(runner: Runner, manager: ManagerSession, worker: WorkerSession, episode: int) -> EpisodeTrace:
    """Run one episode.

    Args:
        runner: the environment.
        manager: manager session, kept over episodes.
        worker: worker session, kept over episodes.
        episode: episode number, rising from call to call.

    Raises:
        HrlError: the worker found no valid subgoal, i.e. the sessions were not kept over the run's episodes.
    """
    with one_thread():
        return _run(runner, manager, worker, episode)


def _run(runner: Runner, manager: ManagerSession, worker: WorkerSession, episode: int) -> EpisodeTrace:
    observation = runner.reset(episode)
    observations, actions, subgoals, results = [observation], [], [], []
    while True:
        answers = worker.on_observation(observation)
        for subgoal in manager.on_observation(observation):
            subgoals.append(subgoal)
            answers += worker.on_subgoal(subgoal)
        action = None
        while answers:
            answer = answers.pop(0)
            if isinstance(answer, Action):
                action = answer
                continue
            assert isinstance(answer, SubgoalResult), "sessions kept over a run ask for nothing"
            results.append(answer)
            for subgoal in manager.on_result(answer):
                subgoals.append(subgoal)
                answers += worker.on_subgoal(subgoal)
        if observation.last:
            return EpisodeTrace(runner.result(), observations, actions, subgoals, results)
        if action is None:
            raise HrlError(f"no action at episode {observation.episode} step {observation.step}: start a new session")
        actions.append(action)
        observation = runner.step(action.value)
        observations.append(observation)
