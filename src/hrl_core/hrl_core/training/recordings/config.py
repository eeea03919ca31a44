"""How a policy is trained from recordings."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrl_core.algorithms import require_recordings
from hrl_core.errors import HrlError
from hrl_core.training.config import TrainConfig, changed
from hrl_core.training.presets import stored_config
from hrl_core.training.recordings.material import MaterialConfig
from hrl_core.training.recordings.sampling import SamplingConfig
from hrl_core.training.recordings.segments import Source

RELABEL = ("at-sampling", "from-relabelled", "off")
MEMORY, FILES = STORES = ("memory", "files")


@dataclass(frozen=True)
class BagTrainConfig:
    """Everything that decides a run on recordings, besides task, seed and the recordings themselves."""

    sources: tuple[Source, ...]
    """Bags or folders of bags, with weights."""
    training: TrainConfig[Any]
    """Agent and update ratios; what concerns collecting is not used."""
    relabel: str = "at-sampling"
    """at-sampling (off-policy correction when a batch is drawn, by the present worker), from-relabelled (subgoals of
    ``relabelled`` bags take the place of the recorded ones), off."""
    relabelled: tuple[str, ...] = ()
    """Folders of relabelled bags."""
    max_relabel_lag: int = 0
    """Ignore relabelled subgoals whose worker is more versions behind than that; 0: any age."""
    material: MaterialConfig = field(default_factory=MaterialConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    newest_steps: int = 0
    """Learn from that many newest environment steps only, in whole episodes; 0: all that the store keeps."""
    updates: int = 0
    """Worker updates in all; 0: as many as the recorded steps pay for at ``worker_updates`` each."""
    update_budget: int = 0
    """Worker updates that may be owed: steps that would pay for more pay for nothing; 0: every step pays."""
    store: str = MEMORY
    """Where the episodes that are learned from live: in memory, which a resumed run fills by reading its recordings
    again, or in files of the run's folder, which it goes on with."""
    checkpoint_updates: int = 5_000
    """Worker updates between checkpoints."""
    first_version: int = 0
    """Policy version of no updates: that of the policy which running nodes begin with; they take higher ones."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_recordings(self.algorithm)
        if self.relabel not in RELABEL:
            raise HrlError(f"relabel: choose one of {', '.join(RELABEL)}, got '{self.relabel}'")
        if (self.relabel == "from-relabelled") != bool(self.relabelled):
            raise HrlError("relabel from-relabelled goes with folders of relabelled bags, other ways without")
        if self.training.randomise:
            raise HrlError(
                "randomise is for episodes simulated in training; recordings are what they are (evaluation_randomise "
                "is for evaluation)"
            )
        if not self.sources:
            raise HrlError("training from bags needs at least one bag or folder of bags")
        if self.store not in STORES:
            raise HrlError(f"store: choose one of {', '.join(STORES)}, got '{self.store}'")
        if self.store == FILES and self.relabelled:
            raise HrlError("relabelled subgoals are written over those in memory: with store files, relabel otherwise")
        for name in ("max_relabel_lag", "newest_steps", "updates", "first_version", "update_budget"):
            if getattr(self, name) < 0:
                raise HrlError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.checkpoint_updates < 1:
            raise HrlError(f"checkpoint_updates must be at least 1, got {self.checkpoint_updates}")

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return self.training.algorithm

    @property
    def evaluation(self) -> str:
        """How policies act outside training."""
        return self.training.evaluation

    @property
    def evaluation_interval(self) -> int:
        """Worker updates between evaluations."""
        return self.checkpoint_updates

    @property
    def checkpoint_interval(self) -> int:
        """Worker updates between checkpoints."""
        return self.checkpoint_updates

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with tuples as lists and paths as text."""
        values = dataclasses.asdict(self) | {"training": self.training.as_dict()}
        return json.loads(json.dumps(values, default=_text))


def stored_bag_config(values: Mapping[str, Any]) -> BagTrainConfig:
    """The configuration that ``as_dict`` gave as plain data.

    Raises:
        HrlError: it is not one of a run on recordings; names what is missing or unknown.
    """
    try:
        sources = tuple(
            Source(Path(source["path"]), float(source["weight"]), source.get("uri", "")) for source in values["sources"]
        )
        others = {name: value for name, value in values.items() if name not in ("sources", "training")}
        return changed(BagTrainConfig(sources, stored_config(values["training"])), others)
    except (KeyError, TypeError, ValueError) as error:
        raise HrlError(f"not the configuration of a training from bags: {type(error).__name__}: {error}") from None


def agent_config(config: BagTrainConfig) -> Any:  # noqa: ANN401 - each algorithm has its own
    """The agent's configuration with the choices of training from bags put in.

    Raises:
        HrlError: they contradict each other.
    """
    return config.training.agent.for_recordings(config.relabel, config.newest_steps)


def _text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no plain form of {value!r}")
