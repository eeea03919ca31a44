"""Conformance of all environments: Gymnasium's checker, determinism, model constants, geometry."""

import dataclasses
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from hrl_core.algorithms.hiro.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.algorithms.hiro.learner import hierarchy
from hrl_core.envs import TASKS
from hrl_core.envs.abilities import find_simulation, nothing
from hrl_core.envs.ant_fall import make_ant_fall
from hrl_core.envs.ant_four_rooms import AntFourRoomsEnv, make_ant_four_rooms
from hrl_core.envs.ant_gather import heading, make_ant_gather
from hrl_core.envs.ant_maze import make_ant_maze
from hrl_core.envs.ant_maze_env import AntMazeEnv
from hrl_core.envs.ant_push import make_ant_push
from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.envs.grid_world import FREE, GridWorldEnv, make_grid_world
from hrl_core.envs.hill_car import GOAL, make_hill_car
from hrl_core.envs.making import make_env
from hrl_core.envs.maze_env import MazeEnv
from hrl_core.envs.mountain_car import make_mountain_car
from hrl_core.envs.point_maze import POINT_MAZE, make_point_maze
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.task.text import load_task, shipped_tasks
from hrl_core.training.presets import preset


@pytest.mark.parametrize("name", TASKS)
def test_gymnasium_accepts_it(name: str) -> None:
    check_env(gymnasium.make(f"hrl/{name}-v0", disable_env_checker=True).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("name", shipped_tasks())
def test_it_fits_its_task_specification(name: str) -> None:
    make_env(load_task(name)).close()


WITHOUT_GOAL = [name for name in shipped_tasks() if not load_task(name).goal]


@pytest.mark.parametrize("name", WITHOUT_GOAL)
def test_a_task_without_a_goal_is_told_as_the_environment_tells_it_and_never_succeeds(name: str) -> None:
    spec = load_task(name)
    env: Any = gymnasium.make(spec.env_id)
    ours = GoalEnvironment(spec)
    rng = np.random.default_rng(0)
    told = env.reset(seed=4)[0]
    step = ours.reset(seed=4)
    for action in _actions(env, rng, 15):
        bare = told["observation"] if isinstance(told, dict) else told
        np.testing.assert_array_equal(step.state, bare)
        assert step.achieved.shape == step.desired.shape == (0,)
        assert not step.success
        told, *rest, _ = env.step(action.astype(env.action_space.dtype))
        step = ours.step(np.atleast_1d(action).astype(np.float64))
        assert rest == [pytest.approx(step.reward), step.terminated, step.truncated]
        if step.terminated:
            break
    with pytest.raises(InvalidDataError, match=f"goal: task '{name}' has none"):
        spec.check_goal(np.zeros(2))


def _make(name: str) -> Any:
    """The environment behind its wrappers."""
    more = {"anywhere": True} if name == "LaneDrive" else {}
    return gymnasium.make(f"hrl/{name}-v0", disable_env_checker=True, **more).unwrapped


def _actions(env: Any, rng: np.random.Generator, count: int) -> np.ndarray:
    """Random ones."""
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.n, size=count)
    return rng.uniform(space.low, space.high, (count, len(space.low)))


@pytest.mark.parametrize("name", TASKS)
def test_same_seed_same_episode_and_a_restored_state_goes_on_exactly(name: str) -> None:
    env, again = (_make(name) for _ in range(2))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(env.reset(seed=4)[0]["observation"], again.reset(seed=4)[0]["observation"])
    for action in _actions(env, rng, 20):
        env.step(action)
    again.restore(env.simulation_state())
    for action in _actions(env, rng, 20):
        one, two = env.step(action), again.step(action)
        np.testing.assert_array_equal(one[0]["observation"], two[0]["observation"])
        assert one[1:4] == two[1:4]


