"""HAC from recordings: the rows of recorded episodes, whichever HAC policy of this hierarchy acted in them."""

from collections.abc import Iterator, Mapping, Sequence

from hrl_core.algorithms.hac.agent import HacAgent
from hrl_core.algorithms.hac.config import HacConfig
from hrl_core.algorithms.hac.lived import recorded
from hrl_core.algorithms.protocols import LevelWeights, Stateful, Update, untrained_checkpoint
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.text import meaning_difference
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.store import Piece, Refusal, WholeEpisodes


class RecordedHacLearner:
    """Levels that learn from recorded episodes; ``training.recordings.learner.FromRecordings``."""

    on_policy = False
    frozen_worker = False
    warm_start_steps = 0
    """The untrained policy explores no better than the one that is learned."""
    relabelled = 0
    """Hindsight does without relabelled bags."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: switches contradict each other, or ask for what rows cannot give.
        """
        if any(source.weight != 1 for source in config.sources):
            raise HrlError("hac draws all rows alike: leave the weights of bags out")
        self._config = agent_config(config)
        self.agent, self.store = HacAgent(spec, self._config, seed), WholeEpisodes()

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        return self.agent.networks["worker"].updates

    def paid(self, env_steps: int) -> int:
        """Worker updates that the recorded episodes pay for, whatever their steps."""
        del env_steps
        return self._config.updates_per_episode * len(self.store.pieces)

    def foreign(self, hierarchy: HierarchySpec) -> str:
        """In what subgoals that were recorded under a hierarchy mean something else than these; empty: in nothing."""
        pairs = zip(self.agent.hierarchy.levels, hierarchy.levels, strict=False)
        return next(filter(None, (meaning_difference(ours, theirs) for ours, theirs in pairs)), "")

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Make rows of whole episodes; returns those of which none can be made."""
        refused: list[Refusal] = []
        for piece in pieces:
            episode = piece.episode
            told = recorded(episode, self.agent.hierarchy) if piece.start == 0 else None
            if told is None:
                text = "is of another hierarchy, or not whole: its end, a subgoal or the end of one is missing"
                refused.append(Refusal.of(episode, text))
                continue
            self.agent.take(told, episode.key.episode)
            self.store.note(piece)
        self.store.segments = len(self.store.pieces) if self.agent.ready("worker") else 0
        return refused

    def update(self, env_steps: int) -> Iterator[Update]:
        """``updates_per_episode`` of every level: what one episode pays for."""
        del env_steps
        yield from self.agent.update(self.updates // self._config.updates_per_episode)

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker, the manager, the manager's manager and so on."""
        return self.agent.levels()

    def parts(self) -> Mapping[str, Stateful]:
        """The networks; the recordings give the rows again."""
        return dict(self.agent.networks)


learner = RecordedHacLearner
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(spec: TaskSpec, config: HacConfig, seed: int) -> Checkpoint:
    """A policy at the beginning of its training, which explores and tests as in training."""
    agent = HacAgent(spec, config, seed)
    return untrained_checkpoint("hac", spec, agent.hierarchy, agent.levels(), seed)
