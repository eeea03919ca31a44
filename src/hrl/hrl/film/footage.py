"""The pictures of ``hrl video``: episodes run in this process and are drawn as rviz and the web viewer would."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from hrl.film.frames import captioned, fitted, legend, true_rate
from hrl.film.video import Video
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.surroundings import Poses, Surroundings
from hrl_core.hierarchy.path_sessions import path_names
from hrl_core.hierarchy.rollout import EpisodeTrace, Runner, rollout
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.messages import ActionSource, EpisodeResult, Mode, Observation, Subgoal, SubgoalKind, Vector, frozen
from hrl_core.task.spec import TaskSpec
from hrl_viz.render import Camera, ShapeRenderer, side_view
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel

_FOLLOW_DISTANCE = 15.0
_DISTANCE = 1.6
"""From the scene to the camera that sees all of it, in widths of its interior."""
_WALL_HEIGHT = 1.0
Seen = tuple[dict[str, float], Poses]
"""Joints and objects at one observation."""
Kept = TypeVar("Kept")


def film(folder: Path, arguments: Video) -> Iterator[np.ndarray]:
    """Frames (height, width, 3) of the episodes asked for."""
    checkpoint = load_checkpoint(folder)
    spec = checkpoint.task
    goal = frozen(arguments.goal) if arguments.goal else None
    model = SceneModel(spec, _WALL_HEIGHT)
    own = arguments.camera == "environment" or (arguments.camera == "auto" and (model.meshed or not model.placed))
    if own or model.empty:
        yield from _own_pictures(checkpoint, arguments, goal)
        return
    static, renderer = model.static_shapes(), ShapeRenderer(arguments.width, arguments.height)
    camera = _camera(model)
    stride = _stride(arguments, spec)
    try:
        for trace, surroundings in rollouts(checkpoint, arguments.episodes, arguments.seed, goal):
            scene, due = Scene(spec, model, checkpoint.hierarchy), 0.0
            explained = legend(bool(spec.goal), checkpoint.hierarchy, scene.has_path)
            last = _last_step(trace, spec, arguments.stop_after)
            for step in _told(scene, trace, surroundings, last):
                # Its end is seen whether it is due or not: there it says whether the goal was reached.
                frames = _frames_due(step, due, stride, step == last)
                if not frames:
                    continue
                due += stride * frames
                shapes = [*static, *scene.shapes()]
                if arguments.camera == "follow":
                    camera = Camera(scene.robot, _FOLLOW_DISTANCE)
                caption = _caption(trace, step, checkpoint, arguments.speed)
                picture = captioned(renderer.picture(shapes, camera), caption, explained)
                yield from (picture for _ in range(frames))
    finally:
        renderer.close()


def _camera(model: SceneModel) -> Camera:
    """One that sees all of the scene: the model's own where no walls say how far it reaches."""
    own = None if model.bounded else side_view(model.model)
    if own is not None:
        return own
    low, high = model.interior
    middle, wide = (low + high) / 2, float(np.max(high - low))
    return Camera((float(middle[0]), float(middle[1]), 0.0), _DISTANCE * wide)


class _Watching(Runner, Protocol[Kept]):
    """Keeps something of each episode it runs."""

    seen: list[Kept]

    def close(self) -> None:
        """Free the environment."""
        ...


class _Watched:
    """Runs an environment and keeps, for every observation, what it does not tell: the block, the apples left."""

    def __init__(self, runner: EnvRunner) -> None:
        self._runner, self._eyes = runner, Surroundings(runner.env)
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

    def close(self) -> None:
        """Free the environment."""
        self._runner.close()

    def _look(self, observation: Observation) -> Observation:
        self.seen.append((self._eyes.joints(), self._eyes.objects()))
        return observation


class _PictureRunner(EnvRunner):
    """Its environment makes pictures, of which those that are due are kept with their step."""

    render_mode = "rgb_array"
    stride = 1.0
    seen: list[tuple[int, np.ndarray]]

    def reset(self, episode: int, seed: int | None = None, goal: Vector | None = None) -> Observation:
        """Start an episode and forget the last one's pictures."""
        self.seen = []
        return self._look(super().reset(episode, seed, goal))

    def step(self, action: Vector, source: ActionSource = ActionSource.POLICY) -> Observation:
        """Take one environment step."""
        return self._look(super().step(action, source))

    def _look(self, observation: Observation) -> Observation:
        ended = observation.terminated or observation.truncated
        frames = _frames_due(observation.step, len(self.seen) * self.stride, self.stride, ended)
        if frames:
            self.seen += [(observation.step, self.render())] * frames
        return observation


