"""Ant Gather: collect apples, avoid bombs (arXiv 1805.08296 B.1, after rllab's GatherEnv).

Where the sources leave a choice: the order of the observation is HRAC's, time is scaled as in the mazes, and
falling costs nothing by itself (the paper counts apples minus bombs; rllab's default of 10 is the argument
``dying_cost``).
"""

import math
from typing import Any, ClassVar

import mujoco
import numpy as np

from hrl_core.envs.ant_maze_env import ANT_QPOS, ANT_QVEL, AntMazeEnv, AntTask
from hrl_core.envs.maze import MazeSpec, add_box, robot_spec
from hrl_core.envs.maze_env import Float64, Observation

APPLES = BOMBS = 8
SPACING = 2.0
CELLS = (-5, 5)
"""Objects stand at SPACING * integers in [low, high)."""
CLEAR_RADIUS = 2.0
CATCH_RADIUS = 1.0
OBJECT_HEIGHT = 0.5
"""Where they float, for those who look [m]."""
SENSOR_BINS = 10
SENSOR_RANGE = 6.0
WALL_DISTANCE, WALL_HALF_LENGTH, WALL_HALF_THICKNESS, WALL_HALF_HEIGHT = 11.0, 11.5, 0.5, 1.0
HEALTHY_HEIGHT = (0.2, 1.0)
_QUATERNION = slice(3, 7)
_NO_MAZE = MazeSpec(rows=("R",), cell_size=2 * WALL_DISTANCE, wall_height=2 * WALL_HALF_HEIGHT)


class AntGatherEnv(AntMazeEnv):
    """An ant among 8 apples (+1) and 8 bombs (-1) that vanish when touched; it ends when the ant falls.

    Observation: 0-28 as in the mazes; 29-38 apples and 39-48 bombs, by direction from the ant's heading in
        ten bins from -pi to pi: 1 - distance / 6 of the nearest one within 6 m, else 0; 49 steps / 1000.
        There is no task goal.
    """

    observation_dim: ClassVar[int] = ANT_QPOS + ANT_QVEL + 2 * SENSOR_BINS + 1

    def __init__(self, dying_cost: float = 0.0, render_mode: str | None = None) -> None:
        """Compile the model.

        Args:
            dying_cost: subtracted from the reward when the ant falls.
            render_mode: None or ``rgb_array``.
        """
        self._dying_cost = dying_cost
        self.objects = np.zeros((APPLES + BOMBS, 2))
        """Positions [m], apples first, shape (16, 2)."""
        self.present = np.zeros(APPLES + BOMBS, np.bool_)
        super().__init__(AntTask(_NO_MAZE, (), ()), render_mode=render_mode)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Put the ant near the origin and place the objects."""
        super().reset(seed=seed, options=options)
        self._place_objects()
        return self._observation(), {}

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s; reward apples minus bombs caught."""
        super().step(action)
        reward = self._catch()
        height = self.data.qpos[2]
        fallen = not (np.isfinite(self.data.qpos).all() and HEALTHY_HEIGHT[0] <= height <= HEALTHY_HEIGHT[1])
        reward -= self._dying_cost * fallen
        return self._observation(), reward, bool(fallen or not self.present.any()), False, {}

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on; shape (state_size,)."""
        return np.concatenate((self.objects.ravel(), self.present.astype(np.float64), super().simulation_state()))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        count = APPLES + BOMBS
        self.objects = state[: 2 * count].reshape(count, 2).copy()
        self.present = state[2 * count : 3 * count] > 0
        return super().restore(state[3 * count :])

    def present_objects(self) -> dict[str, tuple[float, float, float]]:
        """Return name -> position [m] of the apples and bombs that are left."""
        names = [f"apple_{k}" for k in range(APPLES)] + [f"bomb_{k}" for k in range(BOMBS)]
        places = zip(names, self.objects.tolist(), self.present, strict=True)
        return {name: (x, y, OBJECT_HEIGHT) for name, (x, y), present in places if present}

    def _place_objects(self) -> None:
        """Draw grid places until all differ and none is near the start."""
        taken: list[tuple[float, float]] = []
        while len(taken) < APPLES + BOMBS:
            x, y = (SPACING * self.np_random.integers(*CELLS, 2)).tolist()
            if x * x + y * y >= CLEAR_RADIUS**2 and (x, y) not in taken:
                taken.append((x, y))
        self.objects = np.array(taken)
        self.present[:] = True

    def _catch(self) -> float:
        near = self.present & (np.sum((self.objects - self.data.qpos[:2]) ** 2, axis=1) < CATCH_RADIUS**2)
        self.present &= ~near
        return float(near[:APPLES].sum()) - float(near[APPLES:].sum())

    def _observation(self) -> Observation:
        plain = super()._observation()
        state = plain["observation"]
        readings = (self._readings(slice(0, APPLES)), self._readings(slice(APPLES, None)))
        return plain | {"observation": np.concatenate((state[:-1], *readings, state[-1:]))}

    def _readings(self, kind: slice) -> Float64:
        """Nearness of the nearest object per direction, shape (SENSOR_BINS,)."""
        offsets = self.objects[kind][self.present[kind]] - self.data.qpos[:2]
        distances = np.hypot(offsets[:, 0], offsets[:, 1])
        angles = np.arctan2(offsets[:, 1], offsets[:, 0]) - heading(self.data.qpos[_QUATERNION])
        wrapped = (angles + math.pi) % (2 * math.pi)
        bins = np.minimum((wrapped / (2 * math.pi) * SENSOR_BINS).astype(int), SENSOR_BINS - 1)
        values = np.zeros(SENSOR_BINS)
        within = distances <= SENSOR_RANGE
        np.maximum.at(values, bins[within], 1 - distances[within] / SENSOR_RANGE)
        return values

    def _build_model(self) -> mujoco.MjModel:
        spec = robot_spec("ant.xml")
        along = (WALL_HALF_LENGTH, WALL_HALF_THICKNESS, WALL_HALF_HEIGHT)
        across = (WALL_HALF_THICKNESS, WALL_HALF_LENGTH, WALL_HALF_HEIGHT)
        places = ((0, 1, along), (0, -1, along), (1, 0, across), (-1, 0, across))
        for k, (x, y, size) in enumerate(places):
            centre = (x * WALL_DISTANCE, y * WALL_DISTANCE, WALL_HALF_HEIGHT)
            add_box(spec.worldbody, f"wall_{k}", centre, size)
        return spec.compile()


def heading(quaternion: Float64) -> float:
    """Direction of the body's x axis in the world's x, y plane [rad]; quaternion (w, x, y, z)."""
    w, x, y, z = quaternion
    return math.atan2(2 * (x * y + w * z), w * w + x * x - y * y - z * z)


def make_ant_gather(dying_cost: float = 0.0, render_mode: str | None = None) -> AntGatherEnv:
    """Entry point of ``hrl/AntGather-v0``."""
    return AntGatherEnv(dying_cost, render_mode=render_mode)
