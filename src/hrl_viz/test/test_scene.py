"""What is drawn is where the stack says it is; what is not known is not guessed."""

from itertools import pairwise

import numpy as np
import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import CheckpointError
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.messages import Mode, SubgoalKind
from hrl_core.task.text import load_task, shipped_tasks
from hrl_viz import overlay, palette
from hrl_viz.relabelling import relabel
from hrl_viz.scene import GHOST, Scene
from hrl_viz.scene_model import ROBOT, SceneModel
from hrl_viz.shapes import ShapeKind


def by_group(scene, group):
    return [shape for shape in scene.shapes() if shape.group == group]


def words(scene):
    return by_group(scene, overlay.TEXT)[0].text


def test_nothing_is_drawn_before_the_first_observation(scene):
    assert scene.shapes() == []


EMPTY = (
    "mountain_car",
    "mountain_car_sparse",
    "movement_bandits",
    "lane_drive",
    "t_maze",
    "t_maze_20",
    "t_maze_20_repeat",
    "non_match",
    "water_maze",
    "key_door",
    "push_point",
    "push_point_far",
)


@pytest.mark.parametrize("task", EMPTY)
def test_a_task_that_nobody_has_drawn_has_an_empty_stage(task):
    model = SceneModel(load_task(task))
    assert model.empty
    assert model.placed
    assert model.static_shapes() == model.robot_shapes() == []


@pytest.mark.parametrize("task", [name for name in shipped_tasks() if name not in EMPTY])
def test_where_the_robot_is_is_told_but_of_gymnasium_s_ant(task):
    assert SceneModel(load_task(task)).placed == (task != "ant")


@pytest.mark.parametrize("task", [name for name in shipped_tasks() if name not in EMPTY])
def test_every_other_shipped_task_has_a_stage_and_a_robot(task):
    model = SceneModel(load_task(task), wall_height=1.0)
    static = model.static_shapes()
    assert static
    assert model.robot_shapes()
    assert len({shape.key for shape in static}) == len(static)


@pytest.mark.parametrize(("task", "balls"), [("push_point", 2), ("mountain_car", 1)])
def test_what_has_no_model_is_a_ball_where_it_is_told_to_be(task, balls):
    spec = load_task(task)
    scene, told = Scene(spec, SceneModel(spec), FLAT), EnvRunner(spec, 0, Mode.EVAL).reset(0)
    scene.on_observation(told)
    robot, *things = by_group(scene, ROBOT)
    assert len(things) == balls - 1
    assert robot.position[0] == pytest.approx(told.state[0])
    for thing in things:
        assert thing.position[:2] == pytest.approx(tuple(told.achieved_goal))
        assert thing.color != robot.color
        assert thing.scale > robot.scale


def test_tall_walls_are_lowered_but_stand_where_they_stood(spec):
    tall, low = (SceneModel(spec, wall_height=height).static_shapes() for height in (0.0, 1.0))
    for before, after in zip(tall, low, strict=True):
        if before.scale[2] > 1.0:
            assert after.scale == (*before.scale[:2], 1.0)
            assert after.position == (*before.position[:2], 0.5)
    assert max(shape.scale[2] for shape in tall) == 4.0


def test_the_robot_stands_where_it_is_observed(scene, observe):
    scene.on_observation(observe(3.0, -2.0))
    torso = next(shape for shape in by_group(scene, ROBOT) if shape.kind == ShapeKind.SPHERE)
    assert torso.position == pytest.approx((3.0, -2.0, 0.6))


def test_the_goal_has_its_success_radius(scene, observe, spec):
    scene.on_observation(observe(goal=(4.0, 5.0)))
    ball, disc, ring, label = by_group(scene, overlay.GOAL)
    assert ball.position[:2] == (4.0, 5.0)
    assert disc.scale[0] == 2 * spec.success.radius
    assert np.linalg.norm(ring.points[:, :2] - (4.0, 5.0), axis=1) == pytest.approx(spec.success.radius)
    assert label.text == "goal"