@pytest.mark.parametrize("name", TASKS)
def test_observations_share_no_memory_and_every_element_varies(name: str) -> None:
    env = _make(name)
    rng = np.random.default_rng(0)
    seen = []
    # On a road that begins anew what lies ahead is met by those who drive; some objects are drawn now and then.
    for seed in range(60 if name in ("LaneDrive", "NonMatch", "KeyDoor", "PushPoint") else 3):
        told = [env.reset(seed=seed)[0]] + [env.step(action)[0] for action in _actions(env, rng, 100)]
        for one, next_one in pairwise(told):
            arrays = [*one.values(), *next_one.values()]
            assert not any(np.shares_memory(*pair) for pair in combinations(arrays, 2))
        seen += [observation["observation"] for observation in told]
    varies = np.ptp(np.stack(seen), axis=0) > 0
    # Objects of Ant Gather are met now and then; a sensor that sees none reads 0.
    assert varies[: 29 if name == "AntGather" else None].all()


ENDING = ("AntGather", "FourRooms", "FourRoomsPlanning", "FourRoomsPoint", "LaneDrive")
NOT_ENDING = [name for name in TASKS if name not in ENDING]
_OWN_REWARDS = ("AntField", "AntGather", "KeyDoor", "LaneDrive", "NonMatch", "PointField", "TMaze", "WaterMaze")
FOLLOWING_GOALS = [name for name in TASKS if name not in _OWN_REWARDS]
"""Others are paid for more than their goal, or for something else."""


@pytest.mark.parametrize("name", NOT_ENDING)
def test_it_is_cut_at_its_last_step_and_never_terminates_by_itself(name: str) -> None:
    env = gymnasium.make(f"hrl/{name}-v0", disable_env_checker=True)
    env.reset(seed=0)
    ends = [env.step(np.zeros_like(env.action_space.sample()))[2:4] for _ in range(TASKS[name][1])]
    assert ends[-1] == (False, True)
    assert not any(terminated or truncated for terminated, truncated in ends[:-1])


@pytest.mark.parametrize("name", FOLLOWING_GOALS)
def test_a_goal_is_taken_as_given_or_refused_in_words(name: str) -> None:
    env = _make(name)
    wanted = np.arange(env.goal.size) + 0.5
    observation, _ = env.reset(seed=0, options={"goal": wanted})
    np.testing.assert_array_equal(observation["desired_goal"], wanted)
    told, reward, *_ = env.step(env.action_space.sample())
    assert env.compute_reward(told["achieved_goal"], wanted, {}) == pytest.approx(reward)
    if isinstance(env, MazeEnv) and name not in ("AntTwoWalks", "AntObstacleCourse"):
        left = float(np.linalg.norm(env.data.qpos[: env.goal.size] - wanted))
        assert reward == pytest.approx(-left)
    for wrong in ([1.0] * (env.goal.size + 2), [*wanted, 0.0], np.full(env.goal.size, np.nan)):
        with pytest.raises(ValueError, match=f"needs {env.goal.size} finite numbers"):
            env.reset(seed=0, options={"goal": wrong})


@pytest.mark.parametrize("make", [make_ant_maze, make_ant_push, make_ant_fall, make_ant_gather])
def test_ant_has_the_released_constants(make: Callable[[], AntMazeEnv]) -> None:
    model = make().model
    torso = model.body("torso").id
    assert model.body_subtreemass[torso] == pytest.approx(0.91, abs=0.02)
    assert model.opt.timestep == 0.02
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    np.testing.assert_array_equal(model.actuator_ctrlrange, [[-30, 30]] * 8)
    np.testing.assert_array_equal(model.actuator_gear[:, 0], np.ones(8))
    names = [model.actuator(i).name for i in range(8)]
    assert names == ["hip_4", "ankle_4", "hip_1", "ankle_1", "hip_2", "ankle_2", "hip_3", "ankle_3"]


