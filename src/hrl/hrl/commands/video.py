"""``hrl video``: a film of a policy at work, with its goal and subgoals, rendered without a screen."""

import math

import tyro

from hrl.film.gl_backend import choose_backend
from hrl.film.video import Video
from hrl.results.lines import tell
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task

_SIDES = (16, 8192)
"""Pixels of a picture."""
_MOST = 1000.0
"""Frames per second, and times as fast as the robot is."""


def video(words: list[str]) -> int:
    """Run ``hrl video`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Video, prog="hrl video", args=words)
    from hrl.film.frames import check_format, check_rate, write_film

    check_format(arguments.out)
    _check(arguments)
    check_rate(arguments.out, arguments.fps)
    # Before MuJoCo is imported.
    backend = choose_backend()
    from hrl.film.footage import film
    from hrl.policies.shipped import resolve_policy
    from hrl_core.checkpoints.checkpoint import load_checkpoint

    folder = resolve_policy(arguments.checkpoint, None)
    if arguments.task:
        load_checkpoint(folder).require_task(load_task(arguments.task))
    frames = list(film(folder, arguments))
    write_film(frames, arguments.out, arguments.fps)
    size = arguments.out.stat().st_size / 1e6
    tell(f"{len(frames)} frames ({backend}), {size:.2f} MB, written to {arguments.out}")
    return 0


def _check(arguments: Video) -> None:
    """Raise ``HrlError`` for numbers that no film can have."""
    if arguments.episodes < 1:
        raise HrlError(f"--episodes {arguments.episodes}: must be 1 or more")
    for name in ("speed", "fps"):
        if not 0 < (value := getattr(arguments, name)) <= _MOST:
            raise HrlError(f"--{name} {value:g}: must be above 0 and at most {_MOST:g}")
    for name in ("width", "height"):
        if not _SIDES[0] <= (value := getattr(arguments, name)) <= _SIDES[1]:
            raise HrlError(f"--{name} {value}: must be {_SIDES[0]} to {_SIDES[1]} pixels")
    if not 0 <= arguments.stop_after < math.inf:
        raise HrlError(f"--stop_after {arguments.stop_after:g}: must be 0 seconds or more")
