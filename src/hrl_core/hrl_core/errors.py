"""Errors that people see: each says what was wrong, what was got, what is allowed and how to fix it."""


class HrlError(Exception):
    """Base of every error this project raises on purpose."""


class TaskError(HrlError):
    """A task specification is malformed, or two of them differ where they must agree."""


class CheckpointError(HrlError):
    """A checkpoint is missing, damaged, or does not fit the task."""


class InvalidDataError(HrlError):
    """An observation, action or subgoal has the wrong size or holds a non-finite number."""


class PeerError(HrlError):
    """A peer of the running graph is silent, foreign, or speaks of another task."""