def test_blocks_have_the_released_masses_and_slides() -> None:
    push, fall = make_ant_push().model, make_ant_fall().model
    assert push.body("block_0").mass[0] == pytest.approx(0.0002)
    assert fall.body("block_0").mass[0] == pytest.approx(0.001)
    assert not push.joint("block_0_x").limited[0]
    np.testing.assert_allclose(fall.joint("block_0_y").range, (-8, 8))
    np.testing.assert_allclose(fall.joint("block_0_z").range, (-4, 0))
    np.testing.assert_allclose(push.body("block_0").pos, (0, 8, 2))
    np.testing.assert_allclose(fall.body("block_0").pos, (8, 8, 6))
    np.testing.assert_allclose(push.geom_solimp[:, :3], [(0.995, 0.995, 0.01)] * push.ngeom)
    np.testing.assert_allclose(fall.geom("block_0").size, (3.96, 3.96, 2))


def _drive(
    env: AntMazeEnv | AntFourRoomsEnv, start: tuple[float, float], velocity: tuple[float, float], steps: int = 40
) -> np.ndarray:
    """Throw the ant across the maze: keep resetting its velocity, as no gait could."""
    env.reset(seed=0)
    env.data.qpos[:2] = start
    for _ in range(steps):
        env.data.qvel[:2] = velocity
        env.step(np.zeros(8))
    return env.data.qpos


@pytest.mark.parametrize(
    ("start", "velocity"),
    [
        ((0, 0), (-5, 0)),
        ((0, 0), (0, -5)),
        ((0, 0), (0, 5)),
        ((16, 0), (5, 0)),
        ((8, 16), (0, -5)),
        ((16, 16), (5, 5)),
        ((0, 16), (-5, 5)),
    ],
)
def test_a_full_speed_ant_stays_inside(start: tuple[float, float], velocity: tuple[float, float]) -> None:
    env = make_ant_maze()
    x, y = _drive(env, start, velocity)[:2]
    assert env.task.maze.is_free(x, y)


def test_walking_straight_seals_the_goal_room_of_push() -> None:
    env = make_ant_push()
    qpos = _drive(env, (0, 0), (0, 4), steps=60)
    block_y = qpos[env.model.joint("block_0_y").qposadr[0]]
    assert block_y == pytest.approx(8.0, abs=0.7)
    assert qpos[1] < 14.0, "within 5 m of the goal"


def test_pushing_from_the_left_opens_the_goal_room_of_push() -> None:
    env = make_ant_push()
    qpos = _drive(env, (-8, 8), (4, 0), steps=60)
    assert qpos[env.model.joint("block_0_x").qposadr[0]] > 7.0
    assert qpos[0] > -1.0


def test_a_pushed_block_bridges_the_chasm_of_fall() -> None:
    env = make_ant_fall()
    env.reset(seed=0)
    assert env.data.qpos[2] > 4.0
    y, z = (env.model.joint(f"block_0_{axis}").qposadr[0] for axis in "yz")
    push = env.model.joint("block_0_y").dofadr[0]
    for newton in [1.0] * 40 + [0.0] * 30:
        env.data.qfrc_applied[push] = newton
        env.step(np.zeros(8))
    assert env.data.qpos[y] == pytest.approx(8.0, abs=0.2)
    top = 8.0 + env.data.qpos[z]
    assert top == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(("make", "axes"), [(make_ant_push, "xy"), (make_ant_fall, "yz")])
def test_an_observed_block_is_where_it_is_seen_and_all_else_is_as_before(make, axes: str) -> None:
    env, plain = make(observe_blocks=True), make()
    step = env.reset(seed=0)[0]["observation"]
    assert np.array_equal(np.delete(step, [29, 30]), plain.reset(seed=0)[0]["observation"])
    places = [env.model.joint(f"block_0_{axis}").qposadr[0] for axis in axes]
    for one in (env, plain):
        one.data.qpos[places] += (1.5, -0.5)
    for _ in range(5):
        step, *_ = env.step(np.full(8, 5.0))
        assert np.array_equal(np.delete(step["observation"], [29, 30]), plain.step(np.full(8, 5.0))[0]["observation"])
    mujoco.mj_kinematics(env.model, env.data)
    centre = env.data.geom("block_0").xpos
    np.testing.assert_allclose(step["observation"][29:31], centre[["xyz".index(axis) for axis in axes]], atol=1e-12)
    assert abs(env.data.qpos[places]).max() > 1.0, "a block that rests proves nothing"


