"""Who collects the episodes of a training by rounds: this process, or others."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.rounds.arithmetic import arithmetic
from hrl_core.training.rounds.blocks import Block, Collected, live
from hrl_core.training.rounds.config import EXACT, RoundConfig

Collect = Callable[[Block, Checkpoint], Collected]


def make_collect(spec: TaskSpec, config: RoundConfig, seed: int, learners: Mapping[str, str]) -> Collect:
    """What collects a block of a run, in environments that are made once.

    Args:
        spec: the task.
        config: of the run.
        seed: of the run.
        learners: the arithmetic of the learner's machine.

    Raises:
        HrlError: the same bits are wanted, and this machine's arithmetic is another.
    """
    training, ours = config.training, arithmetic()
    other = [f"{name} {ours.get(name)} != {told}" for name, told in learners.items() if ours.get(name) != told]
    if other and config.rounds == EXACT:
        raise HrlError(
            f"rounds exact: {platform.node()} computes otherwise than the learner's machine: {'; '.join(other)} "
            "(collector != learner); use machines alike, or --rounds free"
        )
    envs = VectorEnv(
        spec,
        training.num_envs,
        seed,
        training.threads,
        goals=_goals(spec, training),
        headline_share=training.headline_goal_share,
        randomisation=training.randomisation,
    )

    def collect(block: Block, policy: Checkpoint) -> Collected:
        begun = time.process_time()
        return Collected(block, live(block, policy, envs, seed), time.process_time() - begun)

    return collect


def _goals(spec: TaskSpec, training: TrainConfig[Any]) -> Sequence[Sequence[float]]:
    """The goal of each environment where one task is learned, as by the master of MLSH; none: they choose."""
    agent = training.agent
    return agent.goals(spec)[:1] * training.num_envs if isinstance(agent, MlshConfig) else ()


class Here:
    """Collects blocks in this process, when they are asked for. A ``Collectors``."""

    def __init__(self, collect: Collect) -> None:
        """Collect by ``collect``."""
        self._collect, self._waiting = collect, dict[Block, Checkpoint]()

    def submit(self, block: Block, policy: Checkpoint) -> None:
        """Have a block collected by a policy as it is now."""
        self._waiting[block] = policy

    def next(self, block: Block | None) -> Collected:
        """A block that was submitted; None: the first."""
        block = block or next(iter(self._waiting))
        # Its time is that of this process.
        return self._collect(block, self._waiting.pop(block))._replace(cpu_seconds=0.0)
