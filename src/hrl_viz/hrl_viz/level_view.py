"""The subgoals of one level as a scene keeps them: the one in force, and where those before it led."""

from collections import deque

from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import has_target, subgoal_target
from hrl_core.messages import Subgoal, SubgoalKind, Vector
from hrl_viz import overlay, palette
from hrl_viz.places import subgoal_place
from hrl_viz.shapes import Point, Shape

HISTORY_LENGTH = 30


class LevelView:
    """One level above the worker."""

    def __init__(self, space: GoalSpace, level: int) -> None:
        """Begin without a subgoal.

        Args:
            space: of its subgoals.
            level: number of it, which says its colour and size.
        """
        self.subgoal: Subgoal | None = None
        self._space, self._level, self._place = space, level, subgoal_place(space.task, space.names)
        self._history: deque[Point] = deque(maxlen=HISTORY_LENGTH)

    def forget(self) -> None:
        """A new episode begins."""
        self.subgoal = None
        self._history.clear()

    def take(self, subgoal: Subgoal, height: float) -> None:
        """Take a new subgoal; the place of the one that it replaces becomes history.

        Args:
            subgoal: of this level, other than CONTINUE.
            height: of places that have none [m].
        """
        before, target = self.subgoal, self.target(height)
        if before is not None and before.episode != subgoal.episode:
            self.forget()
        elif before is not None and target is not None and subgoal.seq > before.seq:
            self._history.append(target)
        self.subgoal = subgoal

    def target(self, height: float) -> Point | None:
        """Where the subgoal in force leads; None where that is no place: skills, directions, spaces without x and y."""
        if self.subgoal is None or not self._names_state(self.subgoal):
            return None
        return self.place(subgoal_target(self.subgoal), height)

    def _names_state(self, subgoal: Subgoal) -> bool:
        """Whether a subgoal names elements of a state: one in a learned space does not."""
        return has_target(subgoal) and not self._space.level.embedded

    def place(self, target: Vector, height: float) -> Point | None:
        """A target of the goal space as a place."""
        return self._place.of(target, height) if self._place.exists else None

    @property
    def skill(self) -> str:
        """Name of the skill in force; empty where there is none."""
        subgoal = self.subgoal
        if subgoal is None or subgoal.kind != SubgoalKind.SKILL:
            return ""
        names = self._space.level.skills
        return names[subgoal.skill_id] if 0 <= subgoal.skill_id < len(names) else ""

    def wanted(self, state: Vector) -> Vector:
        """The state (observation_dim,) with the subgoal's elements as they are wanted."""
        wanted = state.copy()
        if self.subgoal is not None and self._names_state(self.subgoal):
            wanted[self._space.indices] = subgoal_target(self.subgoal)
        return wanted

    def shapes(self, robot: Point, size: float, name: str) -> list[Shape]:
        """Arrow, ball and name of the subgoal in force, in the level's colour and size.

        Args:
            robot: where it is [m].
            size: of the robot [m].
            name: what is written above.
        """
        target = self.target(robot[2])
        if target is None:
            return []
        group = overlay.level_group(overlay.SUBGOAL, self._level)
        color = palette.of_level(self._level)
        return overlay.subgoal_shapes(robot, target, overlay.grown(size, self._level), group, color, name)

    def history(self, size: float) -> Shape:
        """Earlier targets."""
        group = overlay.level_group(overlay.HISTORY, self._level)
        return overlay.history_shape(
            self._history, overlay.grown(size, self._level), group, palette.of_level(self._level)
        )