def test_the_manager_sees_an_observed_block_and_the_worker_does_not() -> None:
    for name in ("ant_push_block", "ant_fall_block"):
        task, config = load_task(name), preset("fast").agent
        space = GoalSpace(task, hierarchy(task, config).levels[0])
        manager, worker = manager_actor_config(space, config), worker_actor_config(space, config)
        assert not {29, 30} & set(manager.masked)
        assert {0, 1, 29, 30} <= set(worker.masked)
        assert manager.input_scale[29:31] == manager.input_scale[:2] == (0.25, 0.25)


def test_the_chasm_of_fall_is_a_drop() -> None:
    env = make_ant_fall()
    env.reset(seed=0)
    env.data.qpos[:3] = 0.0, 16.0, 4.8
    for _ in range(30):
        env.step(np.zeros(8))
    assert env.data.qpos[2] < 1.0


def test_gather_rewards_apples_and_bombs_once_and_ends_with_a_fall() -> None:
    env = make_ant_gather(dying_cost=10.0)
    env.reset(seed=0)
    grid = {(x, y) for x, y in env.objects.tolist()}
    assert len(grid) == 16
    assert all(x % 2 == 0 and y % 2 == 0 and -10 <= x <= 8 and -10 <= y <= 8 for x, y in grid)
    env.objects[0] = env.data.qpos[:2]
    env.objects[15] = env.data.qpos[:2] + 0.3
    env.objects[1] = env.data.qpos[:2]
    assert env.step(np.zeros(8))[1] == pytest.approx(1.0)
    assert env.step(np.zeros(8))[1] == 0.0
    env.data.qpos[2] = 1.6
    _, reward, terminated, *_ = env.step(np.zeros(8))
    assert terminated
    assert reward == pytest.approx(-10.0)


def test_gather_reads_the_nearest_object_by_direction_from_the_heading() -> None:
    env = make_ant_gather()
    env.reset(seed=0)
    env.data.qpos[:7] = 0, 0, 0.7, np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)
    assert heading(env.data.qpos[3:7]) == pytest.approx(np.pi / 2)
    env.objects[:] = 50.0
    env.objects[0], env.objects[1], env.objects[8] = (0.3, 3.0), (0.3, 4.5), (0.3, -2.0)
    readings = env._observation()["observation"][29:49]
    assert readings[:10].max() == pytest.approx(1 - np.hypot(0.3, 3.0) / 6)
    assert np.flatnonzero(readings[:10]).tolist() == [4]
    assert np.flatnonzero(readings[10:]).tolist() == [0]


def test_the_ant_of_the_four_rooms_has_the_released_constants() -> None:
    env = make_ant_four_rooms()
    assert env.dt == pytest.approx(0.3)
    assert env.model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    np.testing.assert_array_equal(env.model.actuator_ctrlrange, [[-1, 1]] * 8)
    np.testing.assert_array_equal(env.model.actuator_gear[:, 0], [15] * 8)
    np.testing.assert_allclose(env.model.geom_solimp[:, :3], [(0.9, 0.95, 0.001)] * env.model.ngeom)
    assert env.model.body_subtreemass[env.model.body("torso").id] == pytest.approx(0.91, abs=0.02)


def test_start_and_goal_lie_in_two_of_the_four_rooms() -> None:
    env, pairs = make_ant_four_rooms(), set()
    for seed in range(100):
        told, _ = env.reset(seed=seed)
        places = [told[key][:2] for key in ("achieved_goal", "desired_goal")]
        assert all(3.0 <= abs(place) <= 6.5 for place in np.concatenate(places))
        pairs.add(tuple(tuple(np.sign(place)) for place in places))
    assert all(start != goal for start, goal in pairs)
    assert len(pairs) == 4 * 3


