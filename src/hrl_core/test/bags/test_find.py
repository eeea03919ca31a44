"""Every bag of a folder is found once, wherever its links lead."""

from pathlib import Path

import pytest

from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA, find_bags, find_partial


@pytest.fixture
def bag():
    def make(path):
        path.mkdir(parents=True)
        (path / METADATA).touch()
        return path

    return make


def test_a_bag_behind_a_link_is_found_under_the_name_of_the_link(tmp_path, bag):
    bag(tmp_path / "disk" / "july" / "run_2")
    folder = tmp_path / "bags"
    bag(folder / "run_1")
    (folder / "alone").symlink_to(tmp_path / "disk" / "july" / "run_2")
    assert find_bags([folder]) == [folder / "alone", folder / "run_1"]
    (folder / "alone").unlink()
    (folder / "all").symlink_to(tmp_path / "disk")
    assert find_bags([folder]) == [folder / "all" / "july" / "run_2", folder / "run_1"]
    assert find_bags([folder / "all"]) == [folder / "all" / "july" / "run_2"]


def test_a_bag_with_a_name_of_its_own_and_links_to_it_is_found_once_by_that_name(tmp_path, bag):
    bags = [bag(tmp_path / "runs" / name) for name in ("run_1", "run_2")]
    for name in ("a_latest", "runs/a_latest", "z_latest"):
        (tmp_path / name).symlink_to(bags[1])
    (tmp_path / "again").symlink_to(tmp_path / "runs")
    assert find_bags([tmp_path]) == bags
    assert find_bags([tmp_path / "runs", tmp_path / "again", tmp_path / "z_latest"]) == bags


def test_what_is_being_deleted_is_no_unfinished_recording(tmp_path):
    for name in (".segment_1.forgotten.partial", "segment_2.partial"):
        (tmp_path / name / name.removesuffix(".partial")).mkdir(parents=True)
    assert find_partial(tmp_path) == [tmp_path / "segment_2.partial"]


def test_links_in_a_circle_or_to_nothing_end_no_search(tmp_path, bag):
    bags = [bag(tmp_path / "bags" / "a"), bag(tmp_path / "bags" / "b" / "c")]
    (tmp_path / "bags" / "b" / "up").symlink_to("..")
    (tmp_path / "bags" / "self").symlink_to("self")
    (tmp_path / "bags" / "gone").symlink_to("nowhere")
    assert find_bags([tmp_path / "bags"]) == bags
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "round").symlink_to(tmp_path / "empty")
    with pytest.raises(BagError):
        find_bags([tmp_path / "empty"])


@pytest.mark.parametrize("given", [".", "bags", "bags/../bags"])
def test_a_folder_is_searched_by_whatever_name(tmp_path, bag, monkeypatch, given):
    bag(tmp_path / "bags" / "one")
    (tmp_path / "bags" / "link").symlink_to("one")
    monkeypatch.chdir(tmp_path / "bags" if given == "." else tmp_path)
    assert find_bags([Path(given)]) == [Path(given, "one")]


def test_unfinished_recordings_behind_links_are_found_once_and_are_no_bags(tmp_path, bag):
    bag(tmp_path / "disk" / "x.partial" / "x")
    folder = tmp_path / "bags"
    sound = bag(folder / "sound")
    bag(folder / "y.partial" / "y")
    (folder / "disk").symlink_to(tmp_path / "disk")
    (folder / "a.partial").symlink_to("y.partial")
    assert find_partial(folder) == [folder / "disk" / "x.partial", folder / "y.partial"]
    assert find_bags([folder]) == [sound]
    assert find_partial(folder / "y.partial") == []
