"""Push Point: a disc pushes another one to a place, in the plane (after the point mass of Relay Policy Learning).

Dynamics are those of two discs without inertia, in NumPy.
"""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

STRIDE = 0.1
"""Greatest way of a step along each axis [m]."""
POINT_RADIUS, BLOCK_RADIUS = 0.25, 0.4
CONTACT = POINT_RADIUS + BLOCK_RADIUS
POINT_ARENA, BLOCK_ARENA = 2.6, 2.2
"""Greatest coordinate of each centre [m]."""
GOAL_ARENA = 1.3
"""The same of goals, and of the block at the start."""
APART = 1.0
"""Least |dx| + |dy| [m] between block and goal at the start, unless told otherwise."""
MOST_APART = 2.5
"""Of what can be asked for: a block in the middle has goals no more than 2.6 m away."""
REACH = 0.5
"""|dx| + |dy| [m] between block and goal within which it is there."""
PIXELS = 264
"""Width and height of a picture."""
_FLOOR, _GOAL, _BLOCK, _POINT = (236, 236, 232), (64, 160, 70), (150, 105, 60), (40, 80, 190)


class PushPointEnv(ControlEnv):
    """Bring the block to the goal: 0 for a step that ends with it there, else -1.

    | index | meaning | unit |
    |---|---|---|
    | 0, 1 | position of the point | m |
    | 2, 3 | its last step | m/step |
    | 4, 5 | position of the block | m |
    | 6, 7 | its last step | m/step |

    Action: step along x, y [-1, 1] in units of 0.1 m. A point that would overlap the block pushes it straight away from
    itself; a block at the edge does not give way.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int] = 8
    goal_dim: ClassVar[int] = 2

    def __init__(self, apart: float = APART, render_mode: str | None = None) -> None:
        """Stand still.

        Args:
            apart: least |dx| + |dy| [m] between block and goal at the start, at most 2.5.
            render_mode: None or ``rgb_array``.
        """
        if not 0 <= apart <= MOST_APART:
            raise ValueError(f"apart: from 0 to {MOST_APART} m, beyond which some blocks have no goal; got {apart}")
        self.render_mode = render_mode
        super().__init__(((-GOAL_ARENA,) * 2, (GOAL_ARENA,) * 2), (REACH,) * 2, actions=2)
        self._apart = apart
        self._point, self._block = np.zeros(2), np.ones(2)
        self._moved, self._pushed = np.zeros(2), np.zeros(2)

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move for one control period."""
        observation, reward, *_ = super().step(action)
        return observation, reward, False, False, {"is_success": reward == 0}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """0 within reach, else -1; batches along leading axes."""
        return -1.0 + (np.abs(achieved_goal - desired_goal).sum(-1) < REACH)

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride] - one mode only
        """Goal, block and point from above, y upwards; shape (PIXELS, PIXELS, 3)."""
        return self.picture()

    def picture(self, floor: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint8]:
        """The same on a floor of those colours, shape (PIXELS, PIXELS, 3), rows from y at the bottom up."""
        picture = np.full((PIXELS, PIXELS, 3), _FLOOR, np.uint8) if floor is None else floor.copy()
        x, y = np.meshgrid(*[self.places()] * 2)
        picture[np.abs(x - self.goal[0]) + np.abs(y - self.goal[1]) < REACH] = _GOAL
        discs = ((self._block, BLOCK_RADIUS, _BLOCK), (self._point, POINT_RADIUS, _POINT))
        for centre, radius, colour in discs:
            picture[np.hypot(x - centre[0], y - centre[1]) < radius] = colour
        return picture[::-1]

    def places(self) -> Float64:
        """Coordinate [m] of each row and column of a picture, (PIXELS,)."""
        edge = POINT_ARENA + POINT_RADIUS
        return np.linspace(-edge, edge, PIXELS)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (10,)."""
        return np.concatenate((self._state(), self.goal))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._point, self._moved, self._block, self._pushed, self.goal = state.reshape(5, 2).copy()
        return self._observation()

    def _place(self) -> None:
        """Draw point and block, not touching."""
        self._moved, self._pushed = np.zeros(2), np.zeros(2)
        self._block = self.np_random.uniform(-GOAL_ARENA, GOAL_ARENA, 2)
        self._point = self.np_random.uniform(-BLOCK_ARENA, BLOCK_ARENA, 2)
        while np.linalg.norm(self._point - self._block) < CONTACT:
            self._point = self.np_random.uniform(-BLOCK_ARENA, BLOCK_ARENA, 2)

    def _draw_goal(self) -> Float64:
        goal = super()._draw_goal()
        while np.abs(goal - self._block).sum() < self._apart:
            goal = super()._draw_goal()
        return goal

    def _advance(self, action: Float64) -> None:
        before = self._point, self._block
        point = np.clip(self._point + STRIDE * np.clip(action, -1.0, 1.0), -POINT_ARENA, POINT_ARENA)
        block = np.clip(_away(self._block, point, before[0]), -BLOCK_ARENA, BLOCK_ARENA)
        # Who pushes against the edge stays where it touches.
        point = _away(point, block, before[0])
        self._point, self._block = point, block
        self._moved, self._pushed = point - before[0], block - before[1]

    def _state(self) -> Float64:
        return np.concatenate((self._point, self._moved, self._block, self._pushed))

    def _observation(self) -> Observation:
        return super()._observation() | {"achieved_goal": self._block.copy()}


def _away(disc: Float64, other: Float64, before: Float64) -> Float64:
    """Where ``disc`` is when it does not overlap ``other``: moved straight away from it as far as need be.

    Where both are in the same place, away from where the point was ``before``.
    """
    between = disc - other
    distance = float(np.linalg.norm(between))
    if distance >= CONTACT:
        return disc
    if distance == 0:
        between, distance = disc - before, float(np.linalg.norm(disc - before)) or 1.0
    return other + between * (CONTACT / distance)


def make_push_point(apart: float = APART, render_mode: str | None = None) -> PushPointEnv:
    """Entry point of ``hrl/PushPoint-v0``."""
    return PushPointEnv(apart, render_mode)
