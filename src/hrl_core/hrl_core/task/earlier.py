"""Task specifications of the first definitions, when subgoals were the task's: in old bags, policies and files.

They are read as the task of today; its ``earlier`` keeps what they said, and the hash that they went by.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from hrl_core.documents import Document
from hrl_core.task.spec import EarlierSubgoals, Ranges, TaskSpec
from hrl_core.typed_fields import Count, Name, one_of, read_fields, require_fields

RENAMED: Mapping[str, tuple[str, str]] = {
    "ant_fall_xyz": ("ant_fall_wide", "6e098ff9f65a02388856514a917ab0942c9941c4bae1a3cc09727d8c0b5f8b41"),
    "ant_gather_xy": ("ant_gather", "13e15b093c2fe1941f5029ae58a468e22584ca58b2c33b2abeff65d958849a20"),
    "ant_maze_xy": ("ant_maze", "ad53b65b5dc1910f0d29d32480506bbba700e6ffd631e4632809a985c7bba108"),
    "ant_push_xy": ("ant_push_wide", "317910b5004b5e8e81dfa19e4056304ef420d87b3992cc7c8acfbff2701c95c7"),
}
"""Shipped tasks that were told apart by their subgoals alone: name -> (name today, hash that it went by)."""


@dataclass(frozen=True)
class _SubgoalBlock:
    """Where subgoals lived and how often they were chosen."""

    space: Name
    elements: Ranges
    period: Count
    kind: Annotated[str, one_of(("relative", "absolute"))] = "relative"
    cadence: Annotated[str, one_of(("on_result", "every_step"))] = "on_result"

    def __post_init__(self) -> None:
        """Refuse fields that are none."""
        require_fields(self)


@dataclass(frozen=True, kw_only=True)
class _EarlierTask(TaskSpec):
    """A task as it was written and hashed then."""

    subgoal: _SubgoalBlock

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        super().__post_init__()
        self._require_space(self.subgoal.elements, "subgoal", "elements")


def is_earlier(document: Document) -> bool:
    """Whether a document is a task of the first definitions."""
    return isinstance(document.data, Mapping) and "subgoal" in document.data


def read_earlier(document: Document) -> TaskSpec:
    """The task of today that a document of the first definitions says.

    Raises:
        FileError: as in ``read_fields``.
    """
    old = read_fields(_EarlierTask, document)
    known = {row.name: getattr(old, row.name) for row in dataclasses.fields(TaskSpec) if row.init}
    name, sha256 = RENAMED.get(old.name, (old.name, ""))
    known["name"] = name if old.sha256 == sha256 else old.name
    known["goal_spaces"] = {old.subgoal.space: old.subgoal.elements}
    task = TaskSpec(**known)
    # Of this reading alone: a changed copy is no earlier task any more.
    object.__setattr__(task, "earlier", EarlierSubgoals(sha256=old.sha256, **vars(old.subgoal)))
    return task
