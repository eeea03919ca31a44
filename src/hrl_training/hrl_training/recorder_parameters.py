"""Parameters of the recorder node, and the recording that they ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hrl_core.bags.catalogue import keep_catalogue_at
from hrl_core.bags.writer import typestore_with
from hrl_core.errors import HrlError
from hrl_ros.message_texts import message_texts
from hrl_ros.parameters import FollowerParameters, parameter
from hrl_training.segments import RecordedTopic, SegmentedRecording, SplitLimits


@dataclass(frozen=True)
class RecorderParameters(FollowerParameters):
    """What the recorder takes."""

    bag: str = parameter("", "bag directory to write; it must not exist. With a split limit: the folder of the bags")
    split_episodes: int = parameter(0, "begin a new bag after so many episodes; 0: never", low=0)
    split_megabytes: float = parameter(
        0.0, "begin a new bag with the episode after the one in which a bag reaches this size [MB]; 0: never", low=0.0
    )
    upload: str = parameter("", "URI that each bag is copied to when it is closed (s3://..., file://...); with a limit")
    catalogue: str = parameter(
        "",
        "data base that has a row of each closed bag, postgresql+psycopg://user@host/name; empty: a file beside them",
    )
    policy: str = parameter("", "checkpoint the run starts with; its version and SHA-256 go into the bag")

    def recording(self, topics: Mapping[str, RecordedTopic], complete: Callable[[int], bool]) -> SegmentedRecording:
        """Begin the recording that they ask for; arguments as of ``SegmentedRecording``.

        Raises:
            HrlError: something is missing or does not go together, or the bag cannot be made.
        """
        if not self.bag:
            raise HrlError("parameter bag: give the directory to record into, for example -p bag:=runs/today/bag")
        limits = SplitLimits(self.split_episodes, int(self.split_megabytes * 1e6))
        if (self.upload or self.catalogue) and not limits.splits:
            raise HrlError("upload and catalogue are of closed bags: give split_episodes or split_megabytes as well")
        bag = Path(self.bag)
        if self.catalogue:
            keep_catalogue_at(bag, self.catalogue)
        return SegmentedRecording(bag, typestore_with(message_texts()), topics, limits, complete, self.upload)
