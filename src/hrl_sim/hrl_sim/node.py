"""Simulator node: owns the environment, closes the loop with manager and worker, under either clock."""

import hrl_core.envs  # noqa: F401 - registers the Gymnasium ids
from hrl_core.envs.runner import EnvRunner
from hrl_core.messages import Mode, Observation
from hrl_core.randomisation import parse_randomisation, told_with
from hrl_core.task.spec import TaskSpec
from hrl_ros.loop.course import EnvironmentClock
from hrl_ros.loop.emergency_stop import EmergencyStop
from hrl_ros.loop.environment_node import EnvironmentNode
from hrl_ros.loop.parameters import parse_goal
from hrl_ros.running import main_of
from hrl_sim.clocks import LockstepClock, RealtimeClock
from hrl_sim.pace import FASTEST, Pace
from hrl_sim.parameters import SimulatorParameters
from hrl_sim.services import SimulationServices
from hrl_sim.standard_topics import StandardTopics


class SimulatorNode(EnvironmentNode):
    """MuJoCo closes the loop."""

    parameters_kind = SimulatorParameters
    _emergency_stop: EmergencyStop | None = None

    def __init__(self) -> None:
        """Name the node."""
        super().__init__("simulator")

    def make_runner(self, task: TaskSpec, prefix: str) -> EnvRunner:
        """Make the environment and what onlookers see of it."""
        p = self.settings
        assert isinstance(p, SimulatorParameters)
        mode, goal = Mode[p.episode_mode.upper()], parse_goal(p.goal, task)
        self._randomisation = parse_randomisation(p.randomise)
        frame = prefix + task.frame
        runner = EnvRunner(task, p.seed, mode, goal, self.run_id, p.robot, frame, self._randomisation)
        self._standard = StandardTopics(self, runner, prefix)
        return runner

    def make_clock(self) -> EnvironmentClock:
        """Make the clock, its pace and the services."""
        p, course = self.settings, self.course
        clock, factor = LockstepClock(course), FASTEST
        if p.realtime:
            clock, factor = RealtimeClock(course, p.max_action_age), p.real_time_factor
            # The next step takes place at the next tick; until then nothing moves.
            self._emergency_stop = EmergencyStop(
                self, clock.safety, self.health, make_safe=lambda: None, before=self._emergency_stop
            )
        self._pace = Pace(self, clock, self.runner.spec.control_period, factor)
        self._offers = SimulationServices(self, course, clock, self._pace)
        return clock

    @property
    def told_task(self) -> str:
        """The task specification, and how its episodes differ."""
        return told_with(super().told_task, self._randomisation)

    @property
    def wanted_real_time_factor(self) -> float:
        """Simulated seconds per wall second asked for; 0: as fast as possible."""
        return self._pace.real_time_factor

    def shown(self, observation: Observation, data: bytes) -> None:
        """Show the state to onlookers."""
        self._standard.publish(observation.stamp, data)

    def idle(self) -> None:
        """Show the last state if it was skipped."""
        self._standard.catch_up()


main = main_of(SimulatorNode)
