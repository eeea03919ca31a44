"""Web viewer node: the markers and the run's figures on a page, with buttons.

The picture comes from ``markers`` and ``markers_static`` alone. The page is changed in viser's thread, for which the
node waits; the graph is listened to without acknowledging, so that neither a slow browser nor a slow page holds it up.
"""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import viser
from visualization_msgs.msg import Marker, MarkerArray

from hrl_core.errors import FileError, InvalidDataError, TaskError
from hrl_core.hierarchy.text import parse_hierarchy
from hrl_core.task.text import parse_task
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.running import main_of
from hrl_viz import palette
from hrl_viz.cameras import Cameras
from hrl_viz.commands import Commands
from hrl_viz.curves import Curve, Curves
from hrl_viz.drawing import Drawing
from hrl_viz.freshness import Freshness, status_line
from hrl_viz.gate import Gate, require_address
from hrl_viz.page_thread import PageThread
from hrl_viz.panel import Panel
from hrl_viz.places import TaskPlaces
from hrl_viz.shapes import FLOOR
from hrl_viz.tree_panel import TreePanel

COMMAND_PERIOD = 0.05
PANEL_PERIOD = 0.5
PATH = 16
"""Subgoals of a tree's path that may come at once."""
FOLLOW_DISTANCE = 16.0
"""Of a camera that begins to follow the robot [m]."""
ROBOT = "robot"
"""Namespace of the markers that a following camera follows."""
LOOPBACK = "127.0.0.1"
CURVES = {
    "distance": Curve("distance to goal [m]", palette.hexadecimal(palette.GOAL)),
    "reward": Curve("reward per step", palette.hexadecimal(palette.TRAIL)),
    "intrinsic": Curve("intrinsic reward per step", palette.hexadecimal(palette.SUBGOAL)),
    "latency": Curve("action latency [ms]", palette.hexadecimal(palette.RELABELLED)),
}


@dataclass(frozen=True)
class ViewerParameters(NodeParameters):
    """What the viewer takes."""

    host: str = parameter(LOOPBACK, "address to listen at; 0.0.0.0 lets other machines see and steer the run")
    port: int = parameter(8080, "port of the page; the next free one if it is taken", low=1, high=65535)
    observations: str = parameter(
        topics.OBSERVATION_THINNED, "topic of observations; a bag holds only the full one, 'observation'"
    )


