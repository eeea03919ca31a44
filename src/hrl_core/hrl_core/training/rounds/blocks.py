"""Blocks of episodes, and who collects them."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.lived import lived_episode
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import EpisodeEnd, EpisodeResult, Mode
from hrl_core.randomness import episode_seed

_UNKNOWN = float("nan")


class Block(NamedTuple):
    """Some episodes that are collected together."""

    number: int
    episodes: int

    @property
    def first(self) -> int:
        """Number of its first episode."""
        return self.number * self.episodes

    @property
    def file(self) -> str:
        """Name of the file that keeps it."""
        return f"{self.number:06d}.safetensors"


class Collected(NamedTuple):
    """What came of a block."""

    block: Block
    episodes: list[BagEpisode]
    cpu_seconds: float
    """That it took."""


class Collectors(Protocol):
    """Who collects blocks, by and by."""

    def submit(self, block: Block, policy: Checkpoint) -> None:
        """Have a block collected by a policy as it is now."""
        ...

    def next(self, block: Block | None) -> Collected:
        """A block that was submitted; None: whichever comes first.

        Raises:
            HrlError: it could not be collected.
        """
        ...


class StartingAt(Environments, Protocol):
    """Environments whose episodes can begin at any number."""

    def restart(self, first_episode: int | None = None) -> None:
        """Begin again: copy i with episode ``first_episode`` + i."""
        ...


def live(block: Block, policy: Checkpoint, envs: StartingAt, seed: int) -> list[BagEpisode]:
    """Live the episodes of a block as in training, one in each environment, by the sessions of the nodes.

    Args:
        block: which.
        policy: who acts; explores by draws that are keyed by seed, episode and step.
        envs: ``block.episodes`` of them.
        seed: of the run.
    """
    envs.restart(block.first)
    actors = VectorHierarchy(policy.task, Mode.TRAIN, envs)
    for env in range(envs.num_envs):
        actors.begin(env, block.first + env, policy.stack(seed))
    records: dict[int, EpisodeRecord] = {}
    while len(records) < envs.num_envs:
        records |= actors.observe(envs.step(actors.act()))
    place = Path("blocks", block.file)
    return [_episode(records[env], block.first + env, seed, place) for env in range(envs.num_envs)]


def _episode(record: EpisodeRecord, number: int, seed: int, place: Path) -> BagEpisode:
    last = record.observations[-1]
    distance = np.linalg.norm(last.achieved_goal - last.desired_goal) if last.desired_goal.size else _UNKNOWN
    result = EpisodeResult(
        stamp=last.stamp,
        frame=last.frame,
        run=last.run,
        robot=last.robot,
        episode=number,
        seed=episode_seed(seed, number),
        steps=last.step,
        episode_return=float(sum(observation.reward for observation in record.observations[1:])),
        success=last.success,
        final_distance=float(distance),
        end_reason=EpisodeEnd.TERMINATED if last.terminated else EpisodeEnd.TIME_LIMIT,
    )
    return lived_episode(record.observations, record.actions, record.subgoals, record.subgoal_results, result, place)
