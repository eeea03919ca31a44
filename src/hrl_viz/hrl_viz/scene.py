"""The course of an episode as shapes: takes in what the stack says, in any order, and draws the present moment."""

import math
from collections import deque
from collections.abc import Mapping

from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.messages import NAN, WORKER_LEVEL, Observation, Subgoal, SubgoalKind, SubgoalResult, Vector
from hrl_core.task.spec import TaskSpec
from hrl_viz import overlay, palette
from hrl_viz.level_view import LevelView
from hrl_viz.places import TaskPlaces, subgoal_place
from hrl_viz.scene_model import ROBOT, SceneModel
from hrl_viz.shapes import Point, Quaternion, Shape

TRAIL_LENGTH = 400
_TRAIL_STEP = 0.25
"""Distance between points of the trail, in sizes of the robot."""
_MARKS = 4.0
"""Size of marks in radii of success, at most."""
GHOST = "subgoal_ghost"
GHOST_ALPHA = 0.3


class Scene:
    """What is shown of one run."""

    def __init__(self, spec: TaskSpec, model: SceneModel, hierarchy: HierarchySpec) -> None:
        """Start with an empty stage.

        Args:
            spec: the task.
            model: its robot and walls.
            hierarchy: of the policy, whose levels are all shown.
        """
        self._tree = hierarchy.tree
        spaces = [GoalSpace(spec, level) for level in hierarchy.levels]
        self._levels = [LevelView(space, number) for number, space in enumerate(spaces)]
        placed = next((space.names for space in spaces if subgoal_place(spec, space.names).exists), ())
        self._spec, self._model, self._places = spec, model, TaskPlaces(spec, placed)
        # Marks of an arm's size would hide what is to be brought somewhere within centimetres; the radius of groups is
        # in units of all kinds, and says little of places.
        radius = spec.success.radius * (1.0 if spec.success.groups else _MARKS)
        self._size = min(model.size, radius) if radius > 0 else model.size
        self._observation: Observation | None = None
        self._joints: dict[str, float] = {}
        self._poses: dict[str, tuple[Point, Quaternion]] = {}
        self._relabelled: dict[tuple[int, int], Vector] = {}
        self._begin()

    @property
    def observation(self) -> Observation | None:
        """The newest observation."""
        return self._observation

    @property
    def has_path(self) -> bool:
        """Whether the task tells where the robot is, and so the way it went."""
        return self._places.robot.exists

    @property
    def robot(self) -> Point:
        """Where the robot is [m]."""
        return self._robot()

    def on_observation(self, observation: Observation) -> None:
        """Take the present state; a new episode clears what belonged to the old one."""
        last = self._observation
        same = last is not None and (observation.run, observation.episode) == (last.run, last.episode)
        if not same or (last is not None and observation.step < last.step):
            # The first subgoals of an episode may come before its first observation.
            self._begin(None if same else observation.episode)
            self._rewards = 0.0 if observation.step == 0 else NAN
        elif last is not None and observation.step != last.step:
            self._rewards = self._rewards + observation.reward if observation.step == last.step + 1 else NAN
        self._observation = observation
        robot = self._robot()
        if self.has_path and (not self._trail or math.dist(self._trail[-1], robot) > _TRAIL_STEP * self._size):
            self._trail.append(robot)

    @property
    def skills(self) -> list[str]:
        """Names of the skills in control, outermost first; of a tree the nodes of the path."""
        names = [level.skill for level in reversed(self._in_control) if level.skill]
        return [self._tree.root, *names] if self._tree is not None and names else names

    @property
    def _in_control(self) -> list[LevelView]:
        """Levels that have a say: of a tree those of the path, which has one number."""
        lowest = self._levels[WORKER_LEVEL].subgoal if self._levels else None
        if self._tree is None or lowest is None:
            return self._levels
        return [level for level in self._levels if level.subgoal is not None and level.subgoal.seq == lowest.seq]

    def on_subgoal(self, subgoal: Subgoal) -> None:
        """Take a subgoal of any level; what it replaces becomes history."""
        if subgoal.level >= len(self._levels) or subgoal.kind == SubgoalKind.CONTINUE:
            return
        self._levels[subgoal.level].take(subgoal, self._robot()[2])
        if subgoal.level == WORKER_LEVEL:
            self._ghost = None

    def on_relabelled(self, episode: int, seq: int, chosen: Vector) -> None:
        """Take the relative subgoal (subgoal_dim,) that relabelling puts in the place of subgoal ``seq``."""
        self._relabelled = {key: value for key, value in self._relabelled.items() if key[0] == episode}
        self._relabelled[episode, seq] = chosen

    def on_result(self, result: SubgoalResult) -> None:
        """Take the sums of a finished segment of the lowest level."""
        if result.level != 0:
            return
        if result.episode != self._result_episode:
            self._result_episode, self._return, self._next_seq = result.episode, 0.0, 0
        if result.seq < self._next_seq:
            return
        # A gap, or a start in mid-episode: what was missed is not guessed.
        self._return = self._return + result.reward_sum if result.seq == self._next_seq else NAN
        self._next_seq = result.seq + 1
        self._intrinsic = result.intrinsic_sum / max(1, result.steps_used)

    def on_joints(self, joints: Mapping[str, float]) -> None:
        """Take joint positions, by name."""
        self._joints.update(joints)

    def on_objects(self, poses: Mapping[str, tuple[Point, Quaternion]]) -> None:
        """Take the poses of all things beside the robot; what is not listed is gone."""
        self._poses = dict(poses)

    def shapes(self) -> list[Shape]:
        """Everything that may move or change."""
        observation, size = self._observation, self._size
        if observation is None:
            return []
        self._model.take(observation.state, self._joints, self._poses)
        robot = self._robot()
        shapes = self._model.robot_shapes() + self._stand_ins(observation, robot)
        if self._places.goal.exists:
            goal = self._places.goal.of(observation.desired_goal, 0.0)
            shapes += overlay.goal_shapes(goal, self._spec.success.ball(len(self._spec.goal)), size)
        subgoals = self._subgoal_shapes(robot)
        shapes += subgoals
        shapes += [level.history(size) for level in self._levels]
        shapes.append(overlay.trail_shape(self._trail, size))
        positions = {name: pose[0] for name, pose in self._poses.items()}
        shapes += overlay.object_shapes(positions, self._model.body_names)
        shapes.append(
            overlay.figures_shape(self._figures(observation), robot, size, [s.position for s in subgoals if s.text])
        )
        return shapes

    def _stand_ins(self, observation: Observation, robot: Point) -> list[Shape]:
        """Where there is no model: a ball for the robot, and one for what is to be brought to the goal."""
        if not self._model.empty or not self._places.robot.exists:
            return []
        brought = self._places.goal.exists and self._places.goal.prefix != self._places.robot.prefix
        thing = self._places.goal.of(observation.achieved_goal, robot[2]) if brought else None
        return overlay.stand_in_shapes(ROBOT, robot, thing, self._size)

    def _subgoal_shapes(self, robot: Point) -> list[Shape]:
        shapes: list[Shape] = []
        for number, level in enumerate(self._levels):
            if self._current(level.subgoal):
                shapes += self._lowest_shapes(robot) if number == WORKER_LEVEL else level.shapes(robot, self._size, "")
        return shapes

    def _current(self, subgoal: Subgoal | None) -> bool:
        """Whether it is of the episode that is seen: one may come before its first observation."""
        seen = self._observation
        return subgoal is not None and seen is not None and subgoal.episode == seen.episode

    def _lowest_shapes(self, robot: Point) -> list[Shape]:
        """Of what the worker is asked for: the robot as it would be, and what relabelling puts in its place."""
        level, subgoal, observation = self._levels[WORKER_LEVEL], self._levels[WORKER_LEVEL].subgoal, self._observation
        if subgoal is None or observation is None or level.target(robot[2]) is None:
            return []
        other = self._relabelled.get((subgoal.episode, subgoal.seq))
        shapes = level.shapes(robot, self._size, "" if other is None else "original")
        if self._ghost is None:
            color = palette.faded(palette.SUBGOAL, GHOST_ALPHA)
            self._ghost = self._model.ghost_shapes(level.wanted(observation.state), GHOST, color)
        shapes += self._ghost
        instead = None if other is None else level.place(subgoal.anchor + other, robot[2])
        if instead is not None:
            group, color = overlay.RELABELLED, palette.RELABELLED
            shapes += overlay.subgoal_shapes(robot, instead, self._size, group, color, "relabelled", overlay.ABOVE)
        return shapes

    def _robot(self) -> Point:
        """Position of the robot; the middle of its model where the task does not observe one."""
        if self._observation is not None and self._places.robot.exists:
            return self._places.robot.of(self._observation.state, self._model.height)
        return 0.0, 0.0, self._model.height

    def _figures(self, observation: Observation) -> overlay.Figures:
        current = self._result_episode == observation.episode
        fresh = observation.step == 0 or self._result_episode is None
        return overlay.Figures(
            episode=observation.episode,
            step=observation.step,
            way_left=self._spec.way_left(observation.achieved_goal, observation.desired_goal)
            if observation.desired_goal.size
            else "",
            episode_return=self._return_so_far(current and not fresh),
            intrinsic=self._intrinsic if current else NAN,
            success=observation.success,
            subgoals=self._numbers(),
            skills=self.skills,
        )

    def _numbers(self) -> list[int]:
        """Of the subgoals in force, outermost first; of a path the one that all of it has."""
        numbers = [level.subgoal.seq for level in reversed(self._in_control) if level.subgoal is not None]
        return numbers[:1] if self._tree is not None else numbers

    def _return_so_far(self, segments_count: bool) -> float:
        """Sum of the rewards where every step was seen, of the segments where observations are thinned; or NaN."""
        if not math.isnan(self._rewards):
            return self._rewards
        return self._return if segments_count else NAN

    def _begin(self, episode: int | None = None) -> None:
        """Forget what belonged to the episode before; subgoals of ``episode`` are there already."""
        self._trail: deque[Point] = deque(maxlen=TRAIL_LENGTH)
        self._result_episode: int | None = None
        self._rewards, self._return, self._intrinsic, self._next_seq = NAN, 0.0, NAN, 0
        self._ghost: list[Shape] | None = None
        for level in self._levels:
            if level.subgoal is None or level.subgoal.episode != episode:
                level.forget()
