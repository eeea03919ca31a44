"""The ant in a maze as a goal-conditioned environment; each task of HIRO is a grid and a few figures."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.maze import MazeSpec, build_model

FRAME_SKIP = 5
TORQUE_LIMIT = 30.0
ANT_QPOS = 15
ANT_QVEL = 14
TIME_SCALE = 0.001
RESET_POSITION_NOISE = 0.1
RESET_VELOCITY_NOISE = 0.1
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


@dataclass(frozen=True)
class AntTask:
    """What sets one ant task apart from another."""

    maze: MazeSpec
    goal_low: tuple[float, ...]
    """Lower corner of the box that training goals are drawn from [m]; its length is the goal's size (2 or
    3)."""
    goal_high: tuple[float, ...]


class AntMazeEnv(gymnasium.Env[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.float64]]):
    """An ant that walks to a goal; reward is minus the distance to it after the step (spec/hiro.md 1).

    | observation | meaning | unit |
    |---|---|---|
    | 0-2 | torso position x, y, z in the world | m |
    | 3-6 | torso quaternion w, x, y, z | 1 |
    | 7-14 | joint angles hip_1, ankle_1, ..., hip_4, ankle_4 | rad |
    | 15-17 | torso velocity in the world | m/s |
    | 18-20 | torso angular velocity in the torso frame (MuJoCo's convention) | rad/s |
    | 21-28 | joint rates, order of the angles | rad/s |
    | 29 | steps since reset / 1000 | 1 |

    Action: eight torques in [-30, 30] N m, order hip_4, ankle_4, hip_1, ankle_1, hip_2, ankle_2, hip_3,
        ankle_3. It never terminates; the 500-step limit is the time-limit wrapper's. ``reset(options={"goal":
        [x, y]})`` sets the goal; otherwise it is drawn uniformly from the task's training box (it may lie
        inside a wall, as in the paper). Writing ``goal`` changes it between steps.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int] = ANT_QPOS + ANT_QVEL + 1

    def __init__(self, task: AntTask, render_mode: str | None = None, width: int = 480, height: int = 480) -> None:
        """Compile the model; nothing random happens before ``reset``."""
        self.task = task
        self.model = self._build_model()
        self.data = mujoco.MjData(self.model)
        self.dt = self.model.opt.timestep * FRAME_SKIP
        self.render_mode = render_mode
        self.goal_low, self.goal_high = np.array(task.goal_low), np.array(task.goal_high)
        self.goal = np.zeros(len(task.goal_low))
        self._steps = 0
        self._size = (height, width)
        self._renderer: mujoco.Renderer | None = None
        goal_space = spaces.Box(-np.inf, np.inf, (len(task.goal_low),), np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (self.observation_dim,), np.float64),
            achieved_goal=goal_space,
            desired_goal=goal_space,
        )
        self.action_space = spaces.Box(-TORQUE_LIMIT, TORQUE_LIMIT, (self.model.nu,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, Any]]:
        """Put the ant near the origin; ``options["goal"]`` sets the goal [m]."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self.model, self.data)
        noise = self.np_random
        self.data.qpos[:ANT_QPOS] += noise.uniform(-RESET_POSITION_NOISE, RESET_POSITION_NOISE, ANT_QPOS)
        self.data.qvel[:ANT_QVEL] += RESET_VELOCITY_NOISE * noise.standard_normal(ANT_QVEL)
        sampled = noise.uniform(self.goal_low, self.goal_high)
        wanted = (options or {}).get("goal")
        self.goal = sampled if wanted is None else self._checked_goal(wanted)
        self._steps = 0
        mujoco.mj_forward(self.model, self.data)
        return self._observation(), {}

    def step(
        self, action: npt.NDArray[np.float64]
    ) -> tuple[dict[str, npt.NDArray[np.float64]], float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s."""
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=FRAME_SKIP)
        self._steps += 1
        observation = self._observation()
        left = observation["achieved_goal"] - observation["desired_goal"]
        return observation, -math.sqrt(left.dot(left)), False, False, {}

    def compute_reward(
        self, achieved_goal: npt.NDArray[np.float64], desired_goal: npt.NDArray[np.float64], info: object
    ) -> npt.NDArray[np.float64]:
        """Minus the Euclidean distance [m]; batches along leading axes."""
        return -np.linalg.norm(achieved_goal - desired_goal, axis=-1)

    def simulation_state(self) -> npt.NDArray[np.float64]:
        """Everything that stepping depends on, the solver's warm start included; shape (state_size,)."""
        physics = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, physics, _STATE)
        return np.concatenate((physics, self.goal, [self._steps]))

    def restore(self, state: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Go back to a ``simulation_state``; return the observation vector there."""
        size = mujoco.mj_stateSize(self.model, _STATE)
        mujoco.mj_setState(self.model, self.data, state[:size].copy(), _STATE)
        self.goal, self._steps = state[size:-1].copy(), int(state[-1])
        return self._observation()["observation"]

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return an image of the maze from above, or None without ``render_mode="rgb_array"``."""
        if self.render_mode != "rgb_array":
            return None
        renderer = self._renderer = self._renderer or mujoco.Renderer(self.model, *self._size)
        camera = mujoco.MjvCamera()
        camera.lookat[:] = (*self.data.qpos[:2], 0.0)
        camera.distance, camera.azimuth, camera.elevation = 14.0, 90.0, -50.0
        renderer.update_scene(self.data, camera)
        return renderer.render()

    def close(self) -> None:
        """Free the renderer, if any."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _build_model(self) -> mujoco.MjModel:
        return build_model("ant.xml", self.task.maze)

    def _checked_goal(self, goal: npt.ArrayLike) -> npt.NDArray[np.float64]:
        vector = np.array(goal, dtype=np.float64)
        if vector.shape != self.goal.shape or not np.isfinite(vector).all():
            raise ValueError(f"options['goal'] needs {self.goal.size} finite numbers [m], got {goal!r}")
        return vector

    def _observation(self) -> dict[str, npt.NDArray[np.float64]]:
        state = np.empty(ANT_QPOS + ANT_QVEL + 1)
        state[:ANT_QPOS] = self.data.qpos[:ANT_QPOS]
        state[ANT_QPOS:-1] = self.data.qvel[:ANT_QVEL]
        state[-1] = self._steps * TIME_SCALE
        achieved = state[: self.goal.size].copy()
        return {"observation": state, "achieved_goal": achieved, "desired_goal": self.goal.copy()}
