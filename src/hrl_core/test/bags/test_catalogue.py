"""The catalogue of a folder of bags tells the truth, is made anew of the bags, and makes a look cost what is new."""

import json
import shutil
from pathlib import Path

import pytest

from hrl_core.bags.catalogue import CATALOGUE, Catalogue
from hrl_core.bags.description import custom_metadata, describe
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.training.recordings import segments
from hrl_core.training.recordings.segments import SegmentFinder, Source


@pytest.fixture
def folder(tmp_path: Path, close_bag) -> Path:
    for number in range(3):
        close_bag(tmp_path, number)
    return tmp_path


def names(found) -> list[str]:
    return [segment.bag.name for segment in found]


def test_a_row_tells_what_its_bag_does(folder):
    rows = Catalogue(folder).after(0)
    assert [row.seq for row in rows] == [1, 2, 3]
    row = rows[1]
    assert (row.path, row.run, row.robot, row.segment) == ("segment_000001", str(2**64 - 1), "robot", 1)
    assert (json.loads(row.versions), row.episodes, row.steps) == ([1, 2], 2, 15)
    assert row.sha256 == bag_sha256(folder / row.path)
    assert row.size == sum(path.stat().st_size for path in (folder / row.path).iterdir())
    assert Catalogue(folder).after(2) == rows[2:]
    assert Catalogue(folder).verify() == []


@pytest.mark.parametrize("name", ["run?1", "100 % & more", "a#b"])
def test_a_catalogue_lies_in_its_folder_whatever_that_is_called(tmp_path, close_bag, name):
    close_bag(tmp_path / name, 0)
    assert len(Catalogue(tmp_path / name).after(0)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / CATALOGUE).is_file()


def test_a_lost_catalogue_is_made_anew_of_the_bags(folder):
    before = Catalogue(folder).after(0)
    (folder / CATALOGUE).unlink()
    with pytest.raises(BagError, match=f"hrl catalogue rebuild {folder}"):
        Catalogue(folder).after(0)
    assert Catalogue(folder).rebuild() == 3
    assert [row._replace(closed=0) for row in Catalogue(folder).after(0)] == [row._replace(closed=0) for row in before]


def test_what_is_wrong_is_named(folder, close_bag):
    (folder / "segment_000000" / "segment_000000.mcap").write_bytes(b"other")
    shutil.rmtree(folder / "segment_000001")
    close_bag(folder, 7, told=False)
    assert Catalogue(folder).verify() == [
        f"{folder / 'segment_000001'} is gone",
        f"{folder / 'segment_000007'} has no row",
        f"{folder / 'segment_000000'} has changed",
    ]
    (folder / CATALOGUE).write_bytes(b"no data base " * 100)
    with pytest.raises(BagError, match="file is not a database; make it anew"):
        Catalogue(folder).verify()


def test_looks_after_the_first_walk_nowhere_and_find_each_bag_once(folder, monkeypatch, close_bag):
    walks = []
    monkeypatch.setattr(
        segments, "find_bags", lambda paths, find=segments.find_bags: walks.append(paths) or find(paths)
    )
    finder, known = SegmentFinder([Source(folder)]), set()

    def look():
        found = finder.look(known, must_exist=False)
        known.update(str(segment.bag) for segment in found)
        return found

    first = look()
    assert names(first) == ["segment_000000", "segment_000001", "segment_000002"]
    assert [segment.sha256 for segment in first] == [bag_sha256(segment.bag) for segment in first]
    assert look() == []
    close_bag(folder, 4)
    close_bag(folder, 3)
    assert names(look()) == ["segment_000003", "segment_000004"]
    assert look() == []
    assert len(walks) == 1
    # Nobody tells of it: it is found by a walk, which comes again.
    untold = close_bag(folder, 5, told=False)
    assert look() == []
    monkeypatch.setattr(segments, "WALK_SECONDS", 0.0)
    monkeypatch.setattr(segments, "WALK_SHARE", 1e9)
    assert [(segment.bag, segment.sha256) for segment in look()] == [(untold, "")]


def test_without_a_catalogue_or_with_a_damaged_one_every_look_walks(folder, close_bag):
    (folder / CATALOGUE).write_bytes(b"no data base " * 100)
    finder = SegmentFinder([Source(folder)])
    assert len(finder.look((), must_exist=True)) == 3
    assert finder.new_troubles() == [], "it may just be made"
    assert len(finder.look((), must_exist=True)) == 3
    (trouble,) = finder.new_troubles()
    assert CATALOGUE in trouble
    close_bag(folder, 3, told=False)
    (folder / CATALOGUE).unlink()
    assert len(finder.look((), must_exist=True)) == 4
    with pytest.raises(BagError):
        SegmentFinder([Source(folder / "none")]).look((), must_exist=True)


def test_a_digest_is_believed_while_the_bag_has_its_size(folder):
    def told():
        return {found.bag.name: found.sha256 for found in SegmentFinder([Source(folder)]).look((), must_exist=True)}

    bag = folder / "segment_000001"
    assert told()[bag.name] == bag_sha256(bag)
    file = bag / f"{bag.name}.mcap"
    file.write_bytes(file.read_bytes() + b"more")
    assert [name for name, sha256 in told().items() if not sha256] == [bag.name]


def test_what_a_bag_says_of_itself_is_read_quickly_as_it_is_read_whole(folder):
    for bag in find_bags([folder]):
        assert custom_metadata(bag) == describe(bag).custom
        assert custom_metadata(bag)["segment"] == str(int(bag.name[-6:]))


def test_a_catalogue_lies_beside_bags_and_in_none(folder):
    bag = folder / "segment_000000"
    before = bag_sha256(bag)
    for no_folder in (bag, bag / "metadata.yaml"):
        with pytest.raises(BagError, match="is no folder of bags: name the one that they are in"):
            Catalogue(no_folder).rebuild()
    assert bag_sha256(bag) == before
    assert Catalogue(folder).verify() == []
