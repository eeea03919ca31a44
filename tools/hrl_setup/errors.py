"""The error that ends a set-up."""

from __future__ import annotations


class SetupError(Exception):
    """A stage cannot go on; the message says what is wrong and what to do."""
