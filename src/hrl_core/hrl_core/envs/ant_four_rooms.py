"""Ant Four Rooms: from one room of four through gaps in the walls to a place in another (arXiv 1712.00948).

Figures are those of HAC's released environment.
"""

from typing import ClassVar

import mujoco
import numpy as np

from hrl_core.envs.ant_maze_env import ANT_QPOS, ANT_QVEL
from hrl_core.envs.control_env import Float64
from hrl_core.envs.maze import add_box, for_few_geoms, robot_spec
from hrl_core.envs.mujoco_control_env import MujocoControlEnv

FRAME_SKIP = 15
TORQUE = 15.0
"""Greatest torque of every motor [N m]."""
ROOM_LOW, ROOM_HIGH = 3.0, 6.5
"""Distances from the middle, along x and along y, between which starts and goals lie [m]."""
GOAL_HEIGHT = (0.45, 0.55)
"""Of the torso [m]."""
TOLERANCE = (0.4, 0.4, 0.2)
_START_HEIGHT = 0.55
_START_JOINTS = (0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0)
"""Hip and ankle of each leg [rad]."""
_ROOMS = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
"""Signs of x and y there."""
_INNER_FACE = 8.0
"""Distance of the outer walls from the middle [m]."""
_GAP = (3.5, 6.5)
"""Where the walls between rooms leave a way through, by the distance from the middle [m]."""
_HALF_THICKNESS, _OUTER_HALF_THICKNESS, _HALF_HEIGHT = 0.5, 0.25, 1.0
_DEFAULT_SOLIMP = (0.9, 0.95, 0.001)
"""MuJoCo's own; HIRO's ant, whose body this is, has softer contacts."""


class AntFourRoomsEnv(MujocoControlEnv):
    """An ant starts in one room; the goal is a position of its torso in another.

    | index | meaning | unit |
    |---|---|---|
    | 0-2 | torso position x, y, z in the world | m |
    | 3-6 | torso quaternion w, x, y, z | 1 |
    | 7-14 | joint angles hip_1, ankle_1, ..., hip_4, ankle_4 | rad |
    | 15-17 | torso velocity in the world | m/s |
    | 18-20 | torso angular velocity in the torso frame | rad/s |
    | 21-28 | joint rates, order of the angles | rad/s |

    Action: torques [-1, 1] in units of 15 N m, held for 0.3 s, order hip_4, ankle_4, hip_1, ankle_1, hip_2, ankle_2,
        hip_3, ankle_3.
    """

    observation_dim: ClassVar[int] = ANT_QPOS + ANT_QVEL
    goal_dim: ClassVar[int] = 3

    def __init__(self, render_mode: str | None = None) -> None:
        """Compile the model."""
        low, high = (-ROOM_HIGH, -ROOM_HIGH, GOAL_HEIGHT[0]), (ROOM_HIGH, ROOM_HIGH, GOAL_HEIGHT[1])
        self._start_room = 0
        super().__init__(_build_model(), FRAME_SKIP, (low, high), TOLERANCE, render_mode)

    def _draw_joints(self) -> None:
        self._start_room = int(self.np_random.integers(len(_ROOMS)))
        self.data.qpos[:2] = self._place_in(self._start_room)
        self.data.qpos[2] = _START_HEIGHT
        self.data.qpos[7:] = _START_JOINTS

    def _draw_goal(self) -> Float64:
        """A place in one of the three other rooms."""
        room = (self._start_room + self.np_random.integers(1, len(_ROOMS))) % len(_ROOMS)
        return np.append(self._place_in(room), self.np_random.uniform(*GOAL_HEIGHT))

    def _place_in(self, room: int) -> Float64:
        return _ROOMS[room] * self.np_random.uniform(ROOM_LOW, ROOM_HIGH, 2)

    def _state(self) -> Float64:
        return np.concatenate((self.data.qpos, self.data.qvel))


def _build_model() -> mujoco.MjModel:
    spec = robot_spec("ant.xml")
    spec.worldbody.add_camera(name="side", pos=(0, -16, 19), xyaxes=(1, 0, 0, 0, 0.77, 0.64))
    for actuator in spec.actuators:
        actuator.ctrlrange, actuator.gear[0] = (-1, 1), TORQUE
    for k, (centre, half_size) in enumerate(_walls()):
        add_box(spec.worldbody, f"wall_{k}", (*centre, _HALF_HEIGHT), (*half_size, _HALF_HEIGHT))
    for geom in spec.geoms:
        geom.solimp[: len(_DEFAULT_SOLIMP)] = _DEFAULT_SOLIMP
    for_few_geoms(spec)
    return spec.compile()


def _walls() -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Centre and half-size along x, y [m]: a cross in the middle, stubs opposite its ends, the outer walls."""
    stub, outside = (_INNER_FACE - _GAP[1]) / 2, _INNER_FACE + _OUTER_HALF_THICKNESS
    arms = ((0.0, _GAP[0]), (-_GAP[1] - stub, stub), (_GAP[1] + stub, stub))
    along_x: list[tuple[tuple[float, ...], tuple[float, ...]]] = [
        *(((x, 0.0), (half, _HALF_THICKNESS)) for x, half in arms),
        *(((0.0, y), (_INNER_FACE + 2 * _OUTER_HALF_THICKNESS, _OUTER_HALF_THICKNESS)) for y in (-outside, outside)),
    ]
    # The same again, with x and y exchanged.
    return along_x + [(centre[::-1], half_size[::-1]) for centre, half_size in along_x]


def make_ant_four_rooms(render_mode: str | None = None) -> AntFourRoomsEnv:
    """Entry point of ``hrl/AntFourRooms-v0``."""
    return AntFourRoomsEnv(render_mode)
