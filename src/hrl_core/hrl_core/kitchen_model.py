"""The Franka kitchen of gymnasium-robotics as a MuJoCo model: what is where, what moves, and where all of it starts.

The scene is read from the installed package, which need not be imported. Source: Gupta et al., Relay Policy Learning
(arXiv 1910.11956), by way of D4RL and gymnasium-robotics' ``FrankaKitchen-v1``.
"""

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path

import mujoco
import numpy as np

from hrl_core.errors import HrlError
from hrl_core.messages import Vector, frozen

ARM, OBJECTS = 9, 21
"""Positions of the arm, fingers last, and of the objects behind them: the model's qpos."""
CONTROL_PERIOD, FRAME_SKIP = 0.08, 40
"""Time of a step [s] and its physics steps."""
FULL_SPEED = 2.0
"""What an action of 1 asks of a joint [rad/s], or of a finger [m/s]."""
END_EFFECTOR = "end_effector"
"""Site between the fingertips."""
FIXTURES: Mapping[str, str] = {
    "knob_1": "knob_Joint_1",
    "burner_1": "bottom_right_burner",
    "knob_2": "knob_Joint_2",
    "burner_2": "bottom_left_burner",
    "knob_3": "knob_Joint_3",
    "burner_3": "top_right_burner",
    "knob_4": "knob_Joint_4",
    "burner_4": "top_left_burner",
    "light_switch": "light_switch",
    "light": "light_joint",
    "slide_cabinet": "slide_cabinet",
    "left_hinge": "left_hinge_cabinet",
    "right_hinge": "right_hinge_cabinet",
    "microwave": "microwave",
}
"""What is observed of doors, switches and knobs -> joint of the model."""
ARM_JOINTS: Mapping[str, str] = {
    **{f"panda_joint{number}": f"robot:panda0_joint{number}" for number in range(1, 8)},
    **{f"finger_{number}": f"robot:panda0_finger_joint{number}" for number in (1, 2)},
}
"""The same of the arm."""
GROUPS: Mapping[str, tuple[int, ...]] = {
    "bottom_right_burner": (0, 1),
    "bottom_left_burner": (2, 3),
    "top_right_burner": (4, 5),
    "top_left_burner": (6, 7),
    "light_switch": (8, 9),
    "slide_cabinet": (10,),
    "hinge_cabinet": (11, 12),
    "microwave": (13,),
    "kettle": (14, 15, 16, 17, 18, 19, 20),
}
"""Thing -> its elements of the positions of the objects; a knob belongs to its burner, a switch to its light."""
RADIUS = 0.3
"""How near its wanted position a thing must be, over its elements and whatever their units (as the source has it)."""
TARGETS: Mapping[str, tuple[float, ...]] = {
    "microwave": (-0.75,),
    "kettle": (-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06),
    "light_switch": (-0.69, -0.05),
    "slide_cabinet": (0.37,),
    "hinge_cabinet": (0.0, 1.45),
}
"""Where things are wanted when they are asked for, as the source has it; in the order in which the expert brings them
there. Burners are never asked for: their knobs cannot be turned without twisting."""
START = frozen(
    [
        *(1.48388023e-01, -1.76848573e00, 1.84390296e00, -2.47685760e00, 2.60252026e-01, 7.12533105e-01),
        *(1.59515394e00, 4.79267505e-02, 3.71350919e-02, -2.66279850e-04, -5.18043486e-05, 3.12877220e-05),
        *(-4.51199853e-05, -3.90842156e-06, -4.22629655e-05, 6.28065475e-05, 4.04984708e-05, 4.62730939e-04),
        *(-2.26906415e-04, -4.65501369e-04, -6.44129196e-03, -1.77048263e-03, 1.08009684e-03, -2.69397440e-01),
        *(3.50383255e-01, 1.61944683e00, 1.00618764e00, 4.06395120e-03, -6.62095997e-03, -2.68278933e-04),
    ]
)
"""Positions at the start, shape (30,); the hand is upside down above the counter, everything else at rest."""
REST = frozen(START[ARM:])
"""Positions of the objects at the start, shape (21,)."""
LOWEST = frozen([-2.9, -1.8, -2.9, -3.1, -2.9, 0.0, -2.9, 0.0, 0.0])
HIGHEST = frozen([2.9, 1.8, 2.9, 0.0, 2.9, 3.8, 2.9, 0.04, 0.04])
"""Limits of what the arm's position controllers are told, shape (9,)."""
_SCENE = "envs/assets/kitchen_franka/kitchen_assets/kitchen_env_model.xml"
_LOOKED_AT, _DISTANCE, _AZIMUTH, _ELEVATION = np.array([-0.2, 0.5, 2.0]), 2.2, math.radians(70), math.radians(-35)


def load_kitchen(gravity_compensation: bool) -> mujoco.MjModel:
    """Compile the model.

    Args:
        gravity_compensation: whether the arm bears its own weight, as the controller of a real one has it do. Without,
            it sinks when told to stand still.

    Raises:
        HrlError: gymnasium-robotics is not installed, or has no kitchen.
    """
    found = importlib.util.find_spec("gymnasium_robotics")
    if found is None or found.origin is None:
        raise HrlError("the kitchen's scene is part of gymnasium-robotics: install gymnasium-robotics 1.4 or newer")
    scene = Path(found.origin).parent / _SCENE
    if not scene.is_file():
        raise HrlError(f"this gymnasium-robotics has no kitchen ({scene} is missing): install version 1.4 or newer")
    spec = mujoco.MjSpec.from_file(str(scene))
    if gravity_compensation:
        for body in spec.bodies:
            body.gravcomp = float(body.name.startswith("panda0"))
    _add_camera(spec)
    return spec.compile()


def goal_of(*asked: str) -> Vector:
    """The goal (21,) in which these things are where they are wanted, and all others as they were at the start."""
    goal = REST.copy()
    for thing in asked:
        goal[list(GROUPS[thing])] = TARGETS[thing]
    return goal


def asked_of(goal: Vector) -> list[str]:
    """The things that a goal (21,) wants elsewhere than at the start, in the expert's order."""
    apart = {thing: goal[list(GROUPS[thing])] - REST[list(GROUPS[thing])] for thing in TARGETS}
    return [thing for thing, way in apart.items() if np.linalg.norm(way) > RADIUS]


def _add_camera(spec: mujoco.MjSpec) -> None:
    """The source's view of the scene, and a picture that is not larger than anybody asks for."""
    ahead = np.array([math.cos(_AZIMUTH), math.sin(_AZIMUTH)]) * math.cos(_ELEVATION)
    camera = spec.worldbody.add_camera(
        name="side", pos=_LOOKED_AT - _DISTANCE * np.array([*ahead, math.sin(_ELEVATION)])
    )
    up = -math.sin(_ELEVATION) * np.array([math.cos(_AZIMUTH), math.sin(_AZIMUTH)])
    camera.alt.type = mujoco.mjtOrientation.mjORIENTATION_XYAXES
    camera.alt.xyaxes = [math.sin(_AZIMUTH), -math.cos(_AZIMUTH), 0.0, *up, math.cos(_ELEVATION)]
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 640, 480
    spec.visual.quality.shadowsize = 1024
