"""Vectorised environment steps against bare ``mujoco.rollout`` of the same model, threads and actions."""

import argparse
import json

import mujoco
import mujoco.rollout
import numpy as np

from benchmarks.learn.measuring import best_seconds, machine
from hrl_core.envs.ant_maze import make_ant_maze
from hrl_core.envs.ant_maze_env import FRAME_SKIP
from hrl_core.envs.vector import VectorEnv
from hrl_core.task import load_task

ENVS, STEPS = 16, 20


def measure(threads: int = 1) -> dict[str, object]:
    """Time both on the same open-loop actions from the same start states."""
    envs = VectorEnv(load_task("ant_maze"), ENVS, seed=0, threads=threads)
    actions = np.random.default_rng(0).uniform(-30, 30, (STEPS, ENVS, 8))
    start = envs.state_dict()
    model = make_ant_maze().model
    size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    data = [mujoco.MjData(model) for _ in range(threads)]
    states = np.tile(_full_physics(model), (ENVS, 1))
    control = np.repeat(actions.transpose(1, 0, 2), FRAME_SKIP, axis=1)
    output = np.empty((ENVS, STEPS * FRAME_SKIP, size))

    def ours() -> None:
        envs.load_state_dict(start)
        for action in actions:
            envs.step(action)

    with mujoco.rollout.Rollout(nthread=threads if threads > 1 else 0) as pool:

        def bare() -> None:
            pool.rollout(model, data, states, control, state=output)

        fast, reference = best_seconds(ours, bare, calls=1)
    count = ENVS * STEPS
    return {
        "name": "sim",
        "ratio": reference / fast,
        "env_steps_per_second": count / fast,
        "bare_rollout_env_steps_per_second": count / reference,
        "environments": ENVS,
        **(machine() | {"threads": threads}),
    }


def _full_physics(model: mujoco.MjModel) -> np.ndarray:
    data = mujoco.MjData(model)
    mujoco.mj_resetData(model, data)
    state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    return state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    print(json.dumps(measure(parser.parse_args().threads)))
