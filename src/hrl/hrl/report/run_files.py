"""What a report takes from the files of a run; anybody may have edited them, and each may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from hrl_core.documents import MOST_RECORD, read_json, read_limited
from hrl_core.typed_fields import FieldError, Index, Must, NotNegative, read_fields

T = TypeVar("T")


@dataclass(frozen=True)
class Histogram:
    """How often a latency lay between two edges."""

    edges_ms: Annotated[tuple[NotNegative, ...], Must(lambda x: list(x) == sorted(set(x)), "a list of rising numbers")]
    counts: tuple[Index, ...]

    def __post_init__(self) -> None:
        """Refuse edges and counts that do not go together."""
        if len(self.edges_ms) != len(self.counts) + 1:
            raise FieldError(("edges_ms",), f"must be a list of {len(self.counts) + 1}, one more than counts")


@dataclass(frozen=True)
class SimulatorReport:
    """Of ``simulator.json``."""

    run: int | None = None
    action_latency_histogram: Histogram | None = None
    action_latency_ms: Mapping[str, NotNegative | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LaunchRecord:
    """Of ``launch.json``."""

    policy: str | None = None


@dataclass(frozen=True)
class Summary:
    """Of ``summary.json``."""

    clock: str | None = None
    seed: int | None = None
    git_commit: str | None = None
    env_steps_per_s: NotNegative | None = None
    lost_messages: Index | None = None


def read_run_file(kind: type[T], folder: Path | None, name: str) -> T:
    """What one of the files says; nothing where it, or the folder, is missing.

    Raises:
        FileError: it is there but damaged; the message names file and field.
    """
    if folder is None or not (folder / name).is_file():
        return kind()
    path = folder / name
    return read_fields(kind, read_json(read_limited(path, MOST_RECORD), str(path), MOST_RECORD), others=True)
