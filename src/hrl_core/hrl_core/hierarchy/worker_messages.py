"""What a worker says, as messages."""

from hrl_core.hierarchy.policies import ActionChoice
from hrl_core.messages import Action, ActionSource, Observation, SubgoalRequest, SubgoalResult

WorkerMessage = SubgoalResult | SubgoalRequest | Action


def action_for(observation: Observation, choice: ActionChoice, subgoal_seq: int, version: int) -> Action:
    """The action of a policy, or of a demonstrator, at an observation.

    Args:
        observation: what it answers.
        choice: of the worker.
        subgoal_seq: number of the subgoal in force; 0 for a worker alone.
        version: of the policy.
    """
    return Action(
        stamp=observation.stamp,
        frame=observation.frame,
        run=observation.run,
        robot=observation.robot,
        episode=observation.episode,
        step=observation.step,
        value=choice.value,
        subgoal_seq=subgoal_seq,
        observation_stamp=observation.stamp,
        log_probability=choice.log_probability,
        policy_version=version,
        source=ActionSource.TELEOP if choice.intended.size else ActionSource.POLICY,
        intended=choice.intended,
    )
