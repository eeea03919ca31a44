"""The pictures of ``hrl video``: episodes run in this process and are drawn as rviz and the web viewer would."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hrl.film import captioned
from hrl.video_command import Video
from hrl_core.checkpoint import Checkpoint, load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.surroundings import Poses, Surroundings
from hrl_core.manager_session import ManagerSession
from hrl_core.rollout import EpisodeTrace, rollout
from hrl_core.task import TaskSpec
from hrl_core.types import EpisodeResult, Mode, Observation, Vector, frozen
from hrl_core.worker_session import WorkerSession
from hrl_viz.render import Camera, ShapeRenderer
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel

_FOLLOW_DISTANCE = 15.0
_DISTANCE = 1.6
"""From the scene to the camera that sees all of it, in widths of its interior."""
_WALL_HEIGHT = 1.0
Seen = tuple[dict[str, float], Poses]
"""Joints and objects at one observation."""


def film(folder: Path, arguments: Video) -> Iterator[np.ndarray]:
    """Frames (height, width, 3) of the episodes asked for."""
    checkpoint = load_checkpoint(folder)
    spec = checkpoint.task
    goal = frozen(arguments.goal) if arguments.goal else None
    model = SceneModel(spec, _WALL_HEIGHT)
    static, renderer = model.static_shapes(), ShapeRenderer(arguments.width, arguments.height)
    low, high = model.interior
    middle, wide = (low + high) / 2, float(np.max(high - low))
    camera = Camera((float(middle[0]), float(middle[1]), 0.0), _DISTANCE * wide)
    stride = arguments.speed / arguments.fps / spec.control_period
    try:
        for trace, surroundings in rollouts(checkpoint, arguments.episodes, arguments.seed, goal):
            scene, due = Scene(spec, model), 0.0
            for step in _told(scene, trace, surroundings, _last_step(trace, spec, arguments.stop_after)):
                if step < due:
                    continue
                due += stride
                shapes = [*static, *scene.shapes()]
                if arguments.camera == "follow":
                    camera = Camera(scene.robot, _FOLLOW_DISTANCE)
                caption = _caption(trace, step, spec, arguments.speed)
                yield captioned(renderer.picture(shapes, camera), caption, bool(spec.goal))
    finally:
        renderer.close()


class _Watched:
    """Runs an environment and keeps, for every observation, what it does not tell: the block, the apples left."""

    def __init__(self, runner: EnvRunner) -> None:
        self._runner, self._eyes = runner, Surroundings(runner.env.unwrapped)
        self.seen: list[Seen] = []

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start an episode and forget the last one."""
        self.seen = []
        return self._look(self._runner.reset(episode, seed, goal))

    def step(self, action: Vector) -> Observation:
        """Take one environment step."""
        return self._look(self._runner.step(action))

    def result(self) -> EpisodeResult:
        """Outcome of the finished episode."""
        return self._runner.result()

    def _look(self, observation: Observation) -> Observation:
        self.seen.append((self._eyes.joints(), self._eyes.objects()))
        return observation


def rollouts(
    checkpoint: Checkpoint, episodes: int, seed: int, goal: Vector | None
) -> Iterator[tuple[EpisodeTrace, list[Seen]]]:
    """Run episodes in this process, noise-free; with each, what was seen at each of its observations."""
    spec = checkpoint.task
    runner = EnvRunner(spec, seed, Mode.EVAL, goal)
    manager, worker = (
        ManagerSession(spec, checkpoint.manager(), seed),
        WorkerSession(spec, checkpoint.worker(), seed),
    )
    watched = _Watched(runner)
    try:
        for episode in range(episodes):
            yield rollout(watched, manager, worker, episode), watched.seen
    finally:
        runner.close()


def _told(scene: Scene, trace: EpisodeTrace, surroundings: list[Seen], last: int) -> Iterator[int]:
    """Tell the scene the episode, step by step."""
    subgoals = {subgoal.step: subgoal for subgoal in trace.subgoals}
    results = {result.step: result for result in trace.subgoal_results}
    for observation, (joints, objects) in zip(trace.observations[: last + 1], surroundings, strict=False):
        scene.on_observation(observation)
        scene.on_joints(joints)
        scene.on_objects(objects)
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
    else:
        words.append(f"return {sum(o.reward for o in trace.observations[1 : step + 1]):4.1f}")
    words.append(f"subgoal {sum(subgoal.step <= step for subgoal in trace.subgoals)}")
    if observation.success:
        words.append("goal reached")
    return "     ".join(words)