@pytest.mark.parametrize(("kind", "target"), [(SubgoalKind.RELATIVE, (3.0, 5.0)), (SubgoalKind.ABSOLUTE, (2.0, 3.0))])
def test_arrow_and_ghost_point_at_the_target(scene, observe, choose, kind, target):
    scene.on_observation(observe(1.5, 2.5))
    scene.on_subgoal(choose((2.0, 3.0), anchor=(1.0, 2.0), kind=kind))
    arrow = next(shape for shape in by_group(scene, overlay.SUBGOAL) if shape.kind == ShapeKind.ARROW)
    assert arrow.points[0] == pytest.approx((1.5, 2.5, 0.6))
    assert arrow.points[1][:2] == pytest.approx(target)
    ghost = next(shape for shape in by_group(scene, GHOST) if shape.kind == ShapeKind.SPHERE)
    assert ghost.position[:2] == pytest.approx(target)
    assert 0 < ghost.color[3] < 1


def test_an_arm_s_ghost_is_what_the_subgoal_moves_and_nothing_else():
    """Arm and microwave as they are to be; the kettle, which is to stay, has none."""
    pytest.importorskip("gymnasium_robotics")
    task = load_task("kitchen")
    model = SceneModel(task)
    state = EnvRunner(task, 0, Mode.EVAL).reset(0).state
    names = [element.name for element in task.observation]
    model.take(state, {}, {})
    assert model.ghost_shapes(state, GHOST, (0.0, 0.0, 1.0, 0.3)) == []
    now = {shape.position for shape in model.robot_shapes()}
    kinds = {shape.number: shape.kind for shape in model.robot_shapes()}

    def ghost(**ways: float) -> set[tuple[float, ...]]:
        wanted = state.copy()
        for name, way in ways.items():
            wanted[names.index(name)] += way
        shapes = model.ghost_shapes(wanted, GHOST, (0.0, 0.0, 1.0, 0.3))
        assert {shape.color for shape in shapes} == {(0.0, 0.0, 1.0, 0.3)}
        assert all(kinds[shape.number] == shape.kind for shape in shapes), "a page mixes up what changes its kind"
        return {shape.position for shape in shapes}

    arm, microwave, kettle = ghost(panda_joint2=0.4), ghost(microwave=-0.5), ghost(kettle_x=0.2)
    assert min(map(len, (arm, microwave, kettle))) > 0
    assert not (arm | microwave | kettle) & now
    assert ghost(panda_joint2=0.4, microwave=-0.5) == arm | microwave
    assert {(round(x - 0.2, 6), y, z) for x, y, z in kettle} <= {(round(x, 6), y, z) for x, y, z in now}


HERE = LevelSpec("here", "absolute", {"x": (-4.0, 20.0), "y": (-4.0, 20.0)})
SKILLS = LevelSpec("gait", "skill", skills=("trot", "bound"))


@pytest.fixture
def staged(spec):
    """A scene of other levels than the task's."""
    return lambda *levels: Scene(spec, SceneModel(spec), HierarchySpec(levels))


def test_every_level_is_drawn_in_a_colour_of_its_own_and_the_higher_the_larger(staged, observe, choose):
    scene = staged(HERE, HERE, HERE)
    scene.on_observation(observe(1.0, 2.0))
    for level in range(3):
        for seq in range(2):
            scene.on_subgoal(choose((4.0 * level, float(seq)), seq=seq, kind=SubgoalKind.ABSOLUTE, level=level))
    groups = [overlay.level_group(overlay.SUBGOAL, level) for level in range(3)]
    assert len(set(groups)) == 3
    arrows, balls = zip(*(by_group(scene, group)[:2] for group in groups), strict=True)
    assert [arrow.points[1][:2].tolist() for arrow in arrows] == [[0.0, 1.0], [4.0, 1.0], [8.0, 1.0]]
    assert len({arrow.color for arrow in arrows}) == 3
    assert [palette.of_level(level) for level in range(3)] == [arrow.color for arrow in arrows]
    for lower, higher in pairwise(balls):
        assert higher.scale[0] > lower.scale[0]
    for level in range(3):
        (earlier,) = by_group(scene, overlay.level_group(overlay.HISTORY, level))
        assert earlier.points[:, :2].tolist() == [[4.0 * level, 0.0]]
    assert "subgoal 1 / 1 / 1" in words(scene)
    assert by_group(scene, GHOST), "the robot as its worker is to make it"


