"""Errors that people see: each says what was wrong, what was got, what is allowed and how to fix it."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class HrlError(Exception):
    """Base of every error this project raises on purpose."""


class FileError(HrlError):
    """A file cannot be read as what it should be."""


class TaskError(HrlError):
    """A task specification is malformed, or two of them differ where they must agree."""


class CheckpointError(HrlError):
    """A checkpoint is missing, damaged, or does not fit the task."""


class InvalidDataError(HrlError):
    """An observation, action or subgoal has the wrong size or holds a non-finite number."""


class PeerError(HrlError):
    """A peer of the running graph is silent, foreign, or speaks of another task."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` with the closest of the known names, empty when none is close."""
    by_folded = {_folded(other): other for other in known}
    close = difflib.get_close_matches(_folded(name), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""


def chosen(kind: str, name: str, known: Mapping[str, T]) -> T:
    """What a registry has under a name; raises ``HrlError`` that lists its names where there is none."""
    if name not in known:
        raise HrlError(f"unknown {kind} '{name}'{did_you_mean(name, known)}: choose one of {', '.join(known)}")
    return known[name]


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
