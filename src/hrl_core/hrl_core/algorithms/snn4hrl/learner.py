"""SNN4HRL (arXiv 1704.03012) in training environments: first skills, then, in a run of its own, a manager over them."""

from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig, hierarchy
from hrl_core.algorithms.snn4hrl.manager import ManagerLearner
from hrl_core.algorithms.snn4hrl.skills import SkillsLearner
from hrl_core.environments import Environments
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]


def learner(task: TaskSpec, config: Snn4hrlConfig, envs: Environments, seed: int) -> SkillsLearner | ManagerLearner:
    """As ``protocols.Training`` asks for it: which of both, ``frozen_skills`` says."""
    kind = ManagerLearner if config.frozen_skills else SkillsLearner
    return kind(task, config, envs, seed)
