"""The ant's four-fold symmetry holds in the simulator, and acting under it is equivariant."""

import mujoco
import numpy as np
import pytest
import torch

from hrl_core.envs.ant_maze_env import AntMazeEnv, AntTask
from hrl_core.envs.maze import MazeSpec
from hrl_core.errors import TaskError
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.fast_actor import FastActor
from hrl_core.networks.symmetry import QuarterTurn, sector, turn_tables, worker_quarter_turn
from hrl_core.task.text import load_task

TASK = load_task("ant_maze")
OPEN_FIELD = AntTask(
    maze=MazeSpec(rows=("#####", "#...#", "#.R.#", "#...#", "#####"), cell_size=8.0, wall_height=4.0),
    goal_low=(-1.0, -1.0),
    goal_high=(1.0, 1.0),
)


def _turned(vector: np.ndarray, signed: tuple[tuple[int, int], ...], quarters: int) -> np.ndarray:
    sources, signs = turn_tables(signed)
    return signs[quarters % 4] * vector[sources[quarters % 4]]


def _roll_out(state: np.ndarray, actions: np.ndarray) -> np.ndarray:
    env = AntMazeEnv(OPEN_FIELD)
    env.reset(seed=0)
    env.data.qpos[:], env.data.qvel[:] = state[:15], state[15:29]
    mujoco.mj_forward(env.model, env.data)
    for action in actions:
        data, *_ = env.step(action)
    return data["observation"]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_start_and_actions_lead_to_the_turned_end(quarters: int) -> None:
    rng = np.random.default_rng(1)
    env = AntMazeEnv(OPEN_FIELD)
    start = env.reset(seed=3)[0]["observation"]
    actions = rng.uniform(-30, 30, (30, 8))
    turn = worker_quarter_turn(TASK, ("x", "y"))
    states = turn.inputs[:30]
    end = _roll_out(start, actions)
    turned_end = _roll_out(
        _turned(start, states, quarters), np.array([_turned(a, turn.outputs, quarters) for a in actions])
    )
    assert np.abs(end[:2]).max() > 0.05
    np.testing.assert_allclose(turned_end, _turned(end, states, quarters), atol=1e-9)


def test_four_quarter_turns_are_none() -> None:
    turn = worker_quarter_turn(TASK, ("x", "y"))
    vector = np.arange(1.0, 33.0)
    once = vector
    for _ in range(4):
        once = _turned(once, turn.inputs, 1)
    np.testing.assert_array_equal(once, vector)


@pytest.mark.parametrize(
    ("x", "y", "quarters"),
    [(1, 0, 0), (1, 1, 0), (0, 2, 1), (-1, 0.5, 2), (0.1, -3, 3), (0, 0, 0), (-1, -1, 2)],
)
def test_sector_counts_quarters_to_the_nearest_axis(x: float, y: float, quarters: int) -> None:
    assert sector(x, y) == quarters


def _actor() -> tuple[Actor, ActorConfig, QuarterTurn]:
    turn = worker_quarter_turn(TASK, ("x", "y"))
    config = ActorConfig(
        32,
        (24, 24),
        tuple(TASK.action_low),
        tuple(TASK.action_high),
        masked=(0, 1),
        input_scale=tuple(np.where(np.arange(32) < 15, 1.0, 0.5).tolist()),
        turn=turn,
    )
    actor = Actor(config, torch.Generator().manual_seed(0))
    with torch.no_grad():
        actor.linears[-1].weight.mul_(50)
    return actor, config, turn


def test_actor_turns_with_the_world_and_fast_actor_agrees() -> None:
    actor, config, turn = _actor()
    fast = FastActor(config, {name: tensor.numpy() for name, tensor in actor.state_dict().items()})
    inputs = np.random.default_rng(0).standard_normal((40, 32)).astype(np.float32)
    actions = actor(torch.from_numpy(inputs)).detach().numpy()
    turned_inputs = np.array([_turned(row, turn.inputs, 1) for row in inputs])
    turned_actions = actor(torch.from_numpy(turned_inputs)).detach().numpy()
    np.testing.assert_allclose(turned_actions, [_turned(a, turn.outputs, 1) for a in actions], atol=1e-5)
    np.testing.assert_allclose([fast(row) for row in inputs], actions, atol=1e-4)


def test_a_subgoal_without_position_has_no_symmetry() -> None:
    with pytest.raises(TaskError, match="needs x and y"):
        worker_quarter_turn(load_task("fetch_push"), ("grip_x", "grip_y"))
