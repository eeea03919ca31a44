"""An environment whose episodes differ in what a robot's differ in: delay, loss, friction, masses, sensor noise.

Everything that an episode is made of follows from its seed, so that copies, resumed runs, other processes and other
numbers of threads see the same bits. Goals, rewards and success are the true state's; only the observation is noisy.
What is recorded and learned from is the command that was given, as on a robot, which does not know when it arrives.
"""

from typing import Any

import numpy as np

from hrl_core.envs.abilities import Abilities, find_simulation
from hrl_core.envs.goal_env import GoalEnvironment, GoalStep
from hrl_core.envs.late_commands import LateCommands, in_ticks
from hrl_core.envs.varied_physics import VariedPhysics, has_contacts
from hrl_core.errors import HrlError, TaskError
from hrl_core.messages import Vector
from hrl_core.randomisation import NONE, Randomisation
from hrl_core.randomness import Purpose, step_generator
from hrl_core.task.spec import TaskSpec

_WORD = 1 << 32


def make_environment(
    spec: TaskSpec, randomisation: Randomisation, abilities: Abilities | None = None, render_mode: str | None = None
) -> GoalEnvironment:
    """Make a task's environment, the plain one where nothing is randomised.

    Raises:
        TaskError: as ``GoalEnvironment``, or something cannot be varied there; names it.
    """
    if not randomisation:
        return GoalEnvironment(spec, abilities, render_mode)
    return RandomisedEnvironment(spec, randomisation, abilities, render_mode)


