"""The ant in a maze as a goal-conditioned environment; each task of HIRO is a grid and a few figures."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import mujoco
import numpy as np
import numpy.typing as npt

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

FRAME_SKIP = 5
TORQUE_LIMIT = 30.0
ANT_QPOS = 15
ANT_QVEL = 14
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


@dataclass(frozen=True)
class AntTask:
    """What sets one ant task apart from another."""

    maze: MazeSpec
    goal_low: tuple[float, ...]
    """Lower corner of the box that training goals are drawn from [m]; its length is the goal's size (2 or
    3)."""
    goal_high: tuple[float, ...]
    observe_blocks: bool = False
    """Whether the places of movable blocks are observed, along the axes that they slide on (HIRO: no)."""


class AntMazeEnv(MazeEnv):
    """An ant that walks to a goal; reward is minus the distance to it after the step.

    | observation | meaning | unit |
    |---|---|---|
    | 0-2 | torso position x, y, z in the world | m |
    | 3-6 | torso quaternion w, x, y, z | 1 |
    | 7-14 | joint angles hip_1, ankle_1, ..., hip_4, ankle_4 | rad |
    | 15-17 | torso velocity in the world | m/s |
    | 18-20 | torso angular velocity in the torso frame (MuJoCo's convention) | rad/s |
    | 21-28 | joint rates, order of the angles | rad/s |
    | 29 | steps since reset / 1000 | 1 |

    Where blocks are observed, their centres in the world [m] stand before the last element.

    Action: eight torques in [-30, 30] N m, order hip_4, ankle_4, hip_1, ankle_1, hip_2, ankle_2, hip_3,
        ankle_3. It never terminates; the 500-step limit is the time-limit wrapper's.
    """

    observation_dim: ClassVar[int] = ANT_QPOS + ANT_QVEL + 1

    def __init__(self, task: AntTask, render_mode: str | None = None, width: int = 480, height: int = 480) -> None:
        """Compile the model; nothing random happens before ``reset``."""
        self.task = task
        model = self._build_model()
        limits = (TORQUE_LIMIT,) * model.nu
        self._blocks = _sliding(model) if task.observe_blocks else None
        if self._blocks is not None:
            self.observation_dim = ANT_QPOS + ANT_QVEL + len(self._blocks.places) + 1  # pyright: ignore[reportAttributeAccessIssue] - of this one
        super().__init__(model, (task.goal_low, task.goal_high), limits, render_mode, (width, height))
        self.dt = model.opt.timestep * FRAME_SKIP

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Put the ant near the origin; ``options["goal"]`` sets the goal [m]."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self.model, self.data)
        noise = self.np_random
        self.data.qpos[:ANT_QPOS] += noise.uniform(-RESET_POSITION_NOISE, RESET_POSITION_NOISE, ANT_QPOS)
        self.data.qvel[:ANT_QVEL] += RESET_VELOCITY_NOISE * noise.standard_normal(ANT_QVEL)
        self._begin(options)
        mujoco.mj_forward(self.model, self.data)
        return self._observation(), {}

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s."""
        self.do_simulation(action, FRAME_SKIP)
        self._steps += 1
        observation = self._observation()
        left = observation["achieved_goal"] - observation["desired_goal"]
        return observation, -math.sqrt(left.dot(left)), False, False, {}

    def do_simulation(self, ctrl: Float64, n_frames: int) -> None:
        """Hold controls (nu,) for so many physics steps; Gymnasium's name for it, by which others come between them."""
        self.data.ctrl[:] = ctrl
        mujoco.mj_step(self.model, self.data, nstep=n_frames)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, the solver's warm start included; shape (state_size,)."""
        physics = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, physics, _STATE)
        return np.concatenate((physics, self.goal, [self._steps]))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        size = mujoco.mj_stateSize(self.model, _STATE)
        mujoco.mj_setState(self.model, self.data, state[:size].copy(), _STATE)
        self.goal, self._steps = state[size:-1].copy(), int(state[-1])
        return self._observation()

    def _camera(self) -> mujoco.MjvCamera:
        x, y = self.data.qpos[:2]
        return camera((x, y, 0.0), 14.0, -50.0)

    def _build_model(self) -> mujoco.MjModel:
        return build_model("ant.xml", self.task.maze)

    def _observation(self) -> Observation:
        state = np.empty(ANT_QPOS + ANT_QVEL + 1)
        state[:ANT_QPOS] = self.data.qpos[:ANT_QPOS]
        state[ANT_QPOS:-1] = self.data.qvel[:ANT_QVEL]
        state[-1] = self._steps * TIME_SCALE
        achieved = state[: self.goal.size].copy()
        if self._blocks is not None:
            slid = self._blocks.starts + self.data.qpos[self._blocks.places]
            state = np.concatenate((state[:-1], slid, state[-1:]))
        return {"observation": state, "achieved_goal": achieved, "desired_goal": self.goal.copy()}


class _Sliding(NamedTuple):
    """Where the movable blocks of a model are, one number for each axis that one slides on."""

    starts: Float64
    """At a reset, in the world [m]."""
    places: npt.NDArray[np.int64]
    """In ``qpos``, of the way from there."""


def _sliding(model: mujoco.MjModel) -> _Sliding:
    joints = [model.joint(k) for k in range(model.njnt) if model.joint(k).name.startswith("block_")]
    starts = [model.body_pos[joint.bodyid[0]] @ joint.axis for joint in joints]
    return _Sliding(np.array(starts), np.array([joint.qposadr[0] for joint in joints]))
