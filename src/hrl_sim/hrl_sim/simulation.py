"""The course of a run, without ROS: episodes follow each other, goals change, someone pauses, steps or resets."""

from collections.abc import Callable
from dataclasses import dataclass

from hrl_core.envs.runner import EnvRunner
from hrl_core.types import ActionSource, EpisodeEnd, EpisodeResult, Observation, Vector
from hrl_sim.run_log import RunLog


@dataclass(frozen=True)
class Listeners:
    """Whom the simulation tells."""

    observation: Callable[[Observation], None]
    episode_result: Callable[[EpisodeResult], None]
    status: Callable[[], None]


class Simulation:
    """Takes environment steps one at a time and starts the next episode by itself."""

    def __init__(self, runner: EnvRunner, episodes: int, listeners: Listeners) -> None:
        """Wait for ``begin``.

        Args:
            runner: the environment.
            episodes: uncancelled episodes to run; 0: for ever.
            listeners: called at every event, in order.
        """
        self.runner = runner
        self.log = RunLog()
        self.paused = False
        self.held = False
        """Whether the recorder is too far behind for another step."""
        self.target_step = 0
        self.finished = False
        self._episodes, self._tell = episodes, listeners
        self._episode = -1
        self._completed = 0

    @property
    def observation(self) -> Observation | None:
        """The observation that waits for its action; None before the first episode."""
        return self.runner.observation

    @property
    def may_step(self) -> bool:
        """Whether the next action may be applied now."""
        waits = self.held or (self.paused and self.log.steps >= self.target_step)
        return not (waits or self.finished or self.observation is None)

    def begin(self, seed: int | None = None, goal: Vector | None = None) -> int:
        """Start the next episode; returns its number."""
        self._episode += 1
        self._publish(self.runner.reset(self._episode, seed, goal))
        return self._episode

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> None:
        """Apply an action, publish what follows, and start the next episode after the last step."""
        observation = self.runner.step(action, source)
        self.log.stepped()
        self._publish(observation)
        if self.paused and self.log.steps >= self.target_step:
            self._tell.status()
        if not observation.last:
            return
        self._conclude(self.runner.result())
        self._completed += 1
        if self._episodes and self._completed >= self._episodes:
            self.finished = True
            self._tell.status()
        else:
            self.begin()

    def restart(self, seed: int | None, goal: Vector | None) -> int:
        """Cut the running episode and start a new one; returns its number."""
        if self.observation is not None and not self.observation.last:
            self._conclude(self.runner.result(EpisodeEnd.CANCELLED))
        return self.begin(seed, goal)

    def pause(self, paused: bool) -> None:
        """Pause or go on."""
        self.paused = paused
        self.target_step = self.log.steps
        self._tell.status()

    def request_steps(self, n: int) -> int:
        """Ask for ``n`` steps while paused; returns the step count at which they are done."""
        self.target_step = max(self.target_step, self.log.steps) + n
        self._tell.status()
        return self.target_step

    def _publish(self, observation: Observation) -> None:
        self.log.published()
        self._tell.observation(observation)

    def _conclude(self, result: EpisodeResult) -> None:
        self.log.results.append(result)
        self._tell.episode_result(result)
