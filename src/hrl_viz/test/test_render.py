"""Shapes are rendered where they are, in their colours, without a screen."""

import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import sys
import numpy as np
from hrl_viz.render import Camera, ShapeRenderer
from hrl_viz.shapes import arrow, sphere, strip
renderer = ShapeRenderer(96, 96)
camera = Camera((0.0, 0.0, 0.0), 12.0, elevation=89.0)
red, green = (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0)
shapes = [sphere("a", 0, red, (2.0, 0.0, 0.0), 1.5), arrow("b", 0, green, (-3.0, -3.0, 0.0), (-3.0, 3.0, 0.0), 0.5)]
thin = strip("c", 0, green, np.array([(-3.0, -4.0, 0.0), (3.0, 4.0, 0.0)]), 0.002)
pictures = [renderer.picture(what, camera) for what in ([], shapes, [thin])]
np.save(sys.argv[1], np.stack(pictures))
"""


@pytest.mark.parametrize("backend", [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("egl", "osmesa")])
def test_shapes_are_rendered_where_they_are(backend, tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", backend)
    out = tmp_path / "pictures.npy"
    done = subprocess.run([sys.executable, "-c", PROGRAM, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    empty, drawn, line = np.load(out).astype(int)
    assert np.ptp(empty) == 0
    red = np.argwhere((drawn[..., 0] > 100) & (drawn[..., 1] < 60))
    green = np.argwhere((drawn[..., 1] > 100) & (drawn[..., 0] < 60))
    assert red.mean(axis=0)[1] > 58  # to the right of the middle
    assert green.mean(axis=0)[1] < 30  # to the left
    assert np.ptp(green[:, 0]) > 40  # from tail to tip: 6 of some 8.7 m
    # A line that is thinner than a pixel is still one line: seen in every row from end to end.
    rows = np.flatnonzero((line[..., 0] < 200).any(axis=1))
    assert np.array_equal(rows, np.arange(rows[0], rows[-1] + 1))
    assert len(rows) > 75
