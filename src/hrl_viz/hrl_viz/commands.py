"""What a person asks of the running graph through the page: calls of its services, answered in words."""

import queue
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.client import Client

from hrl_msgs.srv import ChooseEpisode, Reset, SetPaused, SetRealTimeFactor, Step
from hrl_ros import qos, topics
from hrl_ros.node import HrlNode
from hrl_viz.markdown import verbatim

Answer = Callable[[str], None]
"""Takes one line of Markdown."""


class Commands:
    """Clients of simulator or player. Callable from any thread: requests are made when the node calls ``run``."""

    def __init__(self, node: HrlNode, answer: Answer) -> None:
        """Create the clients.

        Args:
            node: their owner.
            answer: told what came of each request.
        """
        self._node, self._answer = node, answer
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._goal = node.create_lifecycle_publisher(PoseStamped, topics.GOAL_POSE, qos.event())
        self._paused = node.create_client(SetPaused, topics.SET_PAUSED)
        self._step = node.create_client(Step, topics.STEP)
        self._reset = node.create_client(Reset, topics.RESET)
        self._pace = node.create_client(SetRealTimeFactor, topics.SET_REAL_TIME_FACTOR)
        self._episode = node.create_client(ChooseEpisode, topics.CHOOSE_EPISODE)

    def run(self) -> None:
        """Make the requests that have gathered; called by the node's own thread."""
        while not self._requests.empty():
            self._requests.get()()

    def pause(self, paused: bool) -> None:
        """Pause or go on."""
        word = "paused" if paused else "running"
        self._call(self._paused, SetPaused.Request(paused=paused), lambda _: word)

    def step(self, count: int) -> None:
        """Take steps while paused."""
        self._call(self._step, Step.Request(n=max(0, count)), lambda got: f"stepping to {got.target_step}")

    def reset(self) -> None:
        """Start a new episode."""
        self._call(self._reset, Reset.Request(), lambda got: f"reset: episode {got.episode}")

    def pace(self, factor: float) -> None:
        """Set the real-time factor."""
        request = SetRealTimeFactor.Request(real_time_factor=factor)
        self._call(self._pace, request, lambda _: f"real-time factor {factor:g}")

    def choose(self, episode: int) -> None:
        """Go to an episode."""
        request = ChooseEpisode.Request(episode=max(0, episode))
        self._call(self._episode, request, lambda got: f"episode {got.episode}")

    def goal(self, x: float, y: float, frame: str) -> None:
        """Set the task goal at (x, y) [m]."""

        def publish() -> None:
            if self._goal.get_subscription_count() == 0:
                self._answer("nobody takes goals here (a recording has the goals it had)")
                return
            pose = PoseStamped()
            pose.header.frame_id = frame
            pose.pose.position.x, pose.pose.position.y, pose.pose.orientation.w = float(x), float(y), 1.0
            self._goal.publish(pose)
            self._answer(f"goal ({x:.1f}, {y:.1f}) m sent")

        self._requests.put(publish)

    def _call(self, client: Client, request: Any, words: Callable[[Any], str]) -> None:  # noqa: ANN401
        def call() -> None:
            if not client.service_is_ready():
                self._answer(f"nobody offers `{client.srv_name}`: is the simulator or player running?")
                return
            client.call_async(request).add_done_callback(lambda future: self._told(future.result(), words))

        self._requests.put(call)

    def _told(self, response: Any, words: Callable[[Any], str]) -> None:  # noqa: ANN401 - any service's
        if getattr(response, "accepted", True):
            self._answer(f"{words(response)}")
        else:
            self._answer(f"refused: {verbatim(response.message)}")
