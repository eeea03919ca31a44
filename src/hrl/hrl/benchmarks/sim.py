"""Vectorised environment steps against bare ``mujoco.rollout`` of the same model, threads and actions."""

from collections.abc import Sequence

import mujoco
import mujoco.rollout
import numpy as np
import numpy.typing as npt

from hrl.benchmarks.measuring import Figures, best_seconds, run_benchmark
from hrl_core.envs.ant_maze import make_ant_maze
from hrl_core.envs.ant_maze_env import FRAME_SKIP
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task

ENVS, STEPS = 16, 20


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    run_benchmark("sim", measure, arguments)


def measure(threads: int = 1) -> Figures:
    """Time both on the same open-loop actions from the same start states."""
    sides = Sides(threads)
    fast, reference = best_seconds(sides.vectorised, sides.bare, calls=1)
    sides.close()
    count = ENVS * STEPS
    return {
        "ratio": reference / fast,
        "unit": "env steps/s",
        "fast": count / fast,
        "reference": count / reference,
        "reference_is": "bare mujoco.rollout, same model, threads, start states and actions",
        "environments": ENVS,
    }


class Sides:
    """The two ways to take ``STEPS`` steps in ``ENVS`` mazes."""

    def __init__(self, threads: int, steps: int = STEPS) -> None:
        """Draw start states and torques."""
        self._envs = VectorEnv(load_task("ant_maze"), ENVS, seed=0, threads=threads)
        self._actions = np.random.default_rng(0).uniform(-30, 30, (steps, ENVS, 8))
        self._start = self._envs.state_dict()
        self._model = make_ant_maze().model
        self._data = [mujoco.MjData(self._model) for _ in range(threads)]
        self._states = np.stack([self._full_physics(state) for state in self._envs.states])
        self._control = np.repeat(self._actions.transpose(1, 0, 2), FRAME_SKIP, axis=1)
        self._output = np.empty((ENVS, steps * FRAME_SKIP, self._states.shape[1]))
        self._pool = mujoco.rollout.Rollout(nthread=threads if threads > 1 else 0)

    def vectorised(self) -> npt.NDArray[np.float64]:
        """Step the environments; returns positions and joint angles (ENVS, 15) at the end."""
        self._envs.load_state_dict(self._start)
        for action in self._actions:
            self._envs.step(action)
        return self._envs.states[:, : self._model.nq]

    def bare(self) -> npt.NDArray[np.float64]:
        """Roll out without environments; returns the same."""
        self._pool.rollout(self._model, self._data, self._states, self._control, state=self._output)
        return self._output[:, -1, 1 : 1 + self._model.nq]

    def close(self) -> None:
        """Stop the threads."""
        self._pool.close()
        self._envs.close()

    def _full_physics(self, observation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        data, model = self._data[0], self._model
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:] = np.split(observation[: model.nq + model.nv], [model.nq])
        state = np.empty(mujoco.mj_stateSize(model, _STATE))
        mujoco.mj_getState(model, data, state, _STATE)
        return state


_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