def test_a_skill_is_named_and_drawn_nowhere(staged, observe, choose):
    scene = staged(SKILLS, HERE)
    scene.on_observation(observe(1.0, 2.0))
    where = {"kind": SubgoalKind.ABSOLUTE, "level": 1}
    scene.on_subgoal(choose((5.0, 5.0), **where))
    assert scene.skills == []
    for number, name in enumerate(SKILLS.skills):
        scene.on_subgoal(choose(seq=number, kind=SubgoalKind.SKILL, skill_id=number, anchor=()))
        assert scene.skills == [name]
        assert words(scene).endswith(f"\n{name}")
    assert not by_group(scene, overlay.SUBGOAL)
    assert not by_group(scene, GHOST)
    assert by_group(scene, overlay.level_group(overlay.SUBGOAL, 1))
    scene.on_observation(observe(1.0, 2.0, episode=1))
    assert scene.skills == []


def test_a_direction_is_no_place(staged, observe, choose):
    scene = staged(LevelSpec("way", "direction", {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}))
    scene.on_observation(observe(1.0, 2.0))
    for seq in range(2):
        scene.on_subgoal(choose((0.6, 0.8), seq=seq, kind=SubgoalKind.DIRECTION))
    assert not by_group(scene, overlay.SUBGOAL)
    assert not by_group(scene, GHOST)
    assert not len(by_group(scene, overlay.HISTORY)[0].points)
    assert "subgoal 1" in words(scene)


def test_replaced_targets_become_history_and_fade(scene, observe, choose):
    scene.on_observation(observe())
    for seq in range(3):
        scene.on_subgoal(choose((float(seq), 1.0), seq=seq))
        scene.on_subgoal(choose((float(seq), 1.0), seq=seq))  # repeated on the wire
    (history,) = by_group(scene, overlay.HISTORY)
    assert history.points[:, 0].tolist() == [0.0, 1.0]
    assert np.all(np.diff(history.colors[:, 3]) > 0)


def test_a_new_episode_clears_what_belonged_to_the_old_one(scene, observe, choose):
    scene.on_observation(observe(0.0))
    scene.on_observation(observe(5.0, step=5))
    scene.on_subgoal(choose((1.0, 1.0)))
    scene.on_subgoal(choose((2.0, 1.0), seq=1))
    assert len(by_group(scene, overlay.TRAIL)[0].points) == 2
    scene.on_observation(observe(0.0, episode=1))
    assert not by_group(scene, overlay.SUBGOAL)
    assert not len(by_group(scene, overlay.HISTORY)[0].points)
    assert not len(by_group(scene, overlay.TRAIL)[0].points)


def test_a_subgoal_that_comes_before_its_episodes_first_observation_is_drawn_with_it(scene, observe, choose):
    scene.on_observation(observe(step=499))
    scene.on_subgoal(choose((2.0, 1.0), episode=0))
    scene.on_subgoal(choose((1.0, 1.0), episode=1))
    scene.on_observation(observe(episode=1))
    assert by_group(scene, overlay.SUBGOAL)
    assert not len(by_group(scene, overlay.HISTORY)[0].points)
    # Nothing of an episode outlives it, nor the same one begun again.
    scene.on_observation(observe(episode=2))
    assert not by_group(scene, overlay.SUBGOAL)
    scene.on_observation(observe(step=5, episode=2))
    scene.on_subgoal(choose((1.0, 1.0), episode=2))
    scene.on_observation(observe(step=0, episode=2))
    assert not by_group(scene, overlay.SUBGOAL)


def test_a_subgoal_that_comes_before_its_episodes_first_observation_is_not_drawn_yet(scene, observe, choose):
    scene.on_observation(observe(step=499))
    scene.on_subgoal(choose((1.0, 1.0), episode=1))
    assert not by_group(scene, overlay.SUBGOAL)


def test_the_return_is_the_sum_of_the_segments(scene, observe, end):
    scene.on_observation(observe(step=0))
    for seq in range(3):
        scene.on_result(end(seq))
    scene.on_observation(observe(step=30))
    assert "return -30.0" in words(scene)
    assert "intrinsic -0.50 per step" in words(scene)


