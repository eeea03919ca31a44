"""What a check has found."""

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """How it is; the value is what people read."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing."""
    WRONG = "WRONG"


class Finding(NamedTuple):
    """One line of the doctor."""

    check: str
    verdict: Verdict
    detail: str
    fix: str = ""
    """What to do about it."""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, detail)


def note(check: str, detail: str, fix: str) -> Finding:
    """Something optional is missing."""
    return Finding(check, Verdict.NOTE, detail, fix)


def wrong(check: str, detail: str, fix: str) -> Finding:
    """Something must be mended."""
    return Finding(check, Verdict.WRONG, detail, fix)