class ViewerNode(HrlNode):
    """Passes messages on to the drawing and the panel."""

    niceness = 15
    poll_period = 0.025

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("viewer", ViewerParameters)

    def setup(self) -> None:
        """Start the page and the subscriptions."""
        p = self.read_parameters(ViewerParameters)
        require_address(p.host)
        self._gate = Gate(p.host)
        # It prints a table of addresses, whatever it is told; ours follows in the log.
        with contextlib.redirect_stdout(io.StringIO()), self._gate.before_the_next_server():
            self._server = viser.ViserServer(p.host, p.port, label=f"hrl {self.get_namespace()}", verbose=False)
        self.closing.callback(self._server.stop)
        page = PageThread(self._server)
        self._curves, self._fresh = Curves(CURVES), Freshness()
        self._sim_status: msg.SimStatus | None = None
        self._commands = Commands(self, page.inside(lambda words: self._panel.answer(words)))
        page.run(self._lay_out)
        self.subscribe(MarkerArray, topics.MARKERS_STATIC, page.inside(self._on_static), qos.latched())
        self.subscribe(MarkerArray, topics.MARKERS, page.inside(self._on_markers), qos.onlooker(10))
        self.subscribe(msg.SimStatus, topics.SIM_STATUS, self._on_status, qos.latched())
        newest = qos.latched() if p.observations == topics.OBSERVATION_THINNED else qos.onlooker()
        self.subscribe_raw(msg.Observation, p.observations, self._on_observation, newest)
        self.subscribe_raw(msg.SubgoalResult, topics.SUBGOAL_RESULT, self._on_result, qos.onlooker())
        self._tree: TreePanel | None = None
        self._unbounded = False
        """Whether the scene has nothing but a floor, and the robot has not been seen in it yet."""
        self.subscribe(msg.RunInfo, topics.RUN_INFO, page.inside(self._on_run_info), qos.latched(qos.RIVALS))
        # A path is several at once.
        self.subscribe_raw(msg.Subgoal, topics.SUBGOAL, self._on_subgoal, qos.onlooker(PATH))
        self._health = Health(p.diagnostics)
        self._health.doing = "showing"
        self._reports = HealthReports(self, self._health)
        self.every(COMMAND_PERIOD, self._commands.run)
        self.every(PANEL_PERIOD, page.inside(self._update_panel))

    def _lay_out(self) -> None:
        self._drawing, self._cameras = Drawing(self._server), Cameras(self._server)
        self._panel = Panel(self._server, self._curves, self._refollow)
        self._panel.connect(self._commands)

    def start(self) -> None:
        """Say where the page is."""
        p = self.read_parameters(ViewerParameters)
        port = self._server.get_port()
        taken = "" if port == p.port else f" (port {p.port} is taken)"
        self.get_logger().info(f"viewer at {self._gate.address(port)}{taken}")
        if self._gate.token:
            self.get_logger().warning(
                f"the page is open, buttons included, to whoever reaches {p.host} and knows the token in its address"
            )

    def _on_static(self, array: MarkerArray) -> None:
        self._drawing.apply(array)
        markers = [marker for marker in array.markers if marker.action == Marker.ADD]
        if markers:
            self._panel.frame = markers[0].header.frame_id
        # The middles of the outermost walls: their far sides are not worth the room. Of an arm also how high it stands.
        arm = any(marker.type == Marker.MESH_RESOURCE for marker in markers)
        centres = [marker.pose.position for marker in markers if marker.id != FLOOR and not marker.points]
        places = np.array([(place.x, place.y, arm * place.z) for place in centres]).reshape(-1, 3)
        self._unbounded = not np.ptp(places, axis=0).any() if centres else True
        if not self._unbounded:
            self._cameras.look_at_scene(places.min(axis=0), places.max(axis=0))

    def _on_markers(self, array: MarkerArray) -> None:
        self._fresh.heard()
        self._drawing.apply(array)
        robot = self._robot()
        if robot is None:
            return
        if self._unbounded:
            # Nothing says where else it could be looked at from.
            self._unbounded = False
            self._panel.follow()
        self._cameras.follow(robot, self._panel.following, FOLLOW_DISTANCE)

    def _on_status(self, status: msg.SimStatus) -> None:
        self._fresh.heard()
        self._sim_status = status
        seconds = messages.from_time(status.header.stamp) / messages.NANOSECONDS
        self._curves.add("latency", seconds, 1e3 * status.action_latency)

    def _on_observation(self, data: bytes) -> None:
        observation = messages.OBSERVATION.decode(data)
        if self._tree is not None:
            self._tree.on_observation(observation.episode, observation.step)
        seconds = observation.stamp / messages.NANOSECONDS
        if observation.desired_goal.size:
            left = observation.achieved_goal - observation.desired_goal
            self._curves.add("distance", seconds, float(np.linalg.norm(left)))
        if not observation.first:
            self._curves.add("reward", seconds, observation.reward)

    def _on_result(self, data: bytes) -> None:
        result = messages.SUBGOAL_RESULT.decode(data)
        if result.level == 0:
            seconds = result.stamp / messages.NANOSECONDS
            self._curves.add("intrinsic", seconds, result.intrinsic_sum / max(1, result.steps_used))

    def _on_run_info(self, info: msg.RunInfo) -> None:
        try:
            tree = parse_hierarchy(info.hierarchy, f"hierarchy of run {info.run:016x}").tree if info.hierarchy else None
            self._panel.offer_goal(TaskPlaces(parse_task(info.task, f"RunInfo of run {info.run:016x}"), ()).goal.exists)
        except (TaskError, FileError) as error:
            raise InvalidDataError(str(error)) from None
        self._tree = None if tree is None else TreePanel(tree)
        if tree is None:
            self._panel.hide_tree()

    def _on_subgoal(self, data: bytes) -> None:
        if self._tree is not None:
            self._tree.on_subgoal(messages.SUBGOAL.decode(data))

    def _update_panel(self) -> None:
        if self._tree is not None:
            self._panel.show_tree(self._tree.html())
        self._panel.tell(status_line(self._sim_status, self._fresh.stale()))
        self._panel.plot()

    def _refollow(self, following: bool) -> None:
        robot = self._robot()
        if following and robot is not None:
            self._cameras.centre(robot, FOLLOW_DISTANCE)

    def _robot(self) -> np.ndarray | None:
        """Position of the first of the robot's markers that is not a list."""
        places = [(number, at) for (group, number), at in list(self._drawing.positions.items()) if group == ROBOT]
        return min((p for p in places if p[1].any()), key=lambda p: p[0], default=(0, None))[1]


main = main_of(ViewerNode)
