"""``RunInfo``: which run is on, for nodes and people whenever they come."""

import time

from hrl_core.hierarchy.spec import HierarchySpec
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.loop.parameters import EnvironmentParameters
from hrl_ros.node import HrlNode


class Announcement:
    """What is said of a run before it begins."""

    def __init__(
        self,
        node: HrlNode,
        run: int,
        settings: EnvironmentParameters,
        task: str,
        task_hash: str,
        hierarchy: HierarchySpec | None,
    ) -> None:
        """Say nothing yet.

        Args:
            node: owner.
            run: its id.
            settings: what it was started with.
            task: specification, as the run tells it.
            task_hash: SHA-256 of it.
            hierarchy: of the policy that acts; None: unknown.
        """
        self._publisher = node.create_lifecycle_publisher(msg.RunInfo, topics.RUN_INFO, qos.latched())
        self._info = info = msg.RunInfo(run=run, robot=settings.robot, task=task, task_hash=task_hash)
        info.seed, info.git_commit, info.recorded = settings.seed, settings.git_commit, settings.recorder
        info.clock_mode = msg.RunInfo.REALTIME if settings.realtime else msg.RunInfo.LOCKSTEP
        info.real_time_factor = settings.real_time_factor if settings.realtime else 0.0
        if hierarchy is not None:
            info.hierarchy, info.hierarchy_hash = hierarchy.to_yaml(), hierarchy.sha256

    def publish(self) -> None:
        """Announce the run."""
        self._info.header.stamp = messages.to_time(time.time_ns())
        self._publisher.publish(self._info)