@pytest.mark.parametrize(
    ("start", "velocity", "passes"),
    [
        ((5, -3), (0, 4), True),
        ((3, 5), (-4, 0), True),
        ((-5, 3), (0, -4), True),
        ((-3, -5), (4, 0), True),
        ((2, -3), (0, 4), False),
        ((3, 2), (-4, 0), False),
        ((-2, 3), (0, -4), False),
        ((-3, -2), (4, 0), False),
        ((5, 4), (4, 4), False),
        ((-5, -4), (-4, -4), False),
    ],
)
def test_the_four_rooms_are_left_through_gaps_alone(start, velocity, passes) -> None:
    x, y = _drive(make_ant_four_rooms(), start, velocity, steps=10)[:2]
    assert max(abs(x), abs(y)) < 8
    assert (np.sign((x, y)) != np.sign(start)).any() == passes


def test_point_cannot_enter_walls() -> None:
    env = make_point_maze()
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(3000):
        data, *_ = env.step(np.array([1.0, rng.uniform(-0.25, 0.25)]))
        assert POINT_MAZE.is_free(*data["observation"][:2])


@pytest.mark.parametrize("make", [make_mountain_car, make_hill_car])
def test_a_car_climbs_only_by_swinging_up(make: Callable[[], Any]) -> None:
    env = make()
    reached = {}
    for name, throttle in (("constant", lambda v: 1.0), ("with the motion", lambda v: 1.0 if v >= 0 else -1.0)):
        env.reset(seed=0)
        state, places = np.zeros(2), []
        for _ in range(200):
            state = env.step(np.array([throttle(state[1])]))[0]["observation"]
            places.append(state[0])
        reached[name] = max(places)
    assert reached["constant"] < env.goal[0] - 0.2
    assert reached["with the motion"] >= env.goal[0]


def test_the_bead_stays_on_its_hill() -> None:
    env = make_hill_car()
    env.reset(seed=0)
    error, velocity = 0.0, 0.0
    while env.data.qpos[0] < GOAL[0]:
        velocity = env.step(np.array([1.0 if velocity >= 0 else -1.0]))[0]["observation"][1]
        x, z = env.data.qpos
        error = max(error, abs(z - x**2 / 2))
    assert error < 0.01


@pytest.mark.parametrize(
    "name", ["mountain_car", "hill_car", "reacher_arm", "ant_four_rooms", "fetch_reach", "grid_world"]
)
def test_success_ends_an_episode_where_the_task_says_so(name: str) -> None:
    spec = load_task(name)
    lasting = dataclasses.replace(spec, success=dataclasses.replace(spec.success, ends_episode=False))
    for task, ends in ((spec, True), (lasting, False)):
        env = GoalEnvironment(task)
        start = env.reset(seed=0)
        env.set_goal(start.achieved)
        step = env.step(np.zeros(len(spec.action)))
        assert step.success
        assert step.terminated == ends
        copies = VectorEnv(
            task, 2, seed=0, goals=[env.reset(seed=0).achieved.tolist(), (start.achieved + 100.0).tolist()]
        )
        copies._envs[0].set_goal(copies.achieved[0])
        told = copies.step(np.zeros((2, len(spec.action))))
        assert told.successes.tolist() == [True, False]
        assert told.terminated.tolist() == [ends, False]


def test_tolerances_hold_for_each_element() -> None:
    spec = load_task("mountain_car")
    goal = np.array(spec.evaluation_goals[0])
    for off, succeeds in (((0.03, -0.03), True), ((0.031, 0.0), False), ((0.0, 0.031), False)):
        assert spec.succeeded(goal + off - np.sign(off) * 1e-12, goal) == succeeds


