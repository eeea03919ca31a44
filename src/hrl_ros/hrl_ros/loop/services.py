"""Services of whoever closes the loop: reset and pause. They return at once; the rest shows in SimStatus."""

import numpy as np

from hrl_core.errors import HrlError
from hrl_core.messages import Vector, frozen
from hrl_msgs.srv import Reset, SetPaused
from hrl_ros import topics
from hrl_ros.loop.course import Course, EnvironmentClock
from hrl_ros.node import HrlNode


class CourseServices:
    """Turns requests into calls of the course."""

    def __init__(self, node: HrlNode, course: Course, clock: EnvironmentClock) -> None:
        """Offer the services."""
        self._node, self._course, self._clock = node, course, clock
        node.create_service(Reset, topics.RESET, self._reset)
        node.create_service(SetPaused, topics.SET_PAUSED, self._set_paused)

    def refusal(self) -> str:
        """Why nothing can be asked for now; empty if it can."""
        if not self._node.active:
            return f"the {self._node.get_name()} is not active"
        if self._course.finished or self._course.observation is None:
            return "no episode is running"
        return ""

    def restart(self, seed: int | None, goal: Vector | None) -> int:
        """Begin a new episode; returns its number.

        Raises:
            HrlError: the environment refuses.
        """
        episode = self._course.restart(seed, goal)
        # While paused a clock holds an action of the episode before, for which it would drop the first of this one.
        self._clock.poll()
        return episode

    def look_again(self) -> str:
        """Have the clock take the step that it may take now; returns why it failed.

        That ends the node, as a step does that an action or a tick leads to.
        """
        try:
            self._clock.poll()
        except HrlError as error:
            self._node.fail(str(error))
            return str(error)
        return ""

    def _reset(self, request: Reset.Request, response: Reset.Response) -> Reset.Response:
        response.message = self.refusal()
        if response.message:
            return response
        goal = frozen(np.asarray(request.goal)) if len(request.goal) else None
        try:
            if goal is not None:
                self._course.runner.check_goal(goal)
            response.episode = self.restart(request.seed if request.use_seed else None, goal)
            response.accepted = True
        except HrlError as error:
            response.message = str(error)
        return response

    def _set_paused(self, request: SetPaused.Request, response: SetPaused.Response) -> SetPaused.Response:
        self._course.pause(request.paused)
        self.look_again()
        response.paused = self._course.paused
        return response
