"""What choices of training from recordings mean to an on-policy learner: nothing is drawn twice or put otherwise."""

from hrl_core.errors import HrlError


def require_once(algorithm: str, relabel: str, newest_steps: int) -> None:
    """Raise ``HrlError`` where subgoals are to be relabelled or old steps kept (``BagTrainConfig``)."""
    if relabel != "off":
        raise HrlError(f"{algorithm} has no subgoals to relabel: set relabel to off, got {relabel}")
    if newest_steps:
        raise HrlError(f"{algorithm} learns from everything once: leave newest_steps out")
