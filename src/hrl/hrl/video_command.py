"""``hrl video``: a film of a policy at work, with its goal and subgoals, rendered without a screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from rich.console import Console

from hrl.gl_backend import choose_backend
from hrl_core.checkpoint import load_checkpoint
from hrl_core.errors import HrlError
from hrl_core.rollout import EpisodeTrace
from hrl_core.task import TaskSpec
from hrl_core.types import Mode, Vector, frozen

_FOLLOW_DISTANCE = 15.0
_WALL_HEIGHT = 1.0


@dataclass(frozen=True)
class Video:
    """Film episodes of a policy: the robot, its goal, the manager's subgoals, the way it went."""

    checkpoint: str
    """Policy folder, folder of a training run (its best policy), or shipped policy."""
    out: Path
    """Film to write: .gif or .mp4."""
    episodes: int = 1
    """Number of episodes, one after the other."""
    seed: int = 0
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
    camera: Literal["scene", "follow"] = "scene"
    """The whole scene, or along with the robot."""
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
    from hrl.held_out import policy_folder

    folder = policy_folder(arguments.checkpoint)
    frames = list(film(folder, arguments))
    write_film(frames, arguments.out, arguments.fps)
    size = arguments.out.stat().st_size / 1e6
    Console().print(
        f"{len(frames)} frames ({backend}), {size:.2f} MB, written to {arguments.out}", highlight=False, soft_wrap=True
    )
    return 0


def film(folder: Path, arguments: Video) -> Iterator[np.ndarray]:
    """Frames (height, width, 3) of the episodes asked for."""
    from hrl.film import captioned
    from hrl_viz.render import Camera, ShapeRenderer
    from hrl_viz.scene import Scene
    from hrl_viz.scene_model import SceneModel

    checkpoint = load_checkpoint(folder)
    spec = checkpoint.task
    goal = frozen(arguments.goal) if arguments.goal else None
    model = SceneModel(spec, _WALL_HEIGHT)
    static, renderer = model.static_shapes(), ShapeRenderer(arguments.width, arguments.height)
    low, high = model.inner_extent
    middle, wide = (low + high) / 2, float(np.max(high - low))
    camera = Camera((float(middle[0]), float(middle[1]), 0.0), 1.15 * wide)
    stride = arguments.speed / arguments.fps / spec.control_period
    try:
        for trace in rollouts(checkpoint, arguments.episodes, arguments.seed, goal):
            scene, due = Scene(spec, model), 0.0
            for step in _told(scene, trace, _last_step(trace, spec, arguments.stop_after)):
                if step < due:
                    continue
                due += stride
                shapes = [*static, *scene.shapes()]
                if arguments.camera == "follow":
                    camera = Camera(scene.robot, _FOLLOW_DISTANCE)
                yield captioned(renderer.picture(shapes, camera), _caption(trace, step, spec, arguments.speed))
    finally:
        renderer.close()


def rollouts(checkpoint: Any, episodes: int, seed: int, goal: Vector | None) -> Iterator[EpisodeTrace]:  # noqa: ANN401
    """Run episodes in this process, noise-free."""
    from hrl_core.envs.runner import EnvRunner
    from hrl_core.manager_session import ManagerSession
    from hrl_core.rollout import rollout
    from hrl_core.worker_session import WorkerSession

    spec = checkpoint.task
    runner = EnvRunner(spec, seed, Mode.EVAL, goal)
    manager, worker = (
        ManagerSession(spec, checkpoint.manager(), seed),
        WorkerSession(spec, checkpoint.worker(), seed),
    )
    try:
        for episode in range(episodes):
            yield rollout(runner, manager, worker, episode)
    finally:
        runner.close()


def _told(scene: Any, trace: EpisodeTrace, last: int) -> Iterator[int]:  # noqa: ANN401 - a Scene
    """Tell the scene the episode, step by step."""
    subgoals = {subgoal.step: subgoal for subgoal in trace.subgoals}
    results = {result.step: result for result in trace.subgoal_results}
    for observation in trace.observations[: last + 1]:
        scene.on_observation(observation)
        if observation.step in results:
            scene.on_result(results[observation.step])
        if observation.step in subgoals:
            scene.on_subgoal(subgoals[observation.step])
        yield observation.step


def _last_step(trace: EpisodeTrace, spec: TaskSpec, stop_after: float) -> int:
    last = len(trace.observations) - 1
    reached = next((o.step for o in trace.observations if o.success), None)
    if not stop_after or reached is None:
        return last
    return min(last, reached + round(stop_after / spec.control_period))


def _caption(trace: EpisodeTrace, step: int, spec: TaskSpec, speed: float) -> str:
    observation = trace.observations[step]
    words = [f"{step * spec.control_period:5.1f} s  ({speed:g}x)"]
    if observation.desired_goal.size:
        unit = spec.goal[0].unit
        words.append(f"to goal {spec.distance(observation.achieved_goal, observation.desired_goal):4.1f} {unit}")
    words.append(f"subgoal {sum(subgoal.step <= step for subgoal in trace.subgoals)}")
    if observation.success:
        words.append("goal reached")
    return "     ".join(words)
