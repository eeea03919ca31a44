"""Films: what is missing is said, and a short one comes out in both formats."""

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from hrl import cli
from hrl.film import footage, gl_backend
from hrl.film.frames import captioned, check_format, check_rate, fitted, legend, true_rate, write_film
from hrl.film.gl_backend import choose_backend
from hrl.film.video import Video
from hrl.policies.shipped import resolve_policy
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.messages import Mode
from hrl_core.task.text import load_task
from hrl_viz.scene_model import STATIC

SKILLS = LevelSpec("gait", "skill", skills=("trot", "bound"), horizon=3)
HERE = LevelSpec("here", "relative", {"x": (-4.0, 4.0), "y": (-4.0, 4.0)}, horizon=2, unit="attempts")


def test_without_a_renderer_it_is_said_what_to_install(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(gl_backend, "backend_works", lambda backend: False)
    with pytest.raises(HrlError, match=r"tried egl and osmesa.*apt install libegl1.*apt install libosmesa6"):
        choose_backend()


def test_the_first_backend_that_works_is_taken_and_a_given_one_is_kept(monkeypatch):
    # Not deleted: what the call sets would stay where there was nothing to put back.
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr(gl_backend, "backend_works", lambda backend: backend == "osmesa")
    assert choose_backend() == "osmesa"
    monkeypatch.setenv("MUJOCO_GL", "egl")
    with pytest.raises(HrlError, match="tried egl"):
        choose_backend()


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(HrlError, match=r"must be one of \.gif, \.mp4"):
        check_format(tmp_path / "film.avi")


def test_a_gif_that_browsers_would_slow_down_is_refused(tmp_path):
    check_rate(tmp_path / "film.gif", 50.0)
    check_rate(tmp_path / "film.mp4", 60.0)
    with pytest.raises(HrlError, match=r"--fps 60: a GIF shows at most 50 frames a second; ask for fewer or an \.mp4"):
        check_rate(tmp_path / "film.gif", 60.0)


@settings(max_examples=20)
@given(st.floats(0.5, 50.0), st.floats(2.0, 20.0))
def test_a_gif_plays_as_fast_as_its_caption_says(fps: float, speed: float) -> None:
    task = load_task("PointMaze")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "film.gif"
        stride = footage._stride(Video("", out, speed=speed, fps=fps), task)
        # As many frames as a minute of the environment's time needs.
        pictures = [np.full((16, 16, 3), k % 250, np.uint8) for k in range(round(60 / task.control_period / stride))]
        write_film(pictures, out, fps)
        with Image.open(out) as film:
            shown = sum(frame.info["duration"] / 1000 for frame in ImageSequence.Iterator(film))
    assert shown == pytest.approx(60 / speed, rel=0.01, abs=1.01 / true_rate(out, fps))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 200), st.integers(16, 200))
def test_a_picture_fits_into_its_box_and_touches_a_side(rows: int, columns: int, width: int, height: int) -> None:
    picture = fitted(np.zeros((rows, columns, 3), np.uint8), width, height)
    assert picture.shape[0] <= height
    assert picture.shape[1] <= width
    assert picture.shape[0] == height or picture.shape[1] == width


