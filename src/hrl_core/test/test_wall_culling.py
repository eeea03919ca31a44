"""Walls out of reach may be left out of the collision test only if nobody can tell."""

import copy

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.envs.ant_gather import make_ant_gather
from hrl_core.envs.ant_maze import make_ant_maze
from hrl_core.envs.ant_maze_env import FRAME_SKIP, AntMazeEnv

MAZE, GATHER = make_ant_maze(), make_ant_gather()
WHOLE = {id(env): copy.copy(env.model) for env in (MAZE, GATHER)}
"""The models as compiled, every wall tested."""
PLACES = [(0, 0), (8, 0), (16, 0), (16, 8), (16, 16), (8, 16), (0, 16)]


@settings(max_examples=25, deadline=None)
@given(
    env=st.sampled_from([MAZE, GATHER]),
    place=st.sampled_from(PLACES),
    offset=st.tuples(st.floats(-3.4, 3.4), st.floats(-3.4, 3.4)),
    velocity=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    seed=st.integers(0, 2**31),
)
def test_contacts_and_motion_are_the_same_bits_as_with_every_wall(
    env: AntMazeEnv, place: tuple[float, float], offset: tuple[float, float], velocity: tuple[float, float], seed: int
) -> None:
    env.reset(seed=seed)
    x, y = (place[0] + offset[0], place[1] + offset[1]) if env is MAZE else (3 * offset[0], 3 * offset[1])
    env.data.qpos[:2], env.data.qvel[:2] = (x, y), velocity
    whole = WHOLE[id(env)]
    other = mujoco.MjData(whole)
    mujoco.mj_copyData(other, whole, env.data)
    for action in np.random.default_rng(seed).choice([-30.0, 30.0], (15, 8)):
        env.step(action)
        other.ctrl[:] = action
        mujoco.mj_step(whole, other, nstep=FRAME_SKIP)
        assert env.data.ncon == other.ncon
        np.testing.assert_array_equal(env.data.qpos, other.qpos)
        np.testing.assert_array_equal(env.data.qvel, other.qvel)


def test_it_does_leave_walls_out_and_takes_them_back() -> None:
    env = make_ant_maze()
    walls = [i for i in range(env.model.ngeom) if env.model.geom(i).name.startswith("wall_")]

    def tested() -> int:
        return int(env.model.geom_conaffinity[walls].sum())

    env.reset(seed=0)
    env.step(np.zeros(8))
    assert 0 < tested() < len(walls) / 2
    env.data.qvel[0] = 50.0
    env.step(np.zeros(8))
    assert tested() == len(walls)
    env.data.qpos[0] = np.nan
    env._culling.update(env.data.qpos, env.data.qvel)  # pyright: ignore[reportOptionalMemberAccess]
    assert tested() == len(walls)


@pytest.mark.parametrize("cell", PLACES)
def test_a_wall_within_reach_is_always_tested(cell: tuple[int, int]) -> None:
    env = make_ant_maze()
    env.reset(seed=0)
    for x, y in np.random.default_rng(0).uniform(-4, 4, (50, 2)) + cell:
        env.data.qpos[:2], env.data.qvel[:2] = (x, y), 0.0
        env._culling.update(env.data.qpos, env.data.qvel)  # pyright: ignore[reportOptionalMemberAccess]
        for i in range(env.model.ngeom):
            if env.model.geom(i).name.startswith("wall_"):
                gap = np.maximum(np.abs(env.model.geom_pos[i, :2] - (x, y)) - env.model.geom_size[i, :2], 0)
                assert env.model.geom_conaffinity[i] == 1 or np.linalg.norm(gap) > 3.7
