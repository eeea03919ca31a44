"""What messages of the stack's first definitions lack, and the values that stand for it.

The fields that were added stand at the end of their messages, so that an old message is the beginning of a new one.
``PolicyUpdate.party`` took the place of ``level``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.bags.cdr_layout import HEADER_BYTES, Layout
from hrl_core.bags.topic import Topic
from hrl_core.checkpoints.loading import ALL, MANAGER, WORKER

Columns = dict[str, npt.NDArray[Any]]
ADDED: dict[str, dict[str, str]] = {
    "hrl_msgs/msg/Subgoal": {"attempt": "uint32"},
    "hrl_msgs/msg/Action": {"source": "uint8", "intended": "float64[]"},
    "hrl_msgs/msg/RunInfo": {"hierarchy": "string", "hierarchy_hash": "string"},
    "hrl_msgs/msg/PolicyUpdate": {"party": "string"},
}
"""Message type -> its added fields and their types, in order."""
REMOVED = {"hrl_msgs/msg/PolicyUpdate": ("algorithm", "level", "uint8")}
"""Message type -> the field behind which one stood that is gone, its name and its type."""
_PARTIES = {0: WORKER, 1: MANAGER}
"""By the level of old; 255 were all."""
_DEFAULTS: dict[str, Callable[[int], Columns]] = {
    "attempt": lambda rows: {"attempt": np.zeros(rows, np.uint32)},
    "source": lambda rows: {"source": np.zeros(rows, np.uint8)},
    "intended": lambda rows: {"intended#": np.zeros(rows, np.int64), "intended": np.empty((rows, 0))},
}
"""Columns of the first attempt, of the policy's own actions, and of those that were intended as they are."""
_NOTHING = {"uint8": (1, bytes(1)), "uint32": (4, bytes(4)), "float64[]": (4, bytes(4)), "string": (4, b"\1\0\0\0\0")}
"""Type -> alignment and bytes of 0, no elements, or no characters."""


def complete_columns(kind: str, columns: Columns) -> Columns:
    """Columns of one message type with those that its definition lacks."""
    rows = len(next(iter(columns.values())))
    missing = [name for name in ADDED.get(kind, ()) if name in _DEFAULTS and name not in columns]
    return columns | {name: column for field in missing for name, column in _DEFAULTS[field](rows).items()}


def complete_message(kind: str, message: Any) -> Any:  # noqa: ANN401 - classes are made from definitions
    """A decoded message with the texts that its definition lacks."""
    for name, sort in ADDED.get(kind, {}).items():
        if sort == "string" and not hasattr(message, name):
            setattr(message, name, _PARTIES.get(getattr(message, "level", 255), ALL))
    return message


def older_text(kind: str, text: str) -> str:
    """A message's first definition, from the text of the present one; the same text where nothing was added."""
    lines = [line for line in text.splitlines() if _field(line) not in ADDED.get(kind, ())]
    if kind in REMOVED:
        before, name, sort = REMOVED[kind]
        place = next(row for row, line in enumerate(lines) if _field(line) == before)
        lines.insert(place + 1, f"{sort} {name}")
    return "\n".join(lines)


def as_of_today(topic: Topic) -> Callable[[bytes], bytes]:
    """What makes a recorded message one of the present definition, where fields were only added.

    Messages that are unsound are handed on as they are.

    Raises:
        BagError: the bag has no sound definition of the type.
    """
    added = {} if topic.type in REMOVED else ADDED.get(topic.type, {})
    layout = Layout(topic) if added else None
    if layout is None or {field.name for field in layout.fields} & added.keys():
        return bytes

    def complete(data: bytes) -> bytes:
        try:
            # Some middlewares leave padding behind the last field.
            whole = bytearray(data[: layout.dtype(layout.lengths(data)).itemsize])
        except ValueError:
            return data
        for alignment, nothing in (_NOTHING[sort] for sort in added.values()):
            whole += bytes(-(len(whole) - HEADER_BYTES) % alignment) + nothing
        return bytes(whole)

    return complete


def _field(line: str) -> str:
    """Name of the field that a line of a definition declares."""
    words = line.partition("#")[0].split()
    return words[1] if len(words) == 2 and "=" not in words[1] else ""
