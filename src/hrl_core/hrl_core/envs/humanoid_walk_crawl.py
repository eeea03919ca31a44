"""Humanoid Walk and Crawl: two ways to get ahead, and a course that asks for both (after MLSH, arXiv 1710.09767).

The body is that of Gymnasium's Humanoid. How the source pays its tasks is not published with its code; this is ours.
"""

import math
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

from hrl_core.envs.control_env import Float64, Observation
from hrl_core.envs.mujoco_control_env import MujocoControlEnv

FRAME_SKIP = 5
UPRIGHT, LOW = 1.0, 0.6
"""Least height of the torso [m] of who walks, greatest of who crawls."""
STRETCH = 3.0
"""Length [m] of a part of the course; on the first one it pays to walk, on the next to crawl, and so on."""
UPKEEP, EFFORT_COST = 0.1, 0.01
START_NOISE = 0.01
SUCCESS_DISTANCE = 5.0
"""[m]"""
TASKS = ((1.0, 0.0, 1.0), (0.0, 1.0, 1.0))
"""Goals: walk, crawl."""
COURSE = (1.0, 1.0, 1.0)
_MODEL = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "humanoid.xml"


class HumanoidWalkCrawlEnv(MujocoControlEnv):
    """Get ahead along x, walking or crawling, whatever the goal pays; an episode never ends by itself.

    | index | meaning | unit |
    |---|---|---|
    | 0 to 6 | position of the torso and its quaternion (w first) | m, 1 |
    | 7 to 23 | joints in the order of the model | rad |
    | 24 to 29 | velocity of the torso in the world, its rotation in its own frame | m/s, rad/s |
    | 30 to 46 | rates of the joints | rad/s |
    | 47, 48 | sin, cos of pi x / 3 m: a course pays crawling where the sine is below 0 | 1 |

    Action: torques [-1, 1] in units of 0.4 of each motor's gear. What a step achieved:

    | index | meaning |
    |---|---|
    | 0 | velocity along x [m/s] of a step that ends upright (torso at 1.0 m or more) |
    | 1 | the same of one that ends low (0.6 m or less); of a course each only where it pays |
    | 2 | 0.1 - 0.01 sum action^2 |

    The goal weighs it: (1, 0, 1) walk, (0, 1, 1) crawl, (1, 1, 1) the course. ``info["is_success"]``: 5 m ahead.
    """

    observation_dim: ClassVar[int] = 49
    goal_dim: ClassVar[int] = 3

    def __init__(self, course: bool = False, render_mode: str | None = None) -> None:
        """Compile the model; ``course``: whether walking and crawling are asked for in turn."""
        low, high = (COURSE, COURSE) if course else ((0.0,) * 3, (1.0,) * 3)
        model = mujoco.MjModel.from_xml_path(str(_MODEL))
        super().__init__(model, FRAME_SKIP, (low, high), (0.0,) * 3, render_mode)
        self._course, self._achieved = course, np.zeros(self.goal_dim)

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """The product achieved . desired; batches along leading axes."""
        return np.sum(np.multiply(achieved_goal, desired_goal), axis=-1)

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques for 0.015 s."""
        observation, reward, *_ = super().step(action)
        return observation, reward, False, False, {"is_success": bool(self.data.qpos[0] >= SUCCESS_DISTANCE)}

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on; shape (state_size,)."""
        return np.concatenate((self._achieved, super().simulation_state()))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._achieved = state[: self.goal_dim].copy()
        return super().restore(state[self.goal_dim :])

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return an image from a camera that follows, or None without ``render_mode="rgb_array"``."""
        if self.render_mode != "rgb_array":
            return None
        renderer = self._renderer = self._renderer or mujoco.Renderer(self.model, 480, 480)
        renderer.update_scene(self.data, "track")
        return renderer.render()

    def _draw_joints(self) -> None:
        self._achieved = np.zeros(self.goal_dim)
        for values in (self.data.qpos, self.data.qvel):
            values += self.np_random.uniform(-START_NOISE, START_NOISE, values.shape)

    def _draw_goal(self) -> Float64:
        return np.array(COURSE if self._course else TASKS[self.np_random.integers(len(TASKS))])

    def _advance(self, action: Float64) -> None:
        before = self.data.qpos[0]
        # The model's controls end at 0.4.
        super()._advance(self.model.actuator_ctrlrange[:, 1] * np.clip(action, -1.0, 1.0))
        speed, height = (self.data.qpos[0] - before) / self.dt, self.data.qpos[2]
        crawling = math.sin(self._phase) < 0
        walks = height >= UPRIGHT and not (self._course and crawling)
        crawls = height <= LOW and (crawling or not self._course)
        self._achieved[:] = speed * walks, speed * crawls, UPKEEP - EFFORT_COST * float(np.dot(action, action))

    @property
    def _phase(self) -> float:
        """Of the course, 2 pi for a stretch of each kind; nobody crawls before the start."""
        return math.pi * max(float(self.data.qpos[0]), 0.0) / STRETCH

    def _state(self) -> Float64:
        return np.concatenate((self.data.qpos, self.data.qvel, (math.sin(self._phase), math.cos(self._phase))))

    def _observation(self) -> Observation:
        return super()._observation() | {"achieved_goal": self._achieved.copy()}


def make_humanoid_walk_crawl(course: bool = False, render_mode: str | None = None) -> HumanoidWalkCrawlEnv:
    """Entry point of ``hrl/HumanoidWalkCrawl-v0`` and, with ``course``, of ``hrl/HumanoidCourse-v0``."""
    return HumanoidWalkCrawlEnv(course, render_mode)
