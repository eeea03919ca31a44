"""A film of what a critic holds of each place: of a run that is there, of the kind that has places."""

import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import value_film

from hrl import cli
from hrl_core.errors import HrlError

SMALL = ("--algorithm", "hac", "--task", "push_point", "--steps", "400", "--evaluation_episodes", "2")


def trained(folder: Path, *words: str) -> Path:
    assert cli.main(["train", *SMALL, "--updates_per_episode", "2", *words, "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("learner", ["ddpg", "sac"])
def test_the_film_has_a_picture_of_every_other_step(learner, monkeypatch, tmp_path: Path) -> None:
    run, out = trained(tmp_path / "run", "--learner", learner), tmp_path / "film.gif"
    monkeypatch.setattr(sys, "argv", ["value_film.py", str(run), "--episodes", "1", "--out", str(out)])
    value_film.main()
    frames = imageio.imread(out)
    assert len(frames) >= 5
    assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 8


def test_places_are_coloured_by_what_they_are_worth() -> None:
    worth = np.linspace(-3, 0, value_film.CELLS**2).reshape(value_film.CELLS, -1)
    painted = value_film.colours(worth).astype(int)
    assert painted.shape == (value_film.PIXELS, value_film.PIXELS, 3)
    worst, best = painted[0, 0], painted[-1, -1]
    assert best.sum() > worst.sum()
    assert (value_film.colours(np.zeros_like(worth)) == value_film.colours(np.zeros_like(worth))[0, 0]).all()


def test_a_run_without_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HrlError, match="needs a run of hac with two levels"):
        value_film.restored(trained(tmp_path / "one", "--levels", "1"))
