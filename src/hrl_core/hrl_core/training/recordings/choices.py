"""What choices of training from recordings mean to learners, as far as several have it in common."""

from hrl_core.errors import HrlError


def require_once(algorithm: str, relabel: str, newest_steps: int) -> None:
    """Raise ``HrlError`` where subgoals are to be relabelled or old steps kept (``BagTrainConfig``).

    On-policy nothing is drawn twice or put otherwise.
    """
    if relabel != "off":
        raise HrlError(f"{algorithm} has no subgoals to relabel: set relabel to off, got {relabel}")
    if newest_steps:
        raise HrlError(f"{algorithm} learns from everything once: leave newest_steps out")


def require_updates(worker_updates: float) -> None:
    """Raise ``HrlError`` where steps pay for no update: training from recordings is counted in them."""
    if worker_updates <= 0:
        raise HrlError(
            "training from recordings, or by rounds, without worker updates learns nothing: set worker_updates above "
            f"0, got {worker_updates}"
        )