@pytest.mark.parametrize(("height", "width"), [(520, 562), (90, 130), (33, 47)])
def test_an_mp4_is_as_large_as_asked_for(tmp_path, height, width):
    write_film([np.zeros((height, width, 3), np.uint8)] * 2, tmp_path / "film.mp4", 10.0)
    assert imageio.imread(tmp_path / "film.mp4", index=0).shape == (height // 2 * 2, width // 2 * 2, 3)


class NoPictures:
    """In the place of OpenGL."""

    def __init__(self, width, height):
        self._picture = np.zeros((height, width, 3), np.uint8)

    def picture(self, shapes, camera):
        return self._picture

    def close(self):
        pass


@pytest.mark.parametrize("speed", [1.0, 7.0, 100.0])
def test_a_film_ends_with_the_step_that_reaches_the_goal_whatever_is_due(monkeypatch, tmp_path, speed):
    captions = []
    monkeypatch.setattr(footage, "ShapeRenderer", NoPictures)
    monkeypatch.setattr(
        footage, "captioned", lambda picture, caption, explained=(): captions.append(caption) or picture
    )
    policy = resolve_policy("hac_hill_car", None)
    assert list(footage.film(policy, Video(str(policy), tmp_path / "film.gif", speed=speed)))
    assert "goal reached" in captions[-1]
    assert not any("goal reached" in caption for caption in captions[:-1])


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_has_all_its_frames(tmp_path, ending):
    out = tmp_path / "new" / f"film.{ending}"
    frames = [np.full((64, 96, 3), 60 * k, np.uint8) for k in range(4)]
    write_film(frames, out, 10.0)
    assert imageio.imread(out, index=None).shape == (4, 64, 96, 3)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_caption_is_written_on_the_picture_and_leaves_its_middle():
    plain = np.full((200, 300, 3), 90, np.uint8)
    written = captioned(plain, "12.0 s", [("path", (1.0, 0.5, 0.0, 1.0))])
    assert written.shape == plain.shape
    assert (written[80:120] == plain[80:120]).all()
    assert (written[:15] != plain[:15]).any()
    assert (written[-15:] != plain[-15:]).any()


def test_the_legend_names_every_level_whose_subgoals_have_a_place():
    levels = (SKILLS, replace(HERE, kind="absolute"), HERE)
    names = [name for name, _ in legend(True, HierarchySpec(levels))]
    assert names == ["goal", "subgoal of the manager_2", "manager_3", "path"]
    assert [name for name, _ in legend(False, HierarchySpec())] == ["path"]
    assert legend(False, HierarchySpec(), has_path=False) == []


def test_the_caption_counts_the_decisions_of_every_level_and_names_the_skill():
    from hrl.film.footage import _caption

    task = load_task("PointMaze")
    policy = random_checkpoint(task, 1, hierarchy=HierarchySpec((SKILLS, HERE)))
    trace = rollout(EnvRunner(task, 0, Mode.EVAL), policy.stack(0), 0)
    lower, higher = ([s for s in trace.subgoals if s.level == level and s.step <= 23] for level in (0, 1))
    words = _caption(trace, 23, policy, 4.0)
    assert (len(lower), len(higher)) == (8, 4)
    assert "subgoal 4 / 8" in words
    assert words.endswith(SKILLS.skills[lower[-1].skill_id])
    flat = random_checkpoint(task, 1, hierarchy=HierarchySpec())
    assert "subgoal" not in _caption(rollout(EnvRunner(task, 0, Mode.EVAL), flat.stack(0), 0), 23, flat, 4.0)


def test_the_block_is_filmed_where_the_ant_has_pushed_it():
    from hrl.film.footage import rollouts

    checkpoint = load_checkpoint(resolve_policy("hiro_ant_push", None))
    ((trace, seen),) = rollouts(checkpoint, 1, 0, None)
    assert len(seen) == len(trace.observations)
    joints, objects = zip(*seen, strict=True)
    pushed = [(j["block_0_x"], j["block_0_y"]) for j in joints]
    assert pushed[0] == (0.0, 0.0)
    assert max(abs(x) + abs(y) for x, y in pushed) > 1.0
    start = np.array(objects[0]["block_0"][0])
    moved = [np.subtract(o["block_0"][0], start)[:2] for o in objects]
    # Poses are those of the last substep but one.
    assert np.abs(np.subtract(moved, pushed)).max() < 0.05


def test_a_legend_of_many_levels_fits_into_the_picture():
    explained = legend(True, HierarchySpec((HERE,) * 3))
    written = captioned(np.full((520, 560, 3), 90, np.uint8), "12.0 s", explained)
    strip = written[-30:]
    for _, color in explained:
        wanted = np.round(255 * np.array(color[:3]))
        assert (np.abs(strip - wanted).max(axis=2) < 3).any(), "its dot is there"
    assert np.ptp(strip[:, -8:].reshape(-1, 3), axis=0).max() < 30, "no letter is cut off at the edge"


@pytest.fixture
def flat_policy(tmp_path):
    """Makes an untrained policy of a task, without a manager."""

    def make(task):
        save_checkpoint(random_checkpoint(load_task(task), 0, hierarchy=FLAT), tmp_path / task)
        return tmp_path / task

    return make


def test_a_task_without_mujoco_is_filmed_by_its_own_pictures(flat_policy, tmp_path):
    folder = flat_policy("grid_world")
    frames = list(footage.film(folder, Video(str(folder), tmp_path / "film.gif", speed=1.0, camera="environment")))
    assert frames[0].shape == (520, 520, 3), "it is a square in a box of 560 x 520"
    with pytest.raises(HrlError, match=r"task 'mountain_car': hrl/MountainCar-v0 makes no pictures"):
        list(footage.film(flat_policy("mountain_car"), Video("", tmp_path / "film.gif")))


@pytest.mark.skipif(importlib.util.find_spec("pygame") is not None, reason="pygame is there")
def test_what_an_environment_needs_for_its_pictures_is_said(flat_policy, tmp_path):
    with pytest.raises(HrlError, match=r"^CartPole-v1 lacks a package for that: pygame is not installed, run `pip"):
        list(footage.film(flat_policy("cart_pole"), Video("", tmp_path / "film.gif", camera="environment")))


def test_what_has_a_stage_is_filmed_on_it_from_where_all_of_it_is_seen(monkeypatch, flat_policy, tmp_path):
    seen = []

    class Watching(NoPictures):
        def picture(self, shapes, camera):
            seen.append((list(shapes), camera))
            return super().picture(shapes, camera)

    monkeypatch.setattr(footage, "ShapeRenderer", Watching)
    for task in ("grid_world", "cart_pole"):
        assert list(footage.film(flat_policy(task), Video("", tmp_path / "film.gif", speed=20.0)))
        shapes, camera = seen[-1]
        far = max(abs(shape.position[0] - camera.target[0]) for shape in shapes if shape.group == STATIC)
        assert camera.distance > 2 * far > 0
        assert (camera.elevation < 1) == (task == "cart_pole"), "its own camera looks at it from the side"


@given(st.integers(1, 400), st.floats(0.05, 8.0))
def test_a_film_takes_as_long_as_its_speed_says(steps: int, stride: float) -> None:
    """At any speed, as many frames as fit; a step is shown once, several times, or not at all."""
    frames, due = [], 0.0
    for step in range(steps + 1):
        shown = footage._frames_due(step, due, stride, step == steps)
        due += shown * stride
        frames += [step] * shown
    assert abs(len(frames) - (steps / stride + 1)) <= 1.001
    assert (frames[0], frames[-1]) == (0, steps)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fps", "nan"], "--fps nan: must be above 0 and at most 1000"),
        (["--speed", "nan"], "--speed nan: must be above 0 and at most 1000"),
        (["--speed", "inf"], "--speed inf: must be"),
        (["--width", "0"], "--width 0: must be 16 to 8192 pixels"),
        (["--height", "-5"], "--height -5: must be"),
        (["--episodes", "0"], "--episodes 0: must be 1 or more"),
        (["--stop_after", "nan"], "--stop_after nan: must be 0 seconds or more"),
    ],
)
def test_a_film_that_cannot_be_is_refused_in_a_sentence(words, message, capsys, tmp_path):
    assert cli.main(["video", "--checkpoint", "hiro_ant_maze", "--out", str(tmp_path / "f.gif"), *words]) == 2
    assert message in capsys.readouterr().err
