"""Services of the player, the same as the simulator's: pause, step, reset, pace, episode."""

from collections.abc import Callable, Sequence

from hrl_msgs.srv import ChooseEpisode, Reset, SetPaused, SetRealTimeFactor, Step
from hrl_ros import topics
from hrl_ros.loop.parameters import FACTORS
from hrl_ros.node import HrlNode
from hrl_viz.playback import FASTEST, Playback

_NAMED = 10
"""Episodes listed in a refusal."""


class PlayerServices:
    """Turns requests into calls of the playback."""

    def __init__(self, node: HrlNode, playback: Playback, numbers: Sequence[int], tell: Callable[[], None]) -> None:
        """Offer the services.

        Args:
            node: their owner.
            playback: what is steered.
            numbers: episode number at each position of the recording.
            tell: called after every change.
        """
        self._playback, self._numbers, self._tell = playback, numbers, tell
        node.create_service(SetPaused, topics.SET_PAUSED, self._set_paused)
        node.create_service(Step, topics.STEP, self._step)
        node.create_service(Reset, topics.RESET, self._reset)
        node.create_service(SetRealTimeFactor, topics.SET_REAL_TIME_FACTOR, self._set_rate)
        node.create_service(ChooseEpisode, topics.CHOOSE_EPISODE, self._choose)

    def _set_paused(self, request: SetPaused.Request, response: SetPaused.Response) -> SetPaused.Response:
        self._playback.pause(request.paused)
        response.paused = self._playback.paused
        self._tell()
        return response

    def _step(self, request: Step.Request, response: Step.Response) -> Step.Response:
        if not self._playback.paused:
            response.message = "stepping is refused while running; call set_paused first"
        elif request.n < 1:
            response.message = f"n must be at least 1, got {request.n}"
        elif self._playback.finished:
            response.message = "the recording is over: go to an episode, or reset, first"
        else:
            response.accepted, response.target_step = True, self._playback.step(request.n)
        return response

    def _reset(self, request: Reset.Request, response: Reset.Response) -> Reset.Response:
        """Begin the present episode again; seed and goal are what they were."""
        if request.use_seed or len(request.goal):
            response.message = "a recording has the seeds and goals it had; reset without them"
            return response
        self._playback.go(self._playback.episode)
        response.accepted, response.episode = True, self._numbers[self._playback.episode]
        self._tell()
        return response

    def _set_rate(
        self, request: SetRealTimeFactor.Request, response: SetRealTimeFactor.Response
    ) -> SetRealTimeFactor.Response:
        low, high = FACTORS
        rate = request.real_time_factor
        if rate != FASTEST and not low <= rate <= high:
            response.message = f"real_time_factor {rate:g} must be 0 (as fast as possible) or {low:g} to {high:g}"
            return response
        self._playback.rate, response.accepted = rate, True
        return response

    def _choose(self, request: ChooseEpisode.Request, response: ChooseEpisode.Response) -> ChooseEpisode.Response:
        if request.episode not in self._numbers:
            more = ", ..." if len(self._numbers) > _NAMED else ""
            known = ", ".join(map(str, self._numbers[:_NAMED])) + more
            response.message = f"episode {request.episode} is not recorded; there are {known}"
            return response
        self._playback.go(self._numbers.index(request.episode))
        response.accepted, response.episode = True, request.episode
        self._tell()
        return response
