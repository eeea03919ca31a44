"""Markers node: what the stack says, as visualization_msgs/MarkerArray for rviz and the web viewer.

It looks for what has come a few times a second instead of being woken by every message, listens without acknowledging,
and draws nothing while nobody watches: a lock-step run does not notice it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray

from hrl_core.errors import FileError, InvalidDataError, TaskError
from hrl_core.hierarchy.text import announced_hierarchy
from hrl_core.messages import Observation
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.running import main_of
from hrl_viz.frames import Frames
from hrl_viz.marker_messages import MarkerStream
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel

REFRESH_PERIOD = 1.0
"""Seconds after which everything is sent again, for those who missed something."""
BACKLOG = 64
"""Subgoals and results kept between two looks: a second of the fastest lock-step."""


@dataclass(frozen=True)
class MarkersParameters(NodeParameters):
    """What the markers node takes."""

    rate: float = parameter(20.0, "most updates per second of wall time [Hz]", low=0.1, high=20.0)
    modules: str = parameter("", "modules, separated by commas, that may be imported to draw the environment of a run")
    wall_height: float = parameter(1.0, "walls are drawn at most this tall [m]; 0: as they are", low=0.0)
    observations: str = parameter(
        topics.OBSERVATION_THINNED, "topic of observations; a bag holds only the full one, 'observation'"
    )


KNOWN = ("", "hrl_core.envs", "gymnasium_robotics")
"""Modules that register environments and are imported for every run."""


class MarkersNode(HrlNode):
    """Converts messages, hands them to the scene, publishes its shapes."""

    niceness = 10
    poll_period = 0.025

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("markers", MarkersParameters)

    def setup(self) -> None:
        """Create publishers and subscriptions; the scene follows with the run's task."""
        self._settings = p = self.read_parameters(MarkersParameters)
        self._scene: Scene | None = None
        self._run, self._fresh, self._refreshed = 0, False, 0.0
        self._announced: dict[int, msg.RunInfo] = {}
        """The newest runs."""
        self._stream, self._scenery, self._frames = MarkerStream(), MarkerStream(), Frames(self)
        self._dynamic = self.create_lifecycle_publisher(MarkerArray, topics.MARKERS, qos.sensor())
        self._static = self.create_lifecycle_publisher(MarkerArray, topics.MARKERS_STATIC, qos.latched())
        self.subscribe(msg.RunInfo, topics.RUN_INFO, self._on_run_info, qos.latched(qos.RIVALS))
        newest = qos.latched() if p.observations == topics.OBSERVATION_THINNED else qos.onlooker()
        self.subscribe_raw(msg.Observation, p.observations, self._on_observation, newest)
        self._listen(msg.Subgoal, topics.SUBGOAL, messages.SUBGOAL.decode, lambda s, m: s.on_subgoal(m))
        self.subscribe(msg.RelabelledSubgoal, topics.RELABELLED_SUBGOAL, self._on_relabelled, qos.onlooker(BACKLOG))
        decode = messages.SUBGOAL_RESULT.decode
        self._listen(msg.SubgoalResult, topics.SUBGOAL_RESULT, decode, lambda s, m: s.on_result(m))
        self.subscribe(JointState, topics.JOINT_STATES, self._on_joints, qos.onlooker())
        self.subscribe(msg.Objects, topics.OBJECTS, self._on_objects, qos.onlooker())
        self._health = Health(p.diagnostics)
        self._health.doing = "drawing"
        self._observations = self._health.stream(p.observations)
        self._reports = HealthReports(self, self._health)
        self.every(1 / p.rate, self._draw)

    def _listen(self, kind: type, topic: str, decode: Callable, tell: Callable) -> None:
        """Hand every message of the run on to the scene."""

        def take(data: bytes) -> None:
            message = decode(data)
            if self._scene is not None and message.run == self._run:
                tell(self._scene, message)
                self._fresh = True

        self.subscribe_raw(kind, topic, take, qos.onlooker(BACKLOG))

    def _on_run_info(self, info: msg.RunInfo) -> None:
        """Set the stage for a run; a restarted simulator's run replaces the old one."""
        self._announced = {**self._announced, info.run: info}
        self._announced = dict(list(self._announced.items())[-qos.RIVALS :])
        if info.run != self._run:
            self._set_the_stage(info)

    def _set_the_stage(self, info: msg.RunInfo) -> None:
        try:
            spec = parse_task(info.task, f"RunInfo of run {info.run:016x}")
            self._require_known(spec)
            model = SceneModel(spec, self._settings.wall_height, mesh_files=True)
            hierarchy = announced_hierarchy(info.hierarchy, spec, f"hierarchy of run {info.run:016x}")
        except (TaskError, FileError) as error:
            raise InvalidDataError(str(error)) from None
        self._run, self._scene = info.run, Scene(spec, model, hierarchy)
        self._frames.bind(spec)
        prefix = self.get_namespace().strip("/")
        frame = f"{prefix}/{spec.frame}" if prefix else spec.frame
        # What the run before had and this one has not is taken away.
        self._static.publish(self._scenery.update(model.static_shapes(), frame, Time(), everything=True))

    def _require_known(self, spec: TaskSpec) -> None:
        """Refuse to import what a message names: whoever can send one could have anything installed here run."""
        module = spec.env_id.rpartition(":")[0]
        known = (*KNOWN, *(name.strip() for name in self._settings.modules.split(",")))
        if module not in known:
            raise TaskError(
                f"task '{spec.name}': '{module}' is not imported for a message; allow it with the parameter modules"
            )

    def _on_observation(self, data: bytes) -> None:
        self._observations.received()
        observation = messages.OBSERVATION.decode(data)
        if observation.run != self._run and observation.run in self._announced:
            # The newer run gave way to this one, and announced itself all the same.
            self._set_the_stage(self._announced[observation.run])
        if self._scene is not None and observation.run == self._run:
            self._scene.on_observation(observation)
            self._fresh = True

    def _on_relabelled(self, subgoal: msg.RelabelledSubgoal) -> None:
        if self._scene is not None and subgoal.run == self._run and subgoal.level == 0:
            self._scene.on_relabelled(subgoal.episode, subgoal.seq, np.array(subgoal.chosen))

    def _on_joints(self, joints: JointState) -> None:
        if self._scene is not None:
            self._scene.on_joints(dict(zip(joints.name, joints.position, strict=False)))

    def _on_objects(self, objects: msg.Objects) -> None:
        if self._scene is not None:
            poses = zip(objects.name, objects.pose, strict=False)
            self._scene.on_objects({name: _pose(pose) for name, pose in poses})

    def _draw(self) -> None:
        """Publish what has changed, if anybody watches."""
        scene, now = self._scene, time.monotonic()
        late = now - self._refreshed > REFRESH_PERIOD
        if scene is None or scene.observation is None or not (self._fresh or late):
            return
        self._fresh = False
        self._frames.publish(scene.observation)
        if self._dynamic.get_subscription_count() == 0:
            return
        self._refreshed = now if late else self._refreshed
        self._publish(scene, scene.observation, late)

    def _publish(self, scene: Scene, observation: Observation, everything: bool) -> None:
        stamp = messages.to_time(observation.stamp)
        changed = self._stream.update(scene.shapes(), observation.frame, stamp, everything)
        if changed.markers:
            self._dynamic.publish(changed)


def _pose(pose) -> tuple[tuple[float, float, float], tuple[float, float, float, float]]:  # noqa: ANN001 - a Pose
    position, turned = pose.position, pose.orientation
    return (position.x, position.y, position.z), (turned.w, turned.x, turned.y, turned.z)


main = main_of(MarkersNode)
