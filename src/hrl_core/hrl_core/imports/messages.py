"""What the stack would have said of an imported episode, had it been there."""

from collections.abc import Iterator

import numpy as np

from hrl_core.imports.episodes import ImportedEpisode
from hrl_core.messages import NAN, NO_VECTOR, Action, ActionSource, EpisodeEnd, EpisodeResult, Mode, Observation
from hrl_core.task.spec import TaskSpec

ROBOT = "robot"


def messages_of(
    task: TaskSpec, episode: ImportedEpisode, run: int, number: int, begin: int
) -> Iterator[Observation | Action | EpisodeResult]:
    """Observations and actions in turn, then the result; all are demonstrations, and no policy's.

    Args:
        task: of the run.
        episode: what happened.
        run: id of the run.
        number: of the episode in it.
        begin: environment time at its first observation [ns].
    """
    task_hash = int(task.sha256[:16], 16)
    for step in range(episode.steps + 1):
        stamp = begin + round(step * task.control_period * 1e9)
        key = stamp, task.frame, run, ROBOT, number, step
        last = step == episode.steps
        goals = episode.achieved_goals[step], episode.desired_goals[step]
        reward = float(episode.rewards[step - 1]) if step else 0.0
        ends = last and episode.terminated, last and not episode.terminated
        applied = episode.actions[step - 1] if step else NO_VECTOR
        source = ActionSource.TELEOP if step else ActionSource.POLICY
        told = reward, bool(episode.success[step]), step == 0, *ends, Mode.DEMO, applied, source, task_hash
        yield Observation(*key, episode.states[step], *goals, *told)
        if not last:
            meant = episode.intended[step]
            intended = NO_VECTOR if np.array_equal(meant, episode.actions[step]) else meant
            yield Action(*key, episode.actions[step], 0, stamp, NAN, 0, ActionSource.TELEOP, intended)
    yield EpisodeResult(
        stamp=stamp,
        frame=task.frame,
        run=run,
        robot=ROBOT,
        episode=number,
        seed=0,
        steps=episode.steps,
        episode_return=float(episode.rewards.sum()),
        success=bool(episode.success[-1]),
        final_distance=float(np.linalg.norm(episode.achieved_goals[-1] - episode.desired_goals[-1])),
        end_reason=EpisodeEnd.TERMINATED if episode.terminated else EpisodeEnd.TIME_LIMIT,
    )