class RandomisedEnvironment(GoalEnvironment):
    """The same with episodes that differ."""

    def __init__(
        self,
        spec: TaskSpec,
        randomisation: Randomisation,
        abilities: Abilities | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment; arguments and errors as for ``make_environment``."""
        super().__init__(spec, abilities, render_mode)
        self._randomisation = randomisation
        self._resetting = False
        self._seed, self._number = 0, 0
        """Of the episode, and of the observation that was told last."""
        try:
            self._noise = randomisation.deviations(spec)
            self._physics = self._find_physics()
            self._commands = self._find_commands()
        except HrlError:
            self.close()
            raise

    def reset(self, seed: int, goal: Vector | None = None) -> GoalStep:
        """Start the episode of that seed, as ``GoalEnvironment`` does."""
        delay = self._begin(seed)
        # What a reset itself has to do no command of an episode before is late for.
        self._resetting = True
        try:
            step = super().reset(seed, goal)
        finally:
            self._resetting = False
        if self._commands is not None:
            self._commands.begin(delay, self._rest())
        return self._sensed(step)

    def _take(self, action: Vector) -> GoalStep:
        """A command takes effect when and if it arrives."""
        if self._commands is not None and not self._by_controls:
            self.spec.check_action(action)
            action = self._commands.give(action, self._randomisation.lost(self._seed, self._number))[0].command
        step = super()._take(action)
        self._number += 1
        return self._sensed(step)

    def simulation_state(self) -> Vector:
        """Everything that stepping depends on, the commands on their way included."""
        commands = () if self._commands is None else self._commands.state()
        # Halves of the seed, which as a whole would lose its last bits.
        return np.concatenate((super().simulation_state(), commands, [*divmod(self._seed, _WORD), self._number]))

    def restore(self, state: Vector) -> GoalStep:
        """Go back to a ``simulation_state``."""
        size = 0 if self._commands is None else self._commands.state_size
        upper, lower, number = (int(word) for word in state[-3:])
        delay = self._begin(upper * _WORD + lower)
        self._number = number
        if self._commands is not None:
            self._commands.restore(delay, state[-3 - size : -3])
        return self._sensed(super().restore(state[: -3 - size]))

    def _begin(self, seed: int) -> int:
        """Let the world be that of a seed; returns the delay in ticks."""
        self._seed, self._number = seed, 0
        drawn = self._randomisation.drawn(seed)
        if self._physics is not None and self._randomisation.friction != NONE.friction:
            self._physics.set_friction(drawn.friction)
        if self._physics is not None and self._randomisation.mass != NONE.mass:
            self._physics.set_mass(drawn.mass)
        return in_ticks(drawn.delay, self._tick)

    def _sensed(self, step: GoalStep) -> GoalStep:
        """The step as sensors tell it."""
        if not self._noise.any():
            return step
        drawn = step_generator(self._seed, Purpose.NOISE, 0, 0, self._number).standard_normal(self._noise.size)
        return step._replace(state=step.state + self._noise * drawn)

    def _find_physics(self) -> VariedPhysics | None:
        """What friction and masses are varied in; raises ``TaskError`` where they are to be and cannot."""
        wanted = [name for name in ("friction", "mass") if getattr(self._randomisation, name) != getattr(NONE, name)]
        if not wanted:
            return None
        simulation, env_id = find_simulation(self._core), self.spec.env_id
        if simulation is None:
            raise TaskError(f"randomise: {', '.join(wanted)}: {env_id} has no MuJoCo model in which it could be varied")
        if getattr(self._core.unwrapped, "kinematic", False):
            raise TaskError(f"randomise: {', '.join(wanted)}: {env_id} moves without forces; it would change nothing")
        if "friction" in wanted and not has_contacts(simulation.model):
            raise TaskError(f"randomise: friction: nothing in {env_id} touches anything; it would change nothing")
        return VariedPhysics(simulation)

    def _find_commands(self) -> LateCommands | None:
        """Where commands are held, by physics steps where the environment lets us between them, else by periods.

        That it does with Gymnasium's ``do_simulation(controls, physics_steps)``, by which all physics steps of a
        control period are made; here it is made in parts.
        """
        period, base = self.spec.control_period, self._base
        simulation = find_simulation(self._core)
        self._by_controls = simulation is not None and hasattr(base, "do_simulation")
        self._tick = simulation.model.opt.timestep if simulation is not None and self._by_controls else period
        if self._randomisation.delay == NONE.delay and not self._randomisation.loss:
            return None
        most = in_ticks(self._randomisation.delay.high, self._tick)
        if not most and self._randomisation.delay.high:
            what = "physics step" if self._by_controls else "control period, the least that can be told apart there,"
            raise TaskError(
                f"randomise: delay={self._randomisation.delay}: that is less than half a {what} of {self.spec.env_id} "
                f"({self._tick:g} s); nothing would be late"
            )
        if simulation is None or not self._by_controls:
            return LateCommands(1, most, len(self.spec.action))
        self._hold, base.do_simulation = base.do_simulation, self._simulate
        return LateCommands(in_ticks(period, self._tick), most, simulation.model.nu)

    def _simulate(self, controls: Vector, physics_steps: int) -> None:
        """Take the place of the environment's ``do_simulation``: hold each command for its part of the period."""
        assert self._commands is not None
        if self._resetting:
            self._hold(controls, physics_steps)
            return
        parts = self._commands.give(controls, self._randomisation.lost(self._seed, self._number))
        if sum(part.ticks for part in parts) != physics_steps:
            raise TaskError(
                f"task '{self.spec.name}': control_period {self.spec.control_period:g} s, but a step of "
                f"{self.spec.env_id} is {physics_steps} physics steps of {self._tick:g} s; commands cannot be delayed"
            )
        for part in parts:
            self._hold(part.command, part.ticks)

    def _rest(self) -> Vector:
        """What acts before the first command does: the controls of a reset, or the action that is nearest to zero."""
        if self._by_controls:
            return self._base.data.ctrl.copy()
        return np.zeros(len(self.spec.action)).clip(self.spec.action_low, self.spec.action_high)

    @property
    def _base(self) -> Any:  # noqa: ANN401 - somebody else's class
        return self._core.unwrapped