def test_where_every_step_is_seen_the_return_is_the_sum_of_their_rewards_whatever_segments_were_missed(
    scene, observe, end
):
    scene.on_observation(observe(step=0))
    assert "return 0.0" in words(scene)
    scene.on_result(end(4))
    for step in range(1, 8):
        scene.on_observation(observe(step=step))
        scene.on_observation(observe(step=step))
    assert "return -7.0" in words(scene)
    scene.on_observation(observe(step=0))
    assert "return 0.0" in words(scene), "played once more"


def test_a_missed_segment_makes_the_return_unknown_until_the_next_episode(scene, observe, end):
    scene.on_observation(observe(step=20))
    scene.on_result(end(1))
    assert "return - " in words(scene)
    scene.on_observation(observe(step=0, episode=1))
    scene.on_result(end(0, episode=1))
    scene.on_observation(observe(step=10, episode=1))
    assert "return -10.0" in words(scene)


def test_a_relabelled_subgoal_stands_beside_the_original_in_another_colour(scene, observe, choose):
    scene.on_observation(observe())
    scene.on_subgoal(choose((2.0, 0.0), anchor=(1.0, 0.0)))
    scene.on_relabelled(0, 0, np.array((0.0, 2.0)))
    original, other = by_group(scene, overlay.SUBGOAL)[0], by_group(scene, overlay.RELABELLED)[0]
    assert original.points[1][:2] == pytest.approx((3.0, 0.0))
    assert other.points[1][:2] == pytest.approx((1.0, 2.0))
    assert original.color != other.color


def test_the_names_of_two_subgoals_at_one_place_do_not_overlap(scene, observe, choose):
    scene.on_observation(observe())
    scene.on_subgoal(choose((2.0, 0.0)))
    scene.on_relabelled(0, 0, np.array((2.0, 0.1)))
    names = [s for group in (overlay.SUBGOAL, overlay.RELABELLED) for s in by_group(scene, group) if s.text]
    assert [name.text for name in names] == ["original", "relabelled"]
    lower, upper = (name.position[2] for name in names)
    assert upper - lower > 2 * max(name.scale[2] for name in names)


def test_objects_that_are_gone_are_not_drawn(scene, observe):
    scene.on_observation(observe())
    upright = (1.0, 0.0, 0.0, 0.0)
    scene.on_objects({"apple_0": ((1.0, 1.0, 0.5), upright), "bomb_3": ((2.0, 1.0, 0.5), upright)})
    assert len(by_group(scene, overlay.OBJECTS)) == 2
    scene.on_objects({"bomb_3": ((2.0, 1.0, 0.5), upright)})
    (bomb,) = by_group(scene, overlay.OBJECTS)
    assert bomb.position == (2.0, 1.0, 0.5)


def test_a_movable_block_follows_its_joints():
    spec = load_task("ant_push")
    model = SceneModel(spec)
    state = np.zeros(len(spec.observation))
    state[3] = 1.0

    def block():
        return next(s for s in model.robot_shapes() if s.kind == ShapeKind.CUBE).position

    model.take(state, {}, {})
    before = block()
    model.take(state, {"block_0_x": 2.0, "block_0_y": -1.0}, {})
    assert np.subtract(block(), before) == pytest.approx((2.0, -1.0, 0.0))


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [("ant_maze", (-4, -4), (20, 20)), ("ant_push", (-12, -4), (12, 20)), ("ant_gather", (-10.5, -10.5), (10.5, 10.5))],
)
def test_interior_ends_at_the_inner_faces_of_the_walls(task, low, high):
    corners = SceneModel(load_task(task)).interior
    assert corners[0] == pytest.approx(low)
    assert corners[1] == pytest.approx(high)


def test_what_is_no_offset_cannot_be_relabelled_and_is_refused_by_its_kind():
    policy = random_checkpoint(load_task("PointMaze"), 1, hierarchy=HierarchySpec((SKILLS,)))
    with pytest.raises(CheckpointError, match="subgoals are of kind 'skill'; only relative ones can be relabelled"):
        relabel(policy, [])
