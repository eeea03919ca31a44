"""``hrl video``: a film of a policy at work, with its goal and subgoals, rendered without a screen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from hrl.gl_backend import choose_backend
from hrl.seed import Seed
from hrl_core.errors import HrlError
from hrl_core.task import load_task


@dataclass(frozen=True)
class Video:
    """Film episodes of a policy: the robot, its goal, the manager's subgoals, the way it went."""

    checkpoint: str
    """Policy folder, folder of a training run (its best policy), or shipped policy."""
    out: Path
    """Film to write: .gif or .mp4."""
    episodes: int = 1
    """Number of episodes, one after the other."""
    seed: Seed = 0
    """Seed of the resets."""
    goal: tuple[float, ...] = ()
    """Task goal in the units of the task; empty: the first evaluation goal."""
    speed: float = 4.0
    """Simulated seconds per second of film."""
    fps: float = 12.5
    """Frames per second of film."""
    width: int = 560
    """Of the picture [pixel]."""
    height: int = 520
    """Of the picture [pixel]."""
    camera: Literal["auto", "scene", "follow", "environment"] = "auto"
    """scene: all of it, with goal and subgoals; follow: along with the robot; environment: its own pictures
    (render_mode rgb_array); auto: scene, but environment where there is no MuJoCo model or one of meshes."""
    task: str = ""
    """Refuse the policy unless it was made for this task; a module of its own is found beside the file."""
    stop_after: float = 2.0
    """Simulated seconds shown after the goal was first reached; 0: the whole episode."""


def video(words: list[str]) -> int:
    """Run ``hrl video`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Video, prog="hrl video", args=words)
    from hrl.film import check_format, write_film

    check_format(arguments.out)
    if arguments.episodes < 1 or arguments.speed <= 0 or arguments.fps <= 0:
        raise HrlError("--episodes must be 1 or more, --speed and --fps above 0")
    # Before MuJoCo is imported.
    backend = choose_backend()
    from hrl.footage import film
    from hrl.held_out import policy_folder
    from hrl_core.checkpoint import load_checkpoint

    folder = policy_folder(arguments.checkpoint)
    if arguments.task:
        load_checkpoint(folder).require_task(load_task(arguments.task))
    frames = list(film(folder, arguments))
    write_film(frames, arguments.out, arguments.fps)
    size = arguments.out.stat().st_size / 1e6
    Console().print(
        f"{len(frames)} frames ({backend}), {size:.2f} MB, written to {arguments.out}", highlight=False, soft_wrap=True
    )
    return 0
