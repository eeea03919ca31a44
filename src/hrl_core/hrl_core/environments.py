"""What training and evaluation ask of environments (``hrl_core.envs.vector.VectorEnv``)."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Step(Protocol):
    """What one step of a vector environment tells (``hrl_core.envs.vector.VectorStep``)."""

    @property
    def states(self) -> Array:
        """States after the step, before any reset."""
        ...

    @property
    def achieved(self) -> Array:
        """Achieved goals there."""
        ...

    @property
    def successes(self) -> npt.NDArray[np.bool_]:
        """Where the task's success rule holds."""
        ...

    @property
    def rewards(self) -> Array:
        """Task rewards."""
        ...

    @property
    def terminated(self) -> npt.NDArray[np.bool_]:
        """Where the task ended."""
        ...

    @property
    def truncated(self) -> npt.NDArray[np.bool_]:
        """Where the time limit cut the episode."""
        ...

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        """Either."""
        ...


class Environments(Protocol):
    """What the trainer asks of a vector environment (``hrl_core.envs.vector.VectorEnv``)."""

    num_envs: int
    seed: int
    """Of all episodes."""
    states: Array
    achieved: Array

    @property
    def exact_resume(self) -> bool:
        """Whether ``load_state_dict`` goes on within the episodes; otherwise it begins new ones."""
        ...

    @property
    def missing(self) -> list[str]:
        """What training does without here, each in one line."""
        ...

    @property
    def goals(self) -> Array:
        """Task goals (num_envs, goal_dim)."""
        ...

    def set_goals(self, goals: Array) -> None:
        """Task goals (num_envs, goal_dim) from now on."""
        ...

    @property
    def goals_given(self) -> bool:
        """Whether they were given; otherwise the environments chose them."""
        ...

    @property
    def goal_box(self) -> tuple[Array, Array]:
        """Corners of the box of training goals."""
        ...

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]:
        """Steps since the last reset."""
        ...

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals."""
        ...

    def step(self, actions: Array) -> Step:
        """Step all; reset what ended."""
        ...

    def restart(self) -> None:
        """Begin again with the first episodes."""
        ...

    def renew(self) -> None:
        """Begin the next episode everywhere, also where one is going on."""
        ...

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything that later steps depend on."""
        ...

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly there."""
        ...
