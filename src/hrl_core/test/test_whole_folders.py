"""Folders appear whole, whenever their writer is killed."""

import itertools
import os
import shutil
from pathlib import Path

import pytest

from hrl_core import whole_folders
from hrl_core.whole_folders import clean_up, partial_folder, put_in_place, write_whole


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


def write(place, text):
    part = partial_folder(place)
    (part / "text").write_text(text)
    put_in_place(part, place)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [False, True])
def test_killed_at_any_step_there_is_the_old_folder_or_the_new_one_and_nothing_else(tmp_path, monkeypatch, there):
    """``rename`` and ``rmtree`` are all that it does to folders that are there."""
    for step in itertools.count(1):
        place = tmp_path / str(step) / "last"
        place.parent.mkdir()
        if there:
            write(place, "old")
        counted = itertools.count(1)

        def until(call, counted=counted, last=step):
            def counting(*given, **named):
                if next(counted) == last:
                    raise Killed
                return call(*given, **named)

            return counting

        killed = False
        with monkeypatch.context() as patch:
            patch.setattr(whole_folders.os, "rename", until(os.rename))
            patch.setattr(whole_folders.shutil, "rmtree", until(shutil.rmtree))
            try:
                write(place, "new")
            except Killed:
                killed = True
        clean_up(place.parent)
        assert names(place.parent) == (["last"] if there or place.exists() else [])
        if place.exists():
            assert (place / "text").read_text() in (("new", "old") if there else ("new",))
        if not killed:
            assert (place / "text").read_text() == "new"
            break
    assert step == (5 if there else 3)


@pytest.mark.parametrize("there", [False, True])
def test_all_of_the_new_is_on_disk_before_anything_of_the_old_goes(tmp_path, monkeypatch, there):
    """A power cut leaves what was brought to disk; names that were not may be there or not."""
    place, done = tmp_path / "last", []

    def noting(name, call):
        def noted(what, *more, **named):
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else str(what)
            done.append((name, os.path.relpath(path, tmp_path).split("/")[-1]))
            return call(what, *more, **named)

        return noted

    if there:
        write(place, "old")
    monkeypatch.setattr(whole_folders.os, "fsync", noting("to disk", os.fsync))
    monkeypatch.setattr(whole_folders.os, "rename", noting("rename", os.rename))
    monkeypatch.setattr(whole_folders.shutil, "rmtree", noting("remove", shutil.rmtree))
    write(place, "new")
    part = next(name for what, name in done if what == "rename" and name != "last")
    before, after = (
        [("to disk", "text"), ("to disk", part)],
        [("rename", part), ("to disk", "."), ("remove", ".last.old")],
    )
    assert done == [*before, *([("remove", ".last.old"), ("rename", "last")] if there else []), *after]
    done.clear()
    monkeypatch.setattr(whole_folders.os, "replace", noting("rename", os.replace))
    write_whole(tmp_path / "latest.json", "{}")
    assert done == [("to disk", ".latest.json.part"), ("rename", ".latest.json.part"), ("to disk", ".")]


def test_what_others_hide_in_the_folder_is_left_alone(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".notes.old.txt").write_text("mine")
    clean_up(tmp_path)
    assert names(tmp_path) == [".git", ".notes.old.txt"]
    clean_up(tmp_path / "none")


@pytest.mark.parametrize("text", ["text", "half of a pair: \udce9"])
def test_what_cannot_be_written_leaves_nothing_beside_its_place(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    places = [Path("."), Path(".."), Path("there"), tmp_path] if text == "text" else [Path("page.html")]
    for place in places:
        with pytest.raises((IsADirectoryError, UnicodeEncodeError)):
            write_whole(place, text)
    assert names(tmp_path) == ["there"]


def test_a_file_is_utf8_in_any_locale(tmp_path):
    write_whole(tmp_path / "text", "\N{SNOWMAN}")
    assert (tmp_path / "text").read_bytes() == "\N{SNOWMAN}".encode()
