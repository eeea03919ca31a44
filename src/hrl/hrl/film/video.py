"""What is to be filmed, as ``hrl video`` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hrl.seed import Seed


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
    """Frames per second of film; of a GIF at most 50, each for whole hundredths of a second."""
    width: int = 560
    """Of the picture [pixel]; of an MP4 cut to an even number. What the environment draws keeps its proportions."""
    height: int = 520
    """Of the picture [pixel], likewise."""
    camera: Literal["auto", "scene", "follow", "environment"] = "auto"
    """scene: all of it, with goal and subgoals; follow: along with the robot; environment: its own pictures
    (render_mode rgb_array); auto: scene, but environment where there is neither a MuJoCo model nor a stage, a model of
    meshes, or a robot that the task does not tell the place of."""
    task: str = ""
    """Refuse the policy unless it was made for this task; a module of its own is found beside the file."""
    stop_after: float = 2.0
    """Simulated seconds shown after the goal was first reached; 0: the whole episode."""
