"""``hrl video``: a film of a policy at work, with its goal and subgoals, rendered without a screen."""

import tyro
from rich.console import Console

from hrl.film.gl_backend import choose_backend
from hrl.film.video import Video
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task


def video(words: list[str]) -> int:
    """Run ``hrl video`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Video, prog="hrl video", args=words)
    from hrl.film.frames import check_format, write_film

    check_format(arguments.out)
    if arguments.episodes < 1 or arguments.speed <= 0 or arguments.fps <= 0:
        raise HrlError("--episodes must be 1 or more, --speed and --fps above 0")
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
    Console().print(
        f"{len(frames)} frames ({backend}), {size:.2f} MB, written to {arguments.out}", highlight=False, soft_wrap=True
    )
    return 0
