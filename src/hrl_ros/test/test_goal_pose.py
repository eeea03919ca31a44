"""A clicked goal counts where it was meant: in the frame of the run, or in none that is named."""

from types import SimpleNamespace
from typing import Any

import pytest
from geometry_msgs.msg import PoseStamped

from hrl_core.task.text import load_task
from hrl_ros.loop.goal_pose import GoalPose


def goals_of(frame_id: str, frame: str = "robot_1/odom") -> tuple[list[list[float]], list[str]]:
    """What becomes of a pose: goals that are set, and what is said of those that are not."""
    goals: list[list[float]] = []
    said: list[str] = []
    runner = SimpleNamespace(spec=load_task("ant_maze"), frame=frame, set_goal=lambda goal: goals.append(goal.tolist()))
    course: Any = SimpleNamespace(runner=runner, between_episodes=False)
    heard: list[Any] = []
    node: Any = SimpleNamespace(
        subscribe=lambda _kind, _topic, callback, _qos: heard.append(callback), get_logger=lambda: None
    )
    GoalPose(node, course, lambda error: said.append(str(error)))
    pose = PoseStamped()
    pose.header.frame_id = frame_id
    pose.pose.position.x, pose.pose.position.y = 8.0, 4.0
    heard[0](pose)
    return goals, said


@pytest.mark.parametrize("frame", ["robot_1/odom", "/robot_1/odom", ""])
def test_a_goal_in_the_frame_of_the_run_is_set(frame: str) -> None:
    assert goals_of(frame) == ([[8.0, 4.0]], [])


@pytest.mark.parametrize("frame", ["map", "odom", "robot_2/odom", "robot_1"])
def test_a_goal_in_another_frame_is_refused_and_both_are_named(frame: str) -> None:
    goals, said = goals_of(frame)
    assert (goals, said) == ([], [f"goal_pose: in frame '{frame}', but goals are in 'robot_1/odom'"])
