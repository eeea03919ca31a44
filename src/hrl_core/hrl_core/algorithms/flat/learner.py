"""Flat policies in training environments, by whatever learner; as ``protocols.Training`` asks for it."""

from hrl_core.algorithms.flat.config import AnyFlatConfig, OnPolicyFlatConfig
from hrl_core.algorithms.flat.off_policy import FlatLearner
from hrl_core.algorithms.flat.on_policy import OnPolicyLearner
from hrl_core.algorithms.flat.shapes import require_actions
from hrl_core.environments import Environments
from hrl_core.hierarchy.spec import FLAT, HierarchySpec
from hrl_core.task.spec import TaskSpec


def hierarchy(spec: TaskSpec, config: AnyFlatConfig) -> HierarchySpec:
    """No level above the worker."""
    require_actions(spec, config)
    return FLAT


def learner(spec: TaskSpec, config: AnyFlatConfig, envs: Environments, seed: int) -> FlatLearner | OnPolicyLearner:
    """A learner at the beginning of a run.

    Raises:
        HrlError: task and learner, or its switches, do not fit together.
    """
    require_actions(spec, config)
    if isinstance(config, OnPolicyFlatConfig):
        return OnPolicyLearner(spec, config, envs, seed)
    return FlatLearner(spec, config, envs, seed)