def _own_pictures(checkpoint: Checkpoint, arguments: Video, goal: Vector | None) -> Iterator[np.ndarray]:
    """The pictures that the environment itself makes."""
    spec = checkpoint.task
    runner = _PictureRunner(spec, arguments.seed, Mode.EVAL, goal)
    runner.stride = _stride(arguments, spec)
    for trace, pictures in _episodes(runner, checkpoint, arguments.episodes, arguments.seed):
        last = _last_step(trace, spec, arguments.stop_after)
        for step, picture in pictures:
            if step <= last:
                larger = fitted(picture, arguments.width, arguments.height)
                yield captioned(larger, _caption(trace, step, checkpoint, arguments.speed))


def rollouts(
    checkpoint: Checkpoint, episodes: int, seed: int, goal: Vector | None
) -> Iterator[tuple[EpisodeTrace, list[Seen]]]:
    """Run episodes in this process, noise-free; with each, what was seen at each of its observations."""
    runner = _Watched(EnvRunner(checkpoint.task, seed, Mode.EVAL, goal))
    yield from _episodes(runner, checkpoint, episodes, seed)


def _episodes(
    runner: _Watching[Kept], checkpoint: Checkpoint, episodes: int, seed: int
) -> Iterator[tuple[EpisodeTrace, list[Kept]]]:
    """Run episodes; with each, what the runner kept of it."""
    hierarchy = checkpoint.stack(seed)
    try:
        for episode in range(episodes):
            yield rollout(runner, hierarchy, episode), runner.seen
    finally:
        runner.close()


def _frames_due(step: int, due: float, stride: float, ends: bool) -> int:
    """How many frames show a step, the next of which is due at step ``due``; at least one where an episode ends."""
    return max(int(ends), 0 if step < due else 1 + int((step - due) / stride))


def _stride(arguments: Video, spec: TaskSpec) -> float:
    """Environment steps per frame."""
    return arguments.speed / true_rate(arguments.out, arguments.fps) / spec.control_period


def _told(scene: Scene, trace: EpisodeTrace, surroundings: list[Seen], last: int) -> Iterator[int]:
    """Tell the scene the episode, step by step."""
    for observation, (joints, objects) in zip(trace.observations[: last + 1], surroundings, strict=False):
        scene.on_observation(observation)
        scene.on_joints(joints)
        scene.on_objects(objects)
        for result in (r for r in trace.subgoal_results if r.step == observation.step):
            scene.on_result(result)
        for subgoal in (s for s in trace.subgoals if s.step == observation.step):
            scene.on_subgoal(subgoal)
        yield observation.step


def _last_step(trace: EpisodeTrace, spec: TaskSpec, stop_after: float) -> int:
    last = len(trace.observations) - 1
    reached = next((o.step for o in trace.observations if o.success), None)
    if not stop_after or reached is None:
        return last
    return min(last, reached + round(stop_after / spec.control_period))


def _caption(trace: EpisodeTrace, step: int, checkpoint: Checkpoint, speed: float) -> str:
    observation, spec = trace.observations[step], checkpoint.task
    words = [f"{step * spec.control_period:5.1f} s  ({speed:g}x)"]
    if observation.desired_goal.size:
        words.append(spec.way_left(observation.achieved_goal, observation.desired_goal))
    else:
        words.append(f"return {sum(o.reward for o in trace.observations[1 : step + 1]):4.1f}")
    words += _decisions([subgoal for subgoal in trace.subgoals if subgoal.step <= step], checkpoint.hierarchy)
    if observation.success:
        words.append("goal reached")
    return "     ".join(words)


def _decisions(subgoals: Sequence[Subgoal], hierarchy: HierarchySpec) -> list[str]:
    """How many each level has chosen so far, and the skills in force, outermost first; of a tree its path."""
    if hierarchy.tree is not None:
        path = [s for s in subgoals if s.seq == subgoals[-1].seq]
        path.sort(key=lambda subgoal: -subgoal.level)
        return [f"decision {path[-1].seq + 1}", " > ".join(path_names(hierarchy.tree, path))] if path else []
    by_level = [[s for s in subgoals if s.level == level] for level in reversed(range(len(hierarchy.levels)))]
    if not by_level or not all(by_level):
        return []
    newest = [of_level[-1] for of_level in by_level if of_level[-1].kind == SubgoalKind.SKILL]
    skills = [hierarchy.levels[s.level].skills[s.skill_id] for s in newest]
    words = [f"subgoal {' / '.join(str(len(of_level)) for of_level in by_level)}"]
    return [*words, " > ".join(skills)] if skills else words
