"""Cart-pole swing-up without a hint: 1 while the pole is up, nothing before (VIME, arXiv 1605.09674, section 3).

VIME's own begins within +-1 m, +-2 m/s, pi +-1 rad and +-3 rad/s, and ends beyond 3 m. This one begins at rest,
hanging, and is stopped there.
"""

import math
from typing import ClassVar

import numpy as np

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

CART_MASS, POLE_MASS, POLE_LENGTH = 1.0, 0.1, 1.0  # [kg], [kg], [m]; the pole is a uniform rod
GRAVITY = 9.81  # [m/s^2]
FORCE = 10.0
"""Greatest push on the cart [N]."""
STEP, SUBSTEPS = 0.05, 5
"""Control period [s], and into how many parts it is integrated."""
TRACK_END = 3.0
"""Where the cart is stopped, to either side [m]."""
UP, TOLERANCE = (1.0,), (0.2,)
"""The pole is up while the cosine of its angle is above 0.8."""
START = 0.05
"""Half-range of everything at the start: at rest, hanging, in the middle, but for that."""


class CartPoleSwingUpEnv(ControlEnv):
    """A pole hangs from a cart; the goal is the cosine of its angle from upright.

    | index | meaning | unit |
    |---|---|---|
    | 0, 1 | cosine, sine of the pole's angle from upright | 1 |
    | 2 | its rate | rad/s |
    | 3 | position of the cart | m |
    | 4 | its velocity | m/s |

    Action: push [-1, 1] in units of 10 N, held for 0.05 s. Nothing ends an episode before its time.
    """

    observation_dim: ClassVar[int] = 5
    goal_dim: ClassVar[int] = 1

    def __init__(self) -> None:
        """Hang in the middle."""
        super().__init__((UP, UP), TOLERANCE, actions=1)
        self._angle, self._rate, self._x, self._v = math.pi, 0.0, 0.0, 0.0

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 at the goal, else 0; batches along leading axes."""
        return 1 + super().compute_reward(achieved_goal, desired_goal, info)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (5,)."""
        return np.array([self._angle, self._rate, self._x, self._v, *self.goal])

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._angle, self._rate, self._x, self._v = map(float, state[:4])
        self.goal = state[4:].copy()
        return self._observation()

    def energy(self) -> float:
        """Kinetic and potential energy [J], 0 at rest with the pole at the height of the cart."""
        half = POLE_LENGTH / 2
        along = self._v + half * self._rate * math.cos(self._angle)
        across = half * self._rate * math.sin(self._angle)
        turning = POLE_MASS * POLE_LENGTH**2 / 12 * self._rate**2
        moving = CART_MASS * self._v**2 + POLE_MASS * (along**2 + across**2) + turning
        return moving / 2 + POLE_MASS * GRAVITY * half * math.cos(self._angle)

    def _place(self) -> None:
        self._angle, self._rate, self._x, self._v = self.np_random.uniform(-START, START, 4).tolist()
        self._angle += math.pi

    def _advance(self, action: Float64) -> None:
        force = FORCE * float(np.clip(action[0], -1, 1))
        for _ in range(SUBSTEPS):
            self._integrate(force, STEP / SUBSTEPS)

    def _integrate(self, force: float, dt: float) -> None:
        """Barto, Sutton & Anderson's equations of a rod on a cart, semi-implicit Euler.

        q'' = (g sin q - cos q (F + m l q'^2 sin q) / M) / (l (4/3 - m cos^2 q / M)),     l half the pole, M all mass
        x'' = (F + m l (q'^2 sin q - q'' cos q)) / M
        """
        half, mass = POLE_LENGTH / 2, CART_MASS + POLE_MASS
        sine, cosine = math.sin(self._angle), math.cos(self._angle)
        pushed = (force + POLE_MASS * half * self._rate**2 * sine) / mass
        turn = (GRAVITY * sine - cosine * pushed) / (half * (4 / 3 - POLE_MASS * cosine**2 / mass))
        self._v += dt * (pushed - POLE_MASS * half * turn * cosine / mass)
        self._rate += dt * turn
        self._x += dt * self._v
        self._angle = math.remainder(self._angle + dt * self._rate, 2 * math.pi)
        if abs(self._x) > TRACK_END:
            self._x, self._v = math.copysign(TRACK_END, self._x), 0.0

    def _state(self) -> Float64:
        return np.array([math.cos(self._angle), math.sin(self._angle), self._rate, self._x, self._v])


def make_cart_pole_swing_up() -> CartPoleSwingUpEnv:
    """Entry point of ``hrl/CartPoleSwingUp-v0``."""
    return CartPoleSwingUpEnv()
