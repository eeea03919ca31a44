"""Point Maze: the U-shaped corridor at half scale for a point that is moved directly.

The released environment means to put the point back when it enters a wall but never does; here it does.
"""

from typing import Any, ClassVar

import mujoco
import numpy as np

from hrl_core.envs.maze import MazeSpec, build_model
from hrl_core.envs.maze_env import (
    RESET_POSITION_NOISE,
    RESET_VELOCITY_NOISE,
    TIME_SCALE,
    Float64,
    MazeEnv,
    Observation,
    camera,
)

FORWARD_LIMIT, TURN_LIMIT = 1.0, 0.25
FORWARD_SCALE = 0.2
"""Metres per unit of the forward action."""
POINT_MAZE = MazeSpec(
    rows=(
        "#####",
        "#R..#",
        "###.#",
        "#...#",
        "#####",
    ),
    cell_size=4.0,
    wall_height=2.0,
)
GOAL_LOW, GOAL_HIGH = (-2.0, -2.0), (10.0, 10.0)


class PointMazeEnv(MazeEnv):
    """A point that turns and moves ahead; reward is minus the distance to the goal after the step.

    With ``reach`` it is 1 for the step that comes so near to the goal, else 0, and the episode ends there.

    | index | meaning | unit |
    |---|---|---|
    | 0, 1 | position x, y | m |
    | 2 | heading | rad |
    | 3-5 | drift in x, y, heading: drawn at reset, constant over the episode | m/s, rad/s |
    | 6 | steps since reset / 1000 | 1 |

    Action: ahead [-1, 1] in units of 0.2 m, turn [-0.25, 0.25] rad.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 50}
    observation_dim: ClassVar[int] = 7
    kinematic: ClassVar[bool] = True
    """The model is moved directly: masses and friction have no say."""

    def __init__(
        self,
        maze: MazeSpec = POINT_MAZE,
        goal: tuple[float, float] | None = None,
        reach: float | None = None,
        repeat: int = 1,
        render_mode: str | None = None,
    ) -> None:
        """Compile the model, which serves for geometry and pictures only.

        Args:
            maze: where it moves.
            goal: of every episode that is given none [m]; None: drawn from all over the maze.
            reach: distance [m] from the goal within which it is reached; None: an episode never ends by itself.
            repeat: moves that an action stands for, all in one step.
            render_mode: None or ``rgb_array``.
        """
        model = build_model("point.xml", maze)
        box = (GOAL_LOW, GOAL_HIGH) if goal is None else (tuple(goal), tuple(goal))
        super().__init__(model, box, (FORWARD_LIMIT, TURN_LIMIT), render_mode)
        self.dt, self._maze, self._reach, self._repeat = model.opt.timestep, maze, reach, repeat

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Put the point near the origin; ``options["goal"]`` sets the goal [m]."""
        super().reset(seed=seed)
        self.data.qpos[:] = self.np_random.uniform(-RESET_POSITION_NOISE, RESET_POSITION_NOISE, 3)
        self.data.qvel[:] = RESET_VELOCITY_NOISE * self.np_random.standard_normal(3)
        self._begin(options)
        mujoco.mj_kinematics(self.model, self.data)
        return self._observation(), {}

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Turn, then move ahead; a move into a wall leaves the position as it was."""
        reached = False
        for _ in range(self._repeat):
            if not reached:
                self._move(action)
                reached = self._reach is not None and self._worth(self.data.qpos[:2], self.goal) > 0
        mujoco.mj_kinematics(self.model, self.data)
        observation = self._observation()
        reward = float(self._worth(observation["achieved_goal"], self.goal))
        return observation, reward, bool(reached), False, {}

    def _move(self, action: Float64) -> None:
        x, y, angle = self.data.qpos + self.data.qvel * self.dt
        angle += action[1]
        x += FORWARD_SCALE * action[0] * np.cos(angle)
        y += FORWARD_SCALE * action[0] * np.sin(angle)
        if not self._maze.is_free(x, y):
            x, y = self.data.qpos[:2]
        self.data.qpos[:] = x, y, angle
        self._steps += 1

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """Minus the Euclidean distance [m], or whether the goal is reached; batches along leading axes."""
        return self._worth(achieved_goal, desired_goal)

    def _worth(self, achieved_goal: Float64, desired_goal: Float64) -> Float64:
        worth = super().compute_reward(achieved_goal, desired_goal, {})
        return worth if self._reach is None else (-worth <= self._reach).astype(np.float64)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (9,)."""
        return np.concatenate((self.data.qpos, self.data.qvel, self.goal, [self._steps]))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self.data.qpos[:], self.data.qvel[:], self.goal = state[:3], state[3:6], state[6:8].copy()
        self._steps = int(state[8])
        mujoco.mj_kinematics(self.model, self.data)
        return self._observation()

    def _camera(self) -> mujoco.MjvCamera:
        return camera((4.0, 4.0, 0.0), 24.0, -80.0)

    def _observation(self) -> Observation:
        state = np.concatenate((self.data.qpos, self.data.qvel, [self._steps * TIME_SCALE]))
        return {"observation": state, "achieved_goal": state[:2].copy(), "desired_goal": self.goal.copy()}


def make_point_maze(
    goal: tuple[float, float] | None = None,
    reach: float | None = None,
    repeat: int = 1,
    render_mode: str | None = None,
) -> PointMazeEnv:
    """Entry point of ``hrl/PointMaze-v0``; arguments as of ``PointMazeEnv``."""
    return PointMazeEnv(goal=goal, reach=reach, repeat=repeat, render_mode=render_mode)
