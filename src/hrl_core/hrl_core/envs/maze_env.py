"""What every environment of this package shares: spaces, goals, reward, pictures."""

from abc import abstractmethod
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

TIME_SCALE = 0.001
"""Units of the last element of every observation per step since the reset."""
RESET_POSITION_NOISE = 0.1
RESET_VELOCITY_NOISE = 0.1

Float64 = npt.NDArray[np.float64]
Observation = dict[str, Float64]


class MazeEnv(gymnasium.Env[Observation, Float64]):
    """A MuJoCo model with a task goal: minus the distance to it after the step is the reward.

    ``reset(options={"goal": [...]})`` sets the goal [m]; otherwise it is drawn uniformly from the box of training goals
    (it may lie inside a wall, as in the paper). Writing ``goal`` changes it between steps.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int]
    """Elements of the observation."""

    def __init__(
        self,
        model: mujoco.MjModel,
        goal_box: tuple[tuple[float, ...], tuple[float, ...]],
        action_limits: tuple[float, ...],
        render_mode: str | None = None,
        picture: tuple[int, int] = (480, 480),
    ) -> None:
        """Make the spaces; nothing random happens before ``reset``.

        Args:
            model: the compiled model.
            goal_box: lower and upper corner of the box of training goals [m]; their length is the goal's size.
            action_limits: bound of every action; the lower one is its negative.
            render_mode: None or ``rgb_array``.
            picture: width and height of pictures [pixels].
        """
        self.model, self.data = model, mujoco.MjData(model)
        self.render_mode = render_mode
        self.goal_low, self.goal_high = (np.array(corner) for corner in goal_box)
        self.goal = np.zeros(self.goal_low.shape)
        self._steps = 0
        self._picture = picture
        self._renderer: mujoco.Renderer | None = None
        goal_space = spaces.Box(-np.inf, np.inf, self.goal.shape, np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (self.observation_dim,), np.float64),
            achieved_goal=goal_space,
            desired_goal=goal_space,
        )
        limits = np.array(action_limits)
        self.action_space = spaces.Box(-limits, limits, dtype=np.float64)

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """Minus the Euclidean distance [m]; batches along leading axes."""
        return -np.linalg.norm(achieved_goal - desired_goal, axis=-1)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return an image of the maze from above, or None without ``render_mode="rgb_array"``."""
        if self.render_mode != "rgb_array":
            return None
        width, height = self._picture
        renderer = self._renderer = self._renderer or mujoco.Renderer(self.model, height, width)
        # mj_kinematics, which moves the point, leaves the lights where they were.
        mujoco.mj_camlight(self.model, self.data)
        renderer.update_scene(self.data, self._camera())
        return renderer.render()

    def close(self) -> None:
        """Free the renderer, if any."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    @abstractmethod
    def _camera(self) -> mujoco.MjvCamera:
        """Where pictures are taken from."""

    def _begin(self, options: dict[str, Any] | None) -> None:
        """Set or draw the goal of a new episode; call it after the start has been drawn."""
        sampled = self.np_random.uniform(self.goal_low, self.goal_high)
        wanted = (options or {}).get("goal")
        self.goal = sampled if wanted is None else self._checked_goal(wanted)
        self._steps = 0

    def _checked_goal(self, goal: npt.ArrayLike) -> Float64:
        vector = np.array(goal, dtype=np.float64)
        if vector.shape != self.goal.shape or not np.isfinite(vector).all():
            raise ValueError(f"options['goal'] needs {self.goal.size} finite numbers [m], got {goal!r}")
        return vector


def camera(lookat: tuple[float, float, float], distance: float, elevation: float) -> mujoco.MjvCamera:
    """A camera that looks north at a point from ``distance`` [m], ``elevation`` [degrees] below the horizon."""
    view = mujoco.MjvCamera()
    view.lookat[:] = lookat
    view.distance, view.azimuth, view.elevation = distance, 90.0, elevation
    return view
