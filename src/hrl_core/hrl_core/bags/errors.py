"""The error of everything that has to do with bags."""

from hrl_core.errors import HrlError


class BagError(HrlError):
    """A bag cannot be written or read."""


class WriteError(BagError):
    """A bag cannot be written: the disk is full, or refuses."""
