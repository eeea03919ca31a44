"""Kitchen: an arm puts things where they are wanted, several of them in a row (arXiv 1910.11956).

Physics and numbers are those of gymnasium-robotics' ``FrankaKitchen-v1``, whose scene is read from that package. What
differs: goals and observations are vectors, the arm can bear its own weight, the end effector's place is observed.
"""

from itertools import combinations
from typing import Any, ClassVar

import mujoco
import numpy as np

from hrl_core.envs.control_env import Float64, Observation
from hrl_core.envs.mujoco_control_env import MujocoControlEnv
from hrl_core.kitchen_model import (
    ARM,
    END_EFFECTOR,
    FRAME_SKIP,
    FULL_SPEED,
    GROUPS,
    HIGHEST,
    LOWEST,
    OBJECTS,
    RADIUS,
    REST,
    START,
    TARGETS,
    goal_of,
    load_kitchen,
)

ASKED = 4
"""Things that an episode asks for, as a rule."""
GOALS = tuple(goal_of(*asked) for asked in combinations(TARGETS, ASKED))
"""What episodes ask for: all but one of the things."""
ARM_NOISE, OBJECT_NOISE = 1e-3, 5e-5
"""Greatest error of what is observed of the arm and of the objects: positions [rad, m] and rates alike."""
JITTER = 0.25
"""Standard deviation of the action that a start is jittered with."""
_FIRSTS = [elements[0] for elements in GROUPS.values()]
"""First element of each group; groups follow on each other."""


class KitchenEnv(MujocoControlEnv):
    """Put things where they are wanted, and leave all others as they are; an episode never ends by itself.

    | index | meaning | unit |
    |---|---|---|
    | 0 to 8 | joints of the arm, then its fingers | rad, m |
    | 9 to 17 | their rates | rad/s, m/s |
    | 18 to 25 | knob and burner, four times | rad, m |
    | 26, 27 | light switch, light | rad, m |
    | 28 | slide cabinet | m |
    | 29, 30 | left and right door of the hinge cabinet | rad |
    | 31 | microwave's door | rad |
    | 32 to 38 | place of the kettle, its quaternion (w first) | m, 1 |
    | 39 to 58 | rates of 18 to 38, rotation of the kettle in its own frame | per second |
    | 59 to 61 | place of the end effector | m |

    Achieved goal: 18 to 38 without noise. Reward: minus the number of things that are not within 0.3 of where they are
    wanted, each over its elements; so 0 is success, and a thing that was moved without being asked for costs as much as
    one that is missing. (The source counts what is asked for and in place, which a goal alone does not tell.)

    Action: rates [-1, 1] in units of 2 rad/s (fingers: 2 m/s, more than they have way), from where the joints were
    observed to be.
    """

    observation_dim: ClassVar[int] = 62
    goal_dim: ClassVar[int] = OBJECTS
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 12}

    def __init__(
        self,
        gravity_compensation: bool = True,
        start_jitter: int = 0,
        noise: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Compile the model.

        Args:
            gravity_compensation: whether the arm bears its own weight; without it is the source's, which sinks.
            start_jitter: steps that the arm takes at one random rate before an episode begins.
            noise: of observations, in units of ``ARM_NOISE`` and ``OBJECT_NOISE``; the same for the same seed and step.
            render_mode: None or ``rgb_array``.

        Raises:
            HrlError: gymnasium-robotics is not installed.
        """
        corners = np.stack([REST, *GOALS])
        box = tuple(corners.min(axis=0)), tuple(corners.max(axis=0))
        super().__init__(load_kitchen(gravity_compensation), FRAME_SKIP, box, (0.0,) * OBJECTS, render_mode)
        self._start_jitter = start_jitter
        self._noise = noise * np.repeat((ARM_NOISE, OBJECT_NOISE), (2 * ARM, 2 * OBJECTS - 1))
        self._site = self.model.site(END_EFFECTOR).id
        self._noise_seed, self._steps = 0, 0
        self._seen = START[:ARM].copy()

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move for 0.08 s."""
        observation, reward, *_ = super().step(action)
        return observation, reward, False, False, {"is_success": reward == 0}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """Minus the number of things that are not in place; batches along leading axes."""
        apart = np.add.reduceat(np.square(achieved_goal - desired_goal), _FIRSTS, axis=-1)
        return -1.0 * np.sum(np.sqrt(apart) > RADIUS, axis=-1)

    def simulation_state(self) -> Float64:
        """Everything that stepping and observing depend on; shape (state_size,)."""
        return np.concatenate((super().simulation_state(), (self._noise_seed, self._steps)))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._noise_seed, self._steps = (int(number) for number in state[-2:])
        return super().restore(state[:-2])

    def _draw_joints(self) -> None:
        self.data.qpos[:] = START
        self._noise_seed, self._steps = int(self.np_random.integers(2**31)), 0

    def _place(self) -> None:
        super()._place()
        self._state()
        if self._start_jitter:
            rate = np.append(JITTER * self.np_random.standard_normal(7), (0.0, 0.0))
            for _ in range(self._start_jitter):
                self._advance(rate)
                self._state()

    def _draw_goal(self) -> Float64:
        return GOALS[self.np_random.integers(len(GOALS))].copy()

    def _advance(self, action: Float64) -> None:
        # From where the arm was *seen* to be, as the source has it: what it sinks by is never made good.
        told = self._seen + FULL_SPEED * np.clip(action, -1.0, 1.0) * self.dt
        super()._advance(np.clip(told, LOWEST, HIGHEST))
        self._steps += 1

    def _state(self) -> Float64:
        # Places of bodies are otherwise those before the last physics step; nothing that stepping depends on changes.
        qpos, qvel = self.data.qpos.copy(), self.data.qvel.copy()
        mujoco.mj_kinematics(self.model, self.data)
        told = np.concatenate((qpos[:ARM], qvel[:ARM], qpos[ARM:], qvel[ARM:]))
        if self._noise.any():
            told += self._noise * np.random.default_rng((self._noise_seed, self._steps)).uniform(-1, 1, told.shape)
        self._seen = told[:ARM].copy()
        return np.concatenate((told, self.data.site_xpos[self._site]))

    def _observation(self) -> Observation:
        return super()._observation() | {"achieved_goal": self.data.qpos[ARM:].copy()}


def make_kitchen(
    gravity_compensation: bool = True, start_jitter: int = 0, noise: float = 1.0, render_mode: str | None = None
) -> KitchenEnv:
    """Entry point of ``hrl/Kitchen-v0``; raises ``HrlError`` where gymnasium-robotics is not installed."""
    return KitchenEnv(gravity_compensation, start_jitter, noise, render_mode)
