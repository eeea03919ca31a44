"""What a checkpoint keeps of a party that learns on-policy."""

from hrl_core.algorithms.protocols import LevelWeights
from hrl_core.checkpoints.manifest import value_name
from hrl_core.learners.on_policy import OnPolicy


def party_levels(party: str, learner: OnPolicy, updates: int) -> dict[str, LevelWeights]:
    """The network by which the party acts, and what states are worth to it."""
    return {
        party: LevelWeights(learner.actor_config, learner.actor_arrays(), updates),
        value_name(party): LevelWeights(learner.values.config, learner.value_arrays(), updates),
    }
