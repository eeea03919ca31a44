"""How a robot comes to its start: by a service, or by an operator who says when."""

from collections.abc import Callable, Mapping

from rclpy.client import Client
from rclpy.task import Future
from std_srvs.srv import Trigger

from hrl_core.control.safety import SafetyLayer
from hrl_core.errors import HrlError
from hrl_core.messages import Vector
from hrl_robot.robot_config import JOINT_STATES, OperatorConfig
from hrl_robot.robot_port import RobotPort
from hrl_ros import topics
from hrl_ros.loop.course import Course
from hrl_ros.node import HrlNode

_FRESH = 3
"""Joint states after the placing that are waited for, so that the first observation shows the start."""
_SPEAKING = 0.5
"""Seconds without state in which a robot still counts as there."""


class Placing:
    """Brings about what must be before the next episode begins: the robot speaks, stands at its start, may go."""

    def __init__(
        self,
        node: HrlNode,
        config: OperatorConfig,
        port: RobotPort,
        safety: SafetyLayer,
        course: Course,
        fresh: Callable[[], bool],
    ) -> None:
        """Offer or find the services.

        Args:
            node: owner.
            config: how episodes come about.
            port: the robot.
            safety: while it is stopped, the robot is sent nowhere.
            course: begins the episode in the end.
            fresh: whether the robot's state stands for this instant, with which the episode can begin.
        """
        self._node, self._config, self._port, self._safety = node, config, port, safety
        self._course, self._fresh = course, fresh
        self.asked: tuple[int | None, Vector | None] = None, None
        """Seed and goal of the episode that was asked for last."""
        self._wanted: tuple[int | None, Vector | None] | None = None
        self._started = self._placed = self._given_up = False
        self._call: Future | None = None
        self._counts: Mapping[str, int] = {}
        """Samples of each stream when the robot stood at its start."""
        self._client = self._client_of(config.place_service)
        self._stopper = self._client_of(config.stop_service)
        node.create_service(Trigger, topics.START_EPISODE, self._on_start)

    @property
    def waiting_for(self) -> str:
        """What is still missing."""
        silence, stream = self._port.silence
        if self._safety.emergency:
            return "the end of the emergency stop (service release_emergency_stop)"
        if self._course.paused:
            return "the end of the pause (service set_paused)"
        if silence > _SPEAKING:
            return f"the robot ({stream})"
        if not self._started:
            return "an operator: call service start_episode once the robot stands at its start"
        if not self._placed:
            return f"the robot's placing (service {self._config.place_service})"
        return "a state of the robot that is new enough in all its streams"

    @property
    def awaits_operator(self) -> bool:
        """Whether it is for a person to go on, by switching the robot on or by saying so."""
        return bool(self._safety.emergency) or not self._started

    @property
    def under_way(self) -> bool:
        """Whether the robot is on its way to its start, which may be far."""
        return self._call is not None and self._client is not None and self._client.service_is_ready()

    def ask(self, seed: int | None, goal: Vector | None) -> None:
        """Prepare an episode with these; an unfinished preparation is replaced."""
        self._wanted = self.asked = seed, goal
        self._begin_anew()

    def poll(self) -> None:
        """Take the next step, if it can be taken; called a few times a second."""
        if self._wanted is None or not self._course.waiting or self._course.finished:
            return
        if self._safety.emergency or self._course.paused or self._port.silence[0] > _SPEAKING:
            # A robot that was stopped, paused or switched off in between stands anywhere, and people may be at it.
            self._begin_anew()
        elif self._started and not self._placed:
            self._place()
        elif self._started and self._new_enough and self._fresh():
            (seed, goal), self._wanted = self._wanted, None
            self._course.begin(seed, goal)

    def interrupt(self) -> None:
        """The node goes inactive: what has been prepared does not count any more."""
        if self._wanted is not None:
            self._begin_anew()

    @property
    def _new_enough(self) -> bool:
        """Whether every stream has told of the start since, and not of how the last episode left things."""
        counts = self._port.counts
        joints = counts[JOINT_STATES] >= self._counts[JOINT_STATES] + _FRESH
        return joints and all(counts[name] > before for name, before in self._counts.items())

    def _client_of(self, service: str) -> Client | None:
        return self._node.create_client(Trigger, service) if service else None

    def _begin_anew(self) -> None:
        self._started = self._config.start == "automatic"
        self._placed = self._client is None
        self._counts = self._port.counts
        if self._call is not None and not self._given_up:
            self._give_up()

    def _give_up(self) -> None:
        """Have the robot stop on its way; it is sent again only once it has said that it is not on its way any more."""
        self._given_up = True
        if self._stopper is not None and self._stopper.service_is_ready():
            self._stopper.call_async(Trigger.Request())
        else:
            self._node.get_logger().error(
                "the robot is being placed and nobody here can stop it: it goes on to its start by itself; a service "
                "that stops it can be named in its file (operator, stop_service)"
            )

    def _place(self) -> None:
        client = self._client
        if client is None or not client.service_is_ready():
            return
        if self._call is None:
            self._call = client.call_async(Trigger.Request())
            return
        if not self._call.done():
            return
        answer, self._call = self._call.result(), None
        if self._given_up:
            self._given_up = False
            return
        if not isinstance(answer, Trigger.Response) or not answer.success:
            said = answer.message if isinstance(answer, Trigger.Response) else self._config.place_service
            raise HrlError(f"the robot could not be placed: {said}")
        self._placed, self._counts = True, self._port.counts

    def _on_start(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        silence, stream = self._port.silence
        if not self._node.active:
            response.message = "the bridge is not active"
        elif not self._course.waiting or self._started:
            response.message = "no episode waits for its start"
        elif self._safety.emergency:
            response.message = "the emergency stop is latched: call service release_emergency_stop first"
        elif self._course.paused:
            response.message = "the run is paused: call service set_paused with paused: false first"
        elif silence > _SPEAKING:
            response.message = f"the robot is silent ({stream}): nobody knows where it stands"
        else:
            response.success = self._started = True
        return response
