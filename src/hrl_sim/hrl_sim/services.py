"""Services only a simulator can offer: single steps, another pace, an episode again."""

from hrl_core.errors import HrlError
from hrl_core.randomness import episode_seed
from hrl_msgs.srv import ChooseEpisode, SetRealTimeFactor, Step
from hrl_ros import topics
from hrl_ros.loop.course import Course, EnvironmentClock
from hrl_ros.loop.services import CourseServices
from hrl_ros.node import HrlNode
from hrl_sim.pace import Pace


class SimulationServices(CourseServices):
    """Adds to reset and pause what a robot cannot do."""

    def __init__(self, node: HrlNode, course: Course, clock: EnvironmentClock, pace: Pace) -> None:
        """Offer the services."""
        super().__init__(node, course, clock)
        self._pace = pace
        node.create_service(Step, topics.STEP, self._step)
        node.create_service(SetRealTimeFactor, topics.SET_REAL_TIME_FACTOR, self._set_real_time_factor)
        node.create_service(ChooseEpisode, topics.CHOOSE_EPISODE, self._choose_episode)

    def _step(self, request: Step.Request, response: Step.Response) -> Step.Response:
        response.message = self.refusal()
        if not response.message and not self._course.paused:
            response.message = "stepping is refused while running; call set_paused first"
        if not response.message and request.n < 1:
            response.message = f"n must be at least 1, got {request.n}"
        if not response.message:
            response.target_step = self._course.request_steps(request.n)
            response.message = self.look_again()
        response.accepted = not response.message
        return response

    def _set_real_time_factor(
        self, request: SetRealTimeFactor.Request, response: SetRealTimeFactor.Response
    ) -> SetRealTimeFactor.Response:
        try:
            self._pace.set(request.real_time_factor)
        except HrlError as error:
            response.message = str(error)
            return response
        response.accepted = True
        response.message = self.look_again()
        return response

    def _choose_episode(
        self, request: ChooseEpisode.Request, response: ChooseEpisode.Response
    ) -> ChooseEpisode.Response:
        response.message = self.refusal()
        if response.message:
            return response
        try:
            response.episode = self.restart(episode_seed(self._course.runner.seed, request.episode), None)
            response.accepted = True
        except HrlError as error:
            response.message = str(error)
        return response
