"""Point Maze: the U-shaped corridor at half scale for a point that is moved directly (spec/hiro.md 1.6).

The released environment means to put the point back when it enters a wall but never does; here it does.
"""

from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.ant_maze_env import RESET_POSITION_NOISE, RESET_VELOCITY_NOISE, TIME_SCALE
from hrl_core.envs.maze import MazeSpec, build_model

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


class PointMazeEnv(gymnasium.Env[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.float64]]):
    """A point that turns and moves ahead; reward is minus the distance to the goal after the step.

    | index | meaning | unit |
    |---|---|---|
    | 0, 1 | position x, y | m |
    | 2 | heading | rad |
    | 3-5 | drift in x, y, heading: drawn at reset, constant over the episode | m/s, rad/s |
    | 6 | steps since reset / 1000 | 1 |

    Action: ahead [-1, 1] in units of 0.2 m, turn [-0.25, 0.25] rad.
    ``reset(options={"goal": [x, y]})`` sets the goal.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(self, render_mode: str | None = None) -> None:
        """Compile the model, which serves for geometry and pictures only."""
        self.model = build_model("point.xml", POINT_MAZE)
        self.data = mujoco.MjData(self.model)
        self.dt = self.model.opt.timestep
        self.render_mode = render_mode
        self.goal_low, self.goal_high = np.array(GOAL_LOW), np.array(GOAL_HIGH)
        self.goal = np.zeros(2)
        self._steps = 0
        self._renderer: mujoco.Renderer | None = None
        goal_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (7,), np.float64),
            achieved_goal=goal_space,
            desired_goal=goal_space,
        )
        limit = np.array([FORWARD_LIMIT, TURN_LIMIT])
        self.action_space = spaces.Box(-limit, limit, dtype=np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, Any]]:
        """Put the point near the origin; ``options["goal"]`` sets the goal [m]."""
        super().reset(seed=seed)
        self.data.qpos[:] = self.np_random.uniform(-RESET_POSITION_NOISE, RESET_POSITION_NOISE, 3)
        self.data.qvel[:] = RESET_VELOCITY_NOISE * self.np_random.standard_normal(3)
        sampled = self.np_random.uniform(self.goal_low, self.goal_high)
        wanted = (options or {}).get("goal")
        self.goal = sampled if wanted is None else np.array(wanted, dtype=np.float64).reshape(2)
        self._steps = 0
        mujoco.mj_kinematics(self.model, self.data)
        return self._observation(), {}

    def step(
        self, action: npt.NDArray[np.float64]
    ) -> tuple[dict[str, npt.NDArray[np.float64]], float, bool, bool, dict[str, Any]]:
        """Turn, then move ahead; a move into a wall leaves the position as it was."""
        x, y, angle = self.data.qpos + self.data.qvel * self.dt
        angle += action[1]
        x += FORWARD_SCALE * action[0] * np.cos(angle)
        y += FORWARD_SCALE * action[0] * np.sin(angle)
        if not POINT_MAZE.is_free(x, y):
            x, y = self.data.qpos[:2]
        self.data.qpos[:] = x, y, angle
        mujoco.mj_kinematics(self.model, self.data)
        self._steps += 1
        observation = self._observation()
        reward = self.compute_reward(observation["achieved_goal"], self.goal, {})
        return observation, float(reward), False, False, {}

    def compute_reward(
        self, achieved_goal: npt.NDArray[np.float64], desired_goal: npt.NDArray[np.float64], info: object
    ) -> npt.NDArray[np.float64]:
        """Minus the Euclidean distance [m]; batches along leading axes."""
        return -np.linalg.norm(achieved_goal - desired_goal, axis=-1)

    def simulation_state(self) -> npt.NDArray[np.float64]:
        """Everything that stepping depends on, shape (9,)."""
        return np.concatenate((self.data.qpos, self.data.qvel, self.goal, [self._steps]))

    def restore(self, state: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Go back to a ``simulation_state``; return the observation vector there."""
        self.data.qpos[:], self.data.qvel[:], self.goal = state[:3], state[3:6], state[6:8].copy()
        self._steps = int(state[8])
        mujoco.mj_kinematics(self.model, self.data)
        return self._observation()["observation"]

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return an image of the maze from above, or None without ``render_mode="rgb_array"``."""
        if self.render_mode != "rgb_array":
            return None
        renderer = self._renderer = self._renderer or mujoco.Renderer(self.model, 480, 480)
        mujoco.mj_forward(self.model, self.data)
        camera = mujoco.MjvCamera()
        camera.lookat[:] = (4.0, 4.0, 0.0)
        camera.distance, camera.azimuth, camera.elevation = 24.0, 90.0, -80.0
        renderer.update_scene(self.data, camera)
        return renderer.render()

    def close(self) -> None:
        """Free the renderer, if any."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observation(self) -> dict[str, npt.NDArray[np.float64]]:
        state = np.concatenate((self.data.qpos, self.data.qvel, [self._steps * TIME_SCALE]))
        return {"observation": state, "achieved_goal": state[:2].copy(), "desired_goal": self.goal.copy()}


def make_point_maze(render_mode: str | None = None) -> PointMazeEnv:
    """Entry point of ``hrl/PointMaze-v0``."""
    return PointMazeEnv(render_mode=render_mode)
