"""Services of the simulator: reset, step, pause, pace, episode. They return at once; the rest shows in SimStatus."""

import numpy as np

from hrl_core.errors import HrlError
from hrl_core.randomness import episode_seed
from hrl_core.types import frozen
from hrl_msgs.srv import ChooseEpisode, Reset, SetPaused, SetRealTimeFactor, Step
from hrl_ros import topics
from hrl_ros.node import HrlNode
from hrl_sim.clocks import SimulationClock
from hrl_sim.pace import Pace
from hrl_sim.simulation import Simulation


class SimulationServices:
    """Turns requests into calls of the simulation."""

    def __init__(self, node: HrlNode, simulation: Simulation, clock: SimulationClock, pace: Pace) -> None:
        """Offer the services."""
        self._node, self._simulation, self._clock, self._pace = node, simulation, clock, pace
        node.create_service(Reset, topics.RESET, self._reset)
        node.create_service(Step, topics.STEP, self._step)
        node.create_service(SetPaused, topics.SET_PAUSED, self._set_paused)
        node.create_service(SetRealTimeFactor, topics.SET_REAL_TIME_FACTOR, self._set_real_time_factor)
        node.create_service(ChooseEpisode, topics.CHOOSE_EPISODE, self._choose_episode)

    def _reset(self, request: Reset.Request, response: Reset.Response) -> Reset.Response:
        response.message = self._refusal()
        if response.message:
            return response
        goal = frozen(np.asarray(request.goal)) if len(request.goal) else None
        try:
            if goal is not None:
                self._simulation.runner.spec.check_goal(goal)
            seed = request.seed if request.use_seed else None
            response.episode = self._simulation.restart(seed, goal)
            response.accepted = True
        except HrlError as error:
            response.message = str(error)
        return response

    def _step(self, request: Step.Request, response: Step.Response) -> Step.Response:
        response.message = self._refusal()
        if not response.message and not self._simulation.paused:
            response.message = "stepping is refused while running; call set_paused first"
        if not response.message and request.n < 1:
            response.message = f"n must be at least 1, got {request.n}"
        response.accepted = not response.message
        if response.accepted:
            response.target_step = self._simulation.request_steps(request.n)
            self._clock.poll()
        return response

    def _set_paused(self, request: SetPaused.Request, response: SetPaused.Response) -> SetPaused.Response:
        self._simulation.pause(request.paused)
        self._clock.poll()
        response.paused = self._simulation.paused
        return response

    def _set_real_time_factor(
        self, request: SetRealTimeFactor.Request, response: SetRealTimeFactor.Response
    ) -> SetRealTimeFactor.Response:
        try:
            self._pace.set(request.real_time_factor)
            response.accepted = True
        except HrlError as error:
            response.message = str(error)
        return response

    def _choose_episode(
        self, request: ChooseEpisode.Request, response: ChooseEpisode.Response
    ) -> ChooseEpisode.Response:
        response.message = self._refusal()
        if not response.message:
            seed = episode_seed(self._simulation.runner.seed, request.episode)
            response.episode = self._simulation.restart(seed, None)
            response.accepted = True
        return response

    def _refusal(self) -> str:
        if not self._node.active:
            return "the simulator is not active"
        if self._simulation.finished or self._simulation.observation is None:
            return "no episode is running"
        return ""
