"""Recordings of messages with random content, which does not compress: what bags cost, whatever is in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.hierarchy.spec import LevelSpec, hierarchy_of
from hrl_core.messages import NAN, NO_VECTOR, Action, Observation, SegmentEnd, Subgoal, SubgoalKind, SubgoalResult
from hrl_core.task.spec import TaskSpec
from hrl_ros import messages
from hrl_ros.message_texts import message_texts

Message = tuple[str, bytes]
TYPES = {"/observation": "Observation", "/action": "Action", "/subgoal": "Subgoal", "/subgoal_result": "SubgoalResult"}
RUN, ROBOT, FRAME = 7, "robot", "odom"


def write_recording(bag: Path, content: Iterator[Message]) -> None:
    """Write a bag of these messages, nanoseconds apart."""
    writer = BagWriter(bag, typestore_with(message_texts()))
    for topic, kind in TYPES.items():
        writer.add_topic(topic, f"hrl_msgs/msg/{kind}", latched=False)
    for stamp, (topic, data) in enumerate(content):
        writer.write(topic, stamp, data)
    writer.close({})


def random_messages(task: TaskSpec, steps: int) -> Iterator[Message]:
    """Everything that manager, worker and simulator say in ``steps`` steps, encoded: topic and CDR."""
    rng, level = np.random.default_rng(0), hierarchy_of(task).levels[0]
    for episode, first in enumerate(range(0, steps, task.max_episode_steps)):
        length = min(task.max_episode_steps, steps - first)
        states = rng.standard_normal((length + 1, len(task.observation)))
        actions = rng.standard_normal((length + 1, len(task.action)))
        for step in range(length + 1):
            stamp, last = (first + step) * 100_000_000, step == length
            yield (
                "/observation",
                messages.OBSERVATION.encode(
                    _observation(task, stamp, episode, step, states[step], states[0, :2], actions[step], last)
                ),
            )
            if step % level.horizon == 0 and step:
                yield "/subgoal_result", messages.SUBGOAL_RESULT.encode(_result(level, stamp, episode, step, last))
            if last:
                break
            if step % level.horizon == 0:
                yield "/subgoal", messages.SUBGOAL.encode(_subgoal(level, stamp, episode, step, states[step]))
            yield (
                "/action",
                messages.ACTION.encode(
                    Action(stamp, "", RUN, ROBOT, episode, step, actions[step], step // level.horizon, stamp, NAN, 1)
                ),
            )


def _observation(
    task: TaskSpec,
    stamp: int,
    episode: int,
    step: int,
    state: np.ndarray,
    goal: np.ndarray,
    action: np.ndarray,
    last: bool,
) -> Observation:
    return Observation(
        stamp=stamp,
        frame=FRAME,
        run=RUN,
        robot=ROBOT,
        episode=episode,
        step=step,
        state=state,
        achieved_goal=state[:2],
        desired_goal=goal,
        reward=-1.0,
        success=False,
        first=step == 0,
        terminated=False,
        truncated=last,
        mode=0,
        applied_action=action if step else NO_VECTOR,
        action_source=0,
        task_hash=task.hash64,
    )


def _subgoal(level: LevelSpec, stamp: int, episode: int, step: int, state: np.ndarray) -> Subgoal:
    return Subgoal(
        stamp=stamp,
        frame=FRAME,
        run=RUN,
        robot=ROBOT,
        episode=episode,
        step=step,
        seq=step // level.horizon,
        parent_seq=-1,
        level=0,
        kind=SubgoalKind.RELATIVE,
        value=state[: level.dim],
        anchor=state[: level.dim],
        skill_id=-1,
        num_skills=0,
        space=level.space,
        task_goal=state[:2],
        horizon=level.horizon,
        horizon_unit=0,
        tolerance=NO_VECTOR,
        end_when_achieved=False,
        worker_may_terminate=False,
        test=False,
        deterministic=False,
        log_probability=NAN,
        value_estimate=NAN,
        policy_version=1,
    )


def _result(level: LevelSpec, stamp: int, episode: int, step: int, last: bool) -> SubgoalResult:
    end = SegmentEnd.TRUNCATED if last else SegmentEnd.HORIZON
    seq, period, nowhere = step // level.horizon - 1, level.horizon, np.zeros(level.dim)
    return SubgoalResult(stamp, FRAME, RUN, ROBOT, episode, 0, seq, step, period, end, 0, nowhere, 0.0, 0.0, 0.0, ())
