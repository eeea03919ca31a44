"""What a manager says, and what is said where a subgoal is lacking, as messages."""

from hrl_core.hierarchy.policies import SubgoalChoice
from hrl_core.hierarchy.spec import KINDS, UNITS, GoalSpace
from hrl_core.messages import Observation, Subgoal, SubgoalKind, SubgoalRequest, Vector, frozen


class SubgoalMessages:
    """The subgoals of one level."""

    def __init__(self, space: GoalSpace, number: int) -> None:
        """Take over what all of them say alike.

        Args:
            space: of the level.
            number: of the level, from 0, which feeds the worker.
        """
        self._level, self._number = space.level, number
        self._tolerance: Vector = frozen(space.level.tolerance)

    def decision(
        self,
        observation: Observation,
        anchor: Vector,
        parent: Subgoal | None,
        choice: SubgoalChoice,
        *,
        seq: int,
        attempt: int,
        deterministic: bool,
        version: int,
    ) -> Subgoal:
        """A subgoal that is chosen at an observation.

        Args:
            observation: what it was chosen at.
            anchor: goal-space part of it.
            parent: subgoal of the level above that it serves; None: the task goal.
            choice: what was chosen.
            seq: number of the decision within the episode.
            attempt: number of it among those that serve the same parent.
            deterministic: whether it could not have come out otherwise.
            version: of the policy.
        """
        level = self._level
        return Subgoal(
            stamp=observation.stamp,
            frame=observation.frame,
            run=observation.run,
            robot=observation.robot,
            episode=observation.episode,
            step=observation.step,
            seq=seq,
            parent_seq=-1 if parent is None else parent.seq,
            level=self._number,
            kind=KINDS[level.kind],
            value=choice.value,
            anchor=anchor,
            skill_id=choice.skill,
            num_skills=len(level.skills),
            space=level.space,
            task_goal=observation.desired_goal,
            horizon=level.horizon,
            horizon_unit=UNITS[level.unit],
            tolerance=self._tolerance,
            end_when_achieved=level.end_when_achieved,
            worker_may_terminate=level.worker_may_terminate,
            # Below a tested subgoal all are tested.
            test=choice.test or (parent is not None and parent.test),
            deterministic=deterministic,
            log_probability=choice.log_probability,
            value_estimate=choice.value_estimate,
            policy_version=version,
            attempt=attempt,
        )

    def going_on(self, observation: Observation, anchor: Vector, last: Subgoal, version: int) -> Subgoal:
        """CONTINUE: what was chosen ``last`` is meant to stand (cadence every_step, where a number is a step)."""
        said = self.decision(
            observation,
            anchor,
            None,
            SubgoalChoice(test=last.test),
            seq=observation.step,
            attempt=last.attempt,
            deterministic=True,
            version=version,
        )
        return said._replace(kind=SubgoalKind.CONTINUE, num_skills=0)


def request_for(level: int, observation: Observation) -> SubgoalRequest:
    """Ask for the subgoal of a level that was chosen before one was there to hear it."""
    return SubgoalRequest(
        stamp=observation.stamp,
        frame=observation.frame,
        run=observation.run,
        robot=observation.robot,
        episode=observation.episode,
        level=level,
        step=observation.step,
    )
