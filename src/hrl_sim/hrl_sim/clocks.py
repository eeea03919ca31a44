"""The two clocks: when is an action applied?"""

from typing import Protocol

import numpy as np

from hrl_core.errors import HrlError
from hrl_core.types import Action, ActionSource, Vector
from hrl_sim.simulation import Simulation


class SimulationClock(Protocol):
    """Decides when the simulation steps."""

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


class LockstepClock:
    """Steps only when the action of the current (episode, step) is in hand; repeated and old ones are dropped."""

    def __init__(self, simulation: Simulation) -> None:
        """Start with no action in hand, as fast as possible."""
        self._simulation = simulation
        self._action: Action | None = None
        self._paced, self._due = False, False

    @property
    def answered(self) -> bool:
        """Whether the action of the current step is in hand."""
        return self._action is not None

    def pace(self, paced: bool) -> None:
        """Take at most one step per tick, or go as fast as possible."""
        self._paced, self._due = paced, False
        self.poll()

    def on_action(self, action: Action) -> None:
        """Take an action.

        Raises:
            InvalidDataError: it has the wrong size or holds a non-finite number.
        """
        observation = self._simulation.observation
        if observation is None or (action.episode, action.step) != observation.key or self._action is not None:
            return
        if observation.last:
            return
        self._simulation.runner.spec.check_action(action.value, "action received")
        self._simulation.log.answered()
        self._action = action
        self.poll()

    def poll(self) -> None:
        """Apply the action in hand if stepping is allowed and it is still the current one."""
        action, observation = self._action, self._simulation.observation
        if action is None or observation is None:
            return
        if (action.episode, action.step) != observation.key:
            self._action = None
        elif self._simulation.may_step and (self._due or not self._paced or self._simulation.paused):
            self._action, self._due = None, False
            self._simulation.step(action.value)

    def tick(self) -> None:
        """Let the next step happen as soon as its action is in hand."""
        self._due = True
        self.poll()


class RealtimeClock:
    """Steps at the wall period with the last accepted action: held when late, the safe action when too old."""

    def __init__(self, simulation: Simulation, max_action_age: float) -> None:
        """Start with no action in hand; time begins with the first one.

        Args:
            simulation: what to step.
            max_action_age: oldest action applied [control periods].
        """
        self._simulation = simulation
        self._max_age = max_action_age
        self._action: Action | None = None
        self._safe: Vector = np.zeros(len(simulation.runner.spec.action))

    def on_action(self, action: Action) -> None:
        """Accept an action that is not older than the last one, fresh enough and sound."""
        simulation = self._simulation
        observation = simulation.observation
        if observation is None:
            return
        last = self._action
        older = last is not None and (action.episode, action.step) < (last.episode, last.step)
        stale = action.episode != observation.episode or observation.step - action.step > self._max_age
        try:
            simulation.runner.spec.check_action(action.value, "action received")
        except HrlError:
            simulation.log.refused_actions += 1
            raise
        if older or stale:
            simulation.log.refused_actions += 1
            return
        if last is None or (last.episode, last.step) != (action.episode, action.step):
            simulation.log.answered()
        self._action = action

    @property
    def answered(self) -> bool:
        """Whether actions are coming at all; a late one is the tick's affair."""
        return False

    def poll(self) -> None:
        """Nothing to do between ticks."""

    def tick(self) -> None:
        """Take the step of one control period."""
        simulation, action = self._simulation, self._action
        observation = simulation.observation
        if action is None or observation is None or not simulation.may_step:
            return
        same_episode = action.episode == observation.episode
        age = observation.step - action.step if same_episode else observation.step + 1
        if same_episode and age == 0:
            simulation.step(action.value)
            return
        simulation.log.missed_deadlines += 1
        if same_episode and age < self._max_age:
            simulation.step(action.value, ActionSource.HOLD)
        else:
            simulation.step(self._safe, ActionSource.SAFE)
