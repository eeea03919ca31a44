"""Bridge node: a ros2_control robot closes the loop, with the safety layer in the same process as its commands."""

import time

from std_srvs.srv import Trigger

from hrl_core.control.safety import REACTION, ActionGate, SafetyLayer
from hrl_core.errors import HrlError, InvalidDataError
from hrl_core.messages import Mode, Observation, Vector
from hrl_core.task.spec import TaskSpec
from hrl_msgs import msg
from hrl_robot.parameters import BridgeParameters
from hrl_robot.placing import Placing
from hrl_robot.robot_clock import RobotClock
from hrl_robot.robot_config import load_robot
from hrl_robot.robot_port import RobotPort
from hrl_robot.robot_runner import RobotRunner
from hrl_robot.robot_state import StateAssembler
from hrl_ros import qos, topics
from hrl_ros.health import Level
from hrl_ros.loop.emergency_stop import EmergencyStop
from hrl_ros.loop.environment_node import EnvironmentNode
from hrl_ros.loop.parameters import parse_goal
from hrl_ros.loop.services import CourseServices
from hrl_ros.running import main_of

GUARD_PERIOD = 0.004
"""Seconds between looks of the watchdog: well below its margin of 10 ms."""


class BridgeNode(EnvironmentNode):
    """Observations from the robot's state, commands from accepted actions; safe whenever in doubt."""

    parameters_kind = BridgeParameters
    fifo_priority = 50

    def __init__(self) -> None:
        """Name the node."""
        super().__init__("bridge")

    def make_runner(self, task: TaskSpec, prefix: str) -> RobotRunner:
        """Read the robot's file and compare it with the robot."""
        p = self.settings
        assert isinstance(p, BridgeParameters)
        config = load_robot(p.robot_config)
        period = task.control_period / p.real_time_factor
        self._port = RobotPort(self, config, task, period=period, health=self.health)
        self._port.check(p.robot_wait)
        mode, goal = Mode[p.episode_mode.upper()], parse_goal(p.goal, task)
        runner = RobotRunner(task, p.seed, mode, goal, self.run_id, p.robot, prefix + task.frame)
        runner.assembler = StateAssembler(config, task, self._port.map.joints)
        runner.look = self._port.look
        if runner.goal is None:
            why = "no robot draws its training goals" if mode is Mode.TRAIN else "it has no evaluation goal"
            raise HrlError(f"task '{task.name}': {why}; give one with goal:=")
        self._silence_limit = p.silence_limit
        return runner

    def make_clock(self) -> RobotClock:
        """Make the clock, its safety layer, the watchdog's timer and the services."""
        p, task, config = self.settings, self.runner.spec, self._port.config
        assert isinstance(self.runner, RobotRunner)
        period = task.control_period / p.real_time_factor
        self._gate = ActionGate(task, p.max_action_age, period)
        self._safety = SafetyLayer(config.safety(task), 2 * period + REACTION / 2)
        clock = RobotClock(self.course, self.runner, self._gate, self._safety, self._port.send, self._make_safe)
        clock.silent = lambda: self._port.silence[0] > self._silence_limit
        self._placing = Placing(self, config.operator, self._port, self._safety, self.course, self.runner.fresh)
        self.course.prepare, clock.prepare_anew = self._prepare, self._prepare_anew
        self._offers = CourseServices(self, self.course, clock)
        before = getattr(self, "_emergency_stop", None)
        self._emergency_stop = EmergencyStop(self, self._safety, self.health, clock.rest, before)
        self.create_service(Trigger, topics.STOP_EPISODE, self._on_stop_episode)
        self.every(GUARD_PERIOD, clock.guard)
        self.every(period, self._tick)
        self._robot_clock = clock
        # Latched: who starts to look while the robot rests sees where it stands.
        self._thinned = self.publish_raw(msg.Observation, topics.OBSERVATION_THINNED, qos.latched())
        self._next_look = 0.0
        return clock

    def shown(self, observation: Observation, data: bytes) -> None:
        """The age of the answer counts from now; onlookers see it, too, if it is not too soon."""
        self._gate.observed(observation)
        now = time.monotonic()
        if now >= self._next_look:
            self._thinned.publish(data)
            self._next_look = now + topics.THINNED_PERIOD

    def examine(self) -> None:
        """Add what the safety layer has seen."""
        super().examine()
        clock, port = self._robot_clock, self._port
        self.health.watchdog_trips = clock.trips
        silence, stream = port.silence
        self.health.figures |= {
            "dropped observations": clock.dropped,
            "refused states": port.refused,
            "commands": port.commands,
            "silence [s]": silence,
            "oldest action [s]": self._gate.oldest,
        }
        if silence > self._silence_limit:
            self.health.set_condition("silence", Level.ERROR, f"no {stream} from the robot for {silence:.1f} s")
        else:
            self.health.clear_condition("silence")

    def repeated(self, observation: Observation) -> None:
        """Before the first action the robot rests, and the first observation keeps its truth."""
        if not self._robot_clock.started:
            self._gate.observed(observation)

    def idle(self) -> None:
        """Go on with the preparation of an episode."""
        self._placing.poll()

    def stop(self) -> None:
        """Safe action first, then silence; nobody knows where the robot stands when this node is active again."""
        if hasattr(self, "_robot_clock"):
            self._robot_clock.interrupt()
            self._placing.interrupt()

    def fail(self, message: str) -> None:
        """End the node: the safe action goes out before anything else."""
        if self.failure is None:
            self.stop()
        super().fail(message)

    def teardown(self) -> None:
        """Report what the safety layer has seen."""
        if hasattr(self, "_robot_clock"):
            clock = self._robot_clock
            self.course.log.more |= {
                "watchdog_trips": clock.trips,
                "dropped_observations": clock.dropped,
                "refused_states": self._port.refused,
                "commands": self._port.commands,
                "oldest_action_ms": 1e3 * self._gate.oldest,
            }
            # A robot that is refused when this node is configured again is told nothing by the clock of before.
            del self._robot_clock
        super().teardown()

    @property
    def missing(self) -> str | None:
        """Whom the next episode waits for."""
        return self._placing.waiting_for if self.course.waiting else None

    @property
    def unhurried(self) -> bool:
        """Whether that is an operator, or a robot that is on its way."""
        return self.course.waiting and (self._placing.awaits_operator or self._placing.under_way)

    def _tick(self) -> None:
        try:
            self._robot_clock.tick()
        except InvalidDataError as error:
            self.get_logger().error(f"{error}; observation left out", throttle_duration_sec=1.0)

    def _prepare(self, seed: int | None, goal: Vector | None) -> None:
        self._robot_clock.rest()
        self._placing.ask(seed, goal)

    def _prepare_anew(self, reason: str) -> None:
        self.get_logger().warning(f"the robot may have been moved since the episode began ({reason}): prepared anew")
        self.course.restart(*self._placing.asked)

    def _make_safe(self) -> bool:
        return self._port.send_safe(self._safety)

    def _on_stop_episode(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = self._offers.refusal()
        if not response.message:
            self.course.restart(None, None)
            response.success = True
        return response


main = main_of(BridgeNode)