def _walk(env: GridWorldEnv, names: str) -> list[tuple[float, float]]:
    """Where each of the choices, by their first letters, leads."""
    choices = [name[0] for name in load_task("grid_world").choices]
    return [tuple(env.step(choices.index(name))[0]["observation"].tolist()) for name in names]


def test_the_grid_is_walked_a_cell_at_a_time_and_walls_and_edges_hold() -> None:
    env = make_grid_world()
    env.reset(seed=0, options={"goal": [5.0, 4.0]})
    env.restore(np.array([0.0, 2.0, 5.0, 4.0]))
    # (0, 3) is a wall, (1, 3) the gap to the room in the north, west of (0, 4) is nothing.
    assert _walk(env, "neewnnww") == [(0, 2), (1, 2), (2, 2), (1, 2), (1, 3), (1, 4), (0, 4), (0, 4)]
    # East by the gap at (3, 5), into the goal from the north; (3, 4) and (5, 7) are closed.
    assert _walk(env, "eeenee") == [(1, 4), (2, 4), (2, 4), (2, 5), (3, 5), (4, 5)]
    assert _walk(env, "enn") == [(5, 5), (5, 6), (5, 6)]
    rewards = [env.step(2)[1] for _ in range(3)]
    assert rewards == [-1.0, 0.0, -1.0]
    assert env._state().tolist() == [5.0, 3.0]


def test_start_and_goal_of_the_grid_are_any_two_free_cells() -> None:
    env, starts, goals = make_grid_world(), set(), set()
    for seed in range(400):
        told, _ = env.reset(seed=seed)
        start, goal = (tuple(told[key].tolist()) for key in ("observation", "desired_goal"))
        assert start != goal
        starts.add(start)
        goals.add(goal)
    assert starts == goals == set(FREE)
    assert len(FREE) == 4 * 9 + 4


def test_a_picture_of_the_grid_shows_where_one_is_and_is_to_go() -> None:
    env = make_grid_world("rgb_array")
    env.reset(seed=0)
    env.restore(np.array([0.0, 0.0, 6.0, 6.0]))
    picture = env.render()
    colors, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    assert picture.shape == (72, 72, 3)
    assert sorted((counts / 64).tolist()) == [1, 1, 38, 81 - 40]
    south_west, north_east, north_west = picture[-9, 8], picture[8, -9], picture[8, 8]
    assert len(np.unique([south_west, north_east, north_west], axis=0)) == 3
    assert len(colors) == 4


def test_what_gymnasium_s_ant_observes_is_called_as_its_model_calls_it() -> None:
    spec = load_task("ant")
    env = GoalEnvironment(spec)
    env.reset(seed=0)
    model, data = find_simulation(env.env) or nothing()
    for _ in range(100):
        told = dict(zip([element.name for element in spec.observation], env.step(np.zeros(8)).state, strict=True))
    assert told["z"] == data.qpos[2]
    assert [told[name] for name in ("qw", "qx", "qy", "qz")] == data.qpos[3:7].tolist()
    assert [told[name] for name in ("vx", "vy", "vz", "wx", "wy", "wz")] == data.qvel[:6].tolist()
    driven = [model.joint(model.actuator_trnid[i, 0]).name for i in range(model.nu)]
    assert [actuator.name for actuator in spec.action] == driven
    for name in driven:
        assert (told[name], told[f"{name}_rate"]) == (data.joint(name).qpos[0], data.joint(name).qvel[0])
    for name, body in (("torso", "torso"), ("front_left_leg", "front_left_leg"), ("aux_3", "aux_3"), ("ankle_3", None)):
        number = model.body(body).id if body else int(model.jnt_bodyid[model.joint(name).id])
        felt = [told[f"{name}_{what}_{axis}"] for what in ("torque", "force") for axis in "xyz"]
        assert felt == np.clip(data.cfrc_ext[number], -1, 1).tolist()
    # At rest the floor carries the ant: what is called a force is one.
    weight = model.body_mass.sum() * 9.81
    assert data.cfrc_ext[:, 5].sum() == pytest.approx(weight, rel=0.05)
