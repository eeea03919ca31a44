"""rviz's 2D Goal Pose as the task goal of the running episode."""

from collections.abc import Callable

from geometry_msgs.msg import PoseStamped

from hrl_core.errors import HrlError, InvalidDataError
from hrl_core.messages import frozen
from hrl_ros import qos, topics
from hrl_ros.loop.course import Course
from hrl_ros.node import HrlNode


class GoalPose:
    """Sets the goal, or says why it does not: somebody's click ends no run."""

    def __init__(self, node: HrlNode, course: Course, leave_out: Callable[[HrlError], None]) -> None:
        """Listen.

        Args:
            node: owner.
            course: whose running episode gets the goal.
            leave_out: told of goals that are none.
        """
        self._node, self._course, self._leave_out = node, course, leave_out
        node.subscribe(PoseStamped, topics.GOAL_POSE, self._on_goal_pose, qos.event())

    def _on_goal_pose(self, pose: PoseStamped) -> None:
        position = (pose.pose.position.x, pose.pose.position.y, pose.pose.position.z)
        names = [element.name for element in self._course.runner.spec.goal]
        logger = self._node.get_logger()
        if not names or names != ["x", "y", "z"][: len(names)]:
            theirs = f"the task's goal is {', '.join(names)}, not a position" if names else "the task has no goal"
            logger.error(f"goal_pose ignored: {theirs}")
        elif self._course.between_episodes:
            logger.error("goal_pose ignored between episodes: send it again when the next one has begun")
        else:
            try:
                self._require_frame(pose.header.frame_id)
                self._course.runner.set_goal(frozen(position[: len(names)]))
            except HrlError as error:
                self._leave_out(error)

    def _require_frame(self, frame: str) -> None:
        """Refuse what is said in another frame, of which nobody here knows where it is; none is taken for ours."""
        ours = self._course.runner.frame
        if frame and frame.removeprefix("/") != ours:
            raise InvalidDataError(f"goal_pose: in frame '{frame}', but goals are in '{ours}'")
