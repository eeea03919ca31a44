"""Small control problems in MuJoCo: the state of the joints, a control held for some physics steps, pictures."""

from abc import abstractmethod
from typing import Any, ClassVar

import mujoco
import numpy as np
import numpy.typing as npt

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class MujocoControlEnv(ControlEnv):
    """A model whose controls are the action."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        model: mujoco.MjModel,
        frame_skip: int,
        goal_box: tuple[tuple[float, ...], tuple[float, ...]],
        tolerance: tuple[float, ...],
        render_mode: str | None = None,
    ) -> None:
        """Make the spaces; nothing random happens before ``reset``.

        Args:
            model: the compiled model; its controls lie between -1 and 1.
            frame_skip: physics steps per control period.
            goal_box: lower and upper corner of the box of goals.
            tolerance: how far each element of the goal may be off for the reward.
            render_mode: None or ``rgb_array``.
        """
        super().__init__(goal_box, tolerance, model.nu)
        self.model, self.data = model, mujoco.MjData(model)
        self.dt = model.opt.timestep * frame_skip
        self.render_mode = render_mode
        self._frame_skip = frame_skip
        self._renderer: mujoco.Renderer | None = None

    def do_simulation(self, ctrl: Float64, n_frames: int) -> None:
        """Hold controls (nu,) for so many physics steps; Gymnasium's name for it, by which others come between them."""
        self.data.ctrl[:] = ctrl
        mujoco.mj_step(self.model, self.data, nstep=n_frames)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, the solver's warm start included; shape (state_size,)."""
        physics = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, physics, _STATE)
        return np.concatenate((physics, self.goal))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        size = mujoco.mj_stateSize(self.model, _STATE)
        mujoco.mj_setState(self.model, self.data, state[:size].copy(), _STATE)
        self.goal = state[size:].copy()
        return self._observation()

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return an image, or None without ``render_mode="rgb_array"``."""
        if self.render_mode != "rgb_array":
            return None
        renderer = self._renderer = self._renderer or mujoco.Renderer(self.model, 480, 480)
        renderer.update_scene(self.data, "side")
        return renderer.render()

    def close(self) -> None:
        """Free the renderer, if any."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    @abstractmethod
    def _draw_joints(self) -> None:
        """Draw the joint positions of a start."""

    def _place(self) -> None:
        mujoco.mj_resetData(self.model, self.data)
        self._draw_joints()
        mujoco.mj_forward(self.model, self.data)

    def _advance(self, action: Float64) -> None:
        self.do_simulation(action, self._frame_skip)
