"""The course of a run, without ROS: episodes follow each other, goals change, someone pauses, steps or resets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hrl_core.control.episode_runner import EpisodeRunner
from hrl_core.messages import Action, ActionSource, EpisodeEnd, EpisodeResult, Observation, SubgoalResult, Vector
from hrl_ros.loop.run_log import RunLog


@dataclass(frozen=True)
class Listeners:
    """Whom the course tells."""

    observation: Callable[[Observation], None]
    episode_result: Callable[[EpisodeResult], None]
    status: Callable[[], None]


class EnvironmentClock(Protocol):
    """Decides when the next step is taken."""

    def on_action(self, action: Action) -> None:
        """Take an action of this run."""
        ...

    def poll(self) -> None:
        """Look again after a pause, a step request or a reset has changed things."""
        ...

    def tick(self) -> None:
        """The wall time of one control period has passed."""
        ...

    @property
    def answered(self) -> bool:
        """Whether the action of the current step is in hand, so that no peer is waited for."""
        ...


class Course:
    """Takes environment steps one at a time and starts the next episode by itself."""

    def __init__(self, runner: EpisodeRunner, episodes: int, listeners: Listeners, levels: int = 0) -> None:
        """Wait for ``next_episode``.

        Args:
            runner: the environment or robot.
            episodes: uncancelled episodes to run; 0: for ever.
            listeners: called at every event, in order.
            levels: of the hierarchy whose last results are waited for before an episode is concluded; 0: nobody is.
        """
        self.runner = runner
        self.log = RunLog()
        self.paused = False
        self.held = False
        """Whether the recorder is too far behind for another step."""
        self.target_step = 0
        self.finished = False
        self.prepare: Callable[[int | None, Vector | None], None] | None = None
        """Given seed and goal of the next episode when it cannot begin at once; whoever takes it calls ``begin``."""
        self.waiting = False
        """Whether the next episode is being prepared."""
        self.cut_off: Callable[[], None] = lambda: None
        """Called when somebody ends the running episode."""
        self._episodes, self._tell = episodes, listeners
        self._episode = -1
        self._completed = 0
        self._levels = levels
        self._untold: set[int] = set()
        """Levels whose last subgoal of the episode has not been told to have ended."""

    @property
    def episode(self) -> int:
        """Number of the episode that began last; -1 before the first."""
        return self._episode

    @property
    def begun(self) -> bool:
        """Whether the first episode has begun, or is being prepared."""
        return self.waiting or self._episode >= 0

    @property
    def observation(self) -> Observation | None:
        """The observation that waits for its action; None before the first episode."""
        return self.runner.observation

    @property
    def between_episodes(self) -> bool:
        """Whether no episode is running that could pursue another goal."""
        return self.waiting or self.observation is None or self.observation.last

    @property
    def may_step(self) -> bool:
        """Whether the next action may be applied now."""
        waits = self.held or self.waiting or (self.paused and self.log.steps >= self.target_step)
        return not (waits or self.finished or self.observation is None)

    @property
    def ending(self) -> bool:
        """Whether the last observation is out, and the worker has not said yet how its subgoals ended."""
        return bool(self._untold)

    def begin(self, seed: int | None = None, goal: Vector | None = None) -> int:
        """Start the next episode; returns its number."""
        self.waiting = False
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
        if observation.last:
            self._untold.update(range(self._levels))
            self._conclude_if_told()

    def on_result(self, result: SubgoalResult) -> None:
        """Take the worker's word that a subgoal has ended; only the last ones of an episode are waited for.

        Nobody but the worker can tell them, and one that is killed before has to be shown the last observation again.
        """
        if self.ending and self.observation is not None and (result.episode, result.step) == self.observation.key:
            self._untold.discard(result.level)
            self._conclude_if_told()

    def _conclude_if_told(self) -> None:
        if not self.ending:
            self.conclude()

    def cut(self, last: Observation, end: EpisodeEnd) -> None:
        """End the episode with a last observation that no step led to."""
        self.log.stepped()
        self._publish(last)
        self.conclude(end)

    def conclude(self, end: EpisodeEnd | None = None) -> None:
        """Tell the outcome of an episode whose last observation is out, and go on to the next."""
        self._count(end)
        if self._episodes and self._completed >= self._episodes:
            self.finished = True
            self._tell.status()
        else:
            self.next_episode(None, None)

    def restart(self, seed: int | None, goal: Vector | None) -> int:
        """Cut the running episode and start a new one; returns its number."""
        self.cut_off()
        if self.ending:
            self._count()
        elif self.observation is not None and not self.observation.last and not self.waiting:
            self._tell_result(self.runner.result(EpisodeEnd.CANCELLED))
        return self.next_episode(seed, goal)

    def next_episode(self, seed: int | None, goal: Vector | None) -> int:
        """Begin the next episode, or have it prepared; returns its number."""
        if self.prepare is None:
            return self.begin(seed, goal)
        self.waiting = True
        self.prepare(seed, goal)
        return self._episode + 1

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

    def _count(self, end: EpisodeEnd | None = None) -> None:
        self._untold.clear()
        self._tell_result(self.runner.result(end))
        self._completed += 1

    def _publish(self, observation: Observation) -> None:
        self.log.published()
        self._tell.observation(observation)

    def _tell_result(self, result: EpisodeResult) -> None:
        self.log.results.append(result)
        self._tell.episode_result(result)
