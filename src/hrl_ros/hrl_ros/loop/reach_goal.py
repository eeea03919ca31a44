"""ReachGoal action: sets the task goal and follows the episode; why it ended is kept apart from its success."""

import time
from dataclasses import dataclass

import numpy as np
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from hrl_core.errors import HrlError
from hrl_core.messages import Observation, Vector, frozen
from hrl_msgs.action import ReachGoal
from hrl_ros import topics
from hrl_ros.loop.course import Course
from hrl_ros.node import HrlNode

FEEDBACK_PERIOD = 0.1


@dataclass
class _Pursuit:
    """The goal being pursued."""

    handle: ServerGoalHandle
    outcome: Future
    steps: int = 0
    next_feedback: float = 0.0


class ReachGoalServer:
    """One goal at a time; a newer one replaces the running one."""

    def __init__(self, node: HrlNode, course: Course) -> None:
        """Offer the action."""
        self._node, self._course = node, course
        self._pursuit: _Pursuit | None = None
        self._outcomes: dict[bytes, Future] = {}
        """Id of a goal that was accepted -> its result to come; None: it could not be pursued."""
        self._server = ActionServer(
            node,
            ReachGoal,
            topics.REACH_GOAL,
            execute_callback=self._execute,
            handle_accepted_callback=self._begin,
            goal_callback=self._judge,
            cancel_callback=lambda _handle: CancelResponse.ACCEPT,
        )
        course.cut_off = self._cut_off
        # No observation comes while the run is paused, or waits for somebody.
        node.every(FEEDBACK_PERIOD, self._look_for_cancel)

    def observe(self, observation: Observation) -> None:
        """Follow the episode: feedback at most ten times a second of wall time, then the result."""
        pursuit = self._pursuit
        if pursuit is None:
            return
        pursuit.steps += 0 if observation.first else 1
        handle = pursuit.handle
        if handle.is_cancel_requested:
            self._end(observation, ReachGoal.Result.CANCELLED)
        elif observation.success and handle.request.stop_when_reached and not self._pending(observation, handle):
            self._end(observation, ReachGoal.Result.REACHED)
        elif observation.last:
            self._end(observation, ReachGoal.Result.EPISODE_ENDED)
        elif time.monotonic() >= pursuit.next_feedback:
            pursuit.next_feedback = time.monotonic() + FEEDBACK_PERIOD
            distance = self._distance(observation)
            handle.publish_feedback(
                ReachGoal.Feedback(distance=distance, episode=observation.episode, step=observation.step)
            )

    def _look_for_cancel(self) -> None:
        pursuit, observation = self._pursuit, self._course.observation
        if pursuit is not None and observation is not None and pursuit.handle.is_cancel_requested:
            self._end(observation, ReachGoal.Result.CANCELLED)

    def _judge(self, goal: ReachGoal.Goal) -> GoalResponse:
        why = self._refusal(frozen(np.asarray(goal.goal)))
        if why:
            self._node.get_logger().error(f"reach_goal rejected: {why}")
        return GoalResponse.REJECT if why else GoalResponse.ACCEPT

    def _refusal(self, goal: Vector) -> str:
        """Why a goal (goal_dim,) cannot be pursued now; empty: it can."""
        course = self._course
        if not self._node.active or course.finished:
            return "no episode is running"
        if not course.runner.spec.goal:
            return f"task '{course.runner.spec.name}' has no goal"
        if course.between_episodes:
            return "no episode is running: send it again when the next one has begun"
        try:
            course.runner.check_goal(goal)
        except HrlError as error:
            return str(error)
        return ""

    def _begin(self, handle: ServerGoalHandle) -> None:
        """Pursue what has just been accepted: were it begun later, the episode that it was meant for might be over."""
        outcome = self._outcomes[bytes(handle.goal_id.uuid)] = Future()
        try:
            self._course.runner.set_goal(frozen(np.asarray(handle.request.goal)))
        except HrlError as error:
            self._node.get_logger().error(f"reach_goal aborted: {error}")
            outcome.set_result(None)
        else:
            observation = self._course.observation
            if self._pursuit is not None and observation is not None:
                self._end(observation, ReachGoal.Result.REPLACED)
            self._pursuit = _Pursuit(handle, outcome)
        handle.execute()

    async def _execute(self, handle: ServerGoalHandle) -> ReachGoal.Result:
        result = await self._outcomes.pop(bytes(handle.goal_id.uuid))
        if result is None:
            handle.abort()
            return ReachGoal.Result(end_reason=ReachGoal.Result.CANCELLED)
        assert isinstance(result, ReachGoal.Result)
        if result.end_reason == ReachGoal.Result.CANCELLED:
            handle.canceled()
        elif result.success:
            handle.succeed()
        else:
            handle.abort()
        return result

    def _cut_off(self) -> None:
        """The running episode ends, and with it what is pursued in it."""
        if self._pursuit is not None and self._course.observation is not None:
            self._end(self._course.observation, ReachGoal.Result.EPISODE_ENDED)

    def _end(self, observation: Observation, reason: int) -> None:
        pursuit, self._pursuit = self._pursuit, None
        assert pursuit is not None
        result = ReachGoal.Result(end_reason=reason, steps=pursuit.steps)
        result.success = observation.success and not self._pending(observation, pursuit.handle)
        result.final_distance = self._distance(observation)
        pursuit.outcome.set_result(result)

    @staticmethod
    def _pending(observation: Observation, handle: ServerGoalHandle) -> bool:
        """Whether the goal has not yet appeared in an observation (it takes effect with the next one)."""
        return not np.array_equal(observation.desired_goal, np.asarray(handle.request.goal))

    def _distance(self, observation: Observation) -> float:
        return self._course.runner.spec.distance(observation.achieved_goal, observation.desired_goal)
