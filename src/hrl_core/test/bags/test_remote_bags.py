"""Bags elsewhere: a real server of PostgreSQL and one of objects, on this machine, say what a folder says."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import fsspec
import pytest
from optional_parts import postgresql

from hrl_core import whole_folders
from hrl_core.bags import remote
from hrl_core.bags.catalogue import CATALOGUE, PLACE, Catalogue, keep_catalogue_at
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.remote import CACHE, Mirror, OccupiedError, RemoteFolder, mirror_of, upload_missing
from hrl_core.errors import HrlError
from hrl_core.training.recordings import segments
from hrl_core.training.recordings.segments import SegmentFinder, at_hand, parse_source
from hrl_core.whole_folders import put_if_free


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port, server):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, "the server has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at {port}")


def stop(server):
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture(scope="module")
def database():
    """URL of an empty data base of a PostgreSQL server."""
    programs, port = postgresql(), free_port()
    assert programs is not None
    # The server refuses to be run by root, and must reach its folder.
    humble = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if humble:
            shutil.chown(folder, "postgres", "postgres")
        options = {"cwd": folder, "stdout": subprocess.DEVNULL}
        made = [*humble, programs / "initdb", "-D", f"{folder}/data", "-U", "hrl", "--auth=trust", "--no-sync"]
        subprocess.run(made, check=True, **options)
        listening = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-p", str(port)]
        server = subprocess.Popen([*humble, programs / "postgres", "-D", f"{folder}/data", *listening], **options)
        await_port(port, server)
        yield f"postgresql+psycopg://hrl@127.0.0.1:{port}/postgres"
        stop(server)


@pytest.fixture(scope="module")
def store():
    """URI of an empty bucket, and what its clients are told by the environment."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await_port(port, server)
    said = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (said | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir("bags")
        yield "s3://bags"
    stop(server)


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.needs("s3"))])
def uri(request, tmp_path, monkeypatch):
    """A folder elsewhere that nobody has used yet."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(segments, "FETCH_SECONDS", 0.0)
    if request.param == "file":
        return (tmp_path / "elsewhere").as_uri()
    return f"{request.getfixturevalue('store')}/{uuid.uuid4().hex}"


@pytest.fixture
def here(tmp_path, close_bag):
    """A folder of three bags."""
    for number in range(3):
        close_bag(tmp_path / "bag", number)
    return tmp_path / "bag"


def digests(folder):
    return {bag.name: bag_sha256(bag) for bag in find_bags([folder])}


def test_what_is_uploaded_is_fetched_whole_and_once(uri, here, close_bag):
    assert list(Mirror(uri).fetch()) == []
    assert [bag.name for bag in upload_missing(here, uri)] == [f"segment_{n:06d}" for n in range(3)]
    assert upload_missing(here, uri) == []
    mirror = Mirror(uri)
    assert len(list(mirror.fetch())) == 3
    assert digests(mirror.folder) == digests(here)
    assert list(mirror.fetch()) == list(Mirror(uri).fetch()) == []
    close_bag(here, 3)
    RemoteFolder(uri).put(here / "segment_000003")
    assert [bag.name for bag in list(mirror.fetch())] == ["segment_000003"]
    assert digests(mirror.folder) == digests(here)


def test_bags_of_several_folders_keep_apart_and_nothing_is_overwritten(uri, tmp_path, close_bag):
    for robot in ("robot_1", "robot_2"):
        close_bag(tmp_path / "loop" / robot, 0)
    assert len(upload_missing(tmp_path / "loop", uri)) == 2
    assert RemoteFolder(uri).bags() == ["robot_1/segment_000000", "robot_2/segment_000000"]
    assert upload_missing(tmp_path / "loop", uri) == []
    assert len(list(Mirror(uri).fetch())) == 2
    close_bag(tmp_path / "later" / "robot_1", 0)
    metadata = tmp_path / "later" / "robot_1" / "segment_000000" / "metadata.yaml"
    metadata.write_text("# of another robot\n" + metadata.read_text())
    with pytest.raises(OccupiedError, match=r"robot_1/segment_000000 is another recording .*: nothing is overwritten"):
        upload_missing(tmp_path / "later", uri)


def test_a_bag_is_there_when_its_metadata_are_which_come_last(uri, here, monkeypatch):
    folder, put = RemoteFolder(uri), []
    with monkeypatch.context() as patch:
        patch.setattr(folder._files, "put_file", lambda path, target: put.append(target.rpartition("/")[2]))
        patch.setattr(folder._files, "mv", lambda part, target: None)
        folder.put(here / "segment_000000")
    assert len(put) == 2
    assert put[-1] == ".metadata.yaml.part"
    (here / "segment_000000" / "metadata.yaml").unlink()
    folder.put(here / "segment_000000")
    assert folder.bags() == []


def test_a_copy_that_was_interrupted_is_completed(uri, here):
    folder, (first, *_) = RemoteFolder(uri), find_bags([here])
    whole = (first / "metadata.yaml").read_bytes()
    for written in (b"", whole[:99]):
        upload_missing(here, uri)
        folder._files.pipe_file(f"{folder._root}/{first.name}/metadata.yaml", written)
        upload_missing(here, uri)
        assert folder._files.cat_file(f"{folder._root}/{first.name}/metadata.yaml") == whole
    assert len(list(Mirror(uri).fetch())) == 3
    assert digests(mirror_of(uri)) == digests(here)


def test_a_bag_that_cannot_be_uploaded_keeps_no_other_from_it(uri, here):
    folder, bags = RemoteFolder(uri), find_bags([here])
    upload_missing(here, uri)
    folder._files.pipe_file(f"{folder._root}/{bags[0].name}/metadata.yaml", b"another")
    for bag in bags[1:]:
        folder._files.rm(f"{folder._root}/{bag.name}", recursive=True)
    with pytest.raises(OccupiedError, match=bags[0].name):
        upload_missing(here, uri)
    assert folder.bags() == [bag.name for bag in bags]


def test_who_fetches_the_same_bag_at_once_keeps_what_was_there_first(uri, here, monkeypatch):
    """Trainings of several seeds begin at the same time and share a cache."""
    upload_missing(here, uri)
    monkeypatch.setattr(remote, "put_if_free", lambda part, place: (copy(part, place), put_if_free(part, place)))
    assert all((bag / "first").exists() for bag in Mirror(uri).fetch())
    assert {path.name for path in mirror_of(uri).iterdir()} == {bag.name for bag in find_bags([here])}


def copy(part, place):
    shutil.copytree(part, place)
    (place / "first").touch()


def test_a_source_may_be_elsewhere(uri, here, close_bag):
    upload_missing(here, uri)
    source = parse_source(f"{uri}:0.5")
    assert (source.uri, source.weight, source.path) == (uri, 0.5, mirror_of(uri))
    assert parse_source(uri).weight == 1.0
    finder = SegmentFinder([source])
    found = finder.look((), must_exist=True)
    assert [one.bag.name for one in found] == [f"segment_{n:06d}" for n in range(3)]
    known = {str(one.bag) for one in found}
    assert finder.look(known, must_exist=False) == []
    close_bag(here, 3)
    upload_missing(here, uri)
    assert [one.bag.name for one in finder.look(known, must_exist=False)] == ["segment_000003"]
    again = SegmentFinder([source])
    assert len(again.look((), must_exist=True)) == 4, "what was fetched before is there as well"
    assert at_hand(source) == source.path


def test_a_store_that_does_not_answer_is_told_of_once_until_it_does(uri, here, monkeypatch):
    monkeypatch.setattr(segments, "FETCH_SECONDS", 0.0)
    upload_missing(here, uri)
    finder = SegmentFinder([parse_source(uri)])
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(RemoteFolder, "bags", refused)
        for _ in range(3):
            found.append((finder.look((), must_exist=False), finder.new_troubles()))
    assert found == [([], []), ([], ["no answer"]), ([], [])]
    assert len(finder.look((), must_exist=False)) == 3
    assert finder.new_troubles() == []
    assert finder.look((), must_exist=False) == finder.new_troubles() == []
    monkeypatch.setattr(RemoteFolder, "bags", refused)
    again = [(finder.look((), must_exist=False), finder.new_troubles()) for _ in range(3)]
    assert again == [([], []), ([], ["no answer"]), ([], [])]


def refused(_):
    raise BagError("no answer")


def test_a_store_that_takes_nothing_is_named(here):
    uri = "file:///proc/no/such/store"
    with pytest.raises(BagError, match=rf"cannot put .*segment_000000 at {uri}"):
        RemoteFolder(uri).put(here / "segment_000000")
    with pytest.raises(HrlError, match=r"'quack://nowhere'.*quack"):
        RemoteFolder("quack://nowhere")
    for text in ("s3:/bucket/x", "bucket", "://x", "s3://"):
        with pytest.raises(HrlError, match="is no URI"):
            RemoteFolder(text)


@pytest.mark.needs("postgresql")
def test_a_catalogue_on_a_server_says_what_one_beside_the_bags_says(database, here, close_bag):
    beside = [row._replace(seq=0, closed=0) for row in Catalogue(here).after(0)]
    keep_catalogue_at(here, database)
    catalogue = Catalogue(here)
    assert catalogue.rebuild() == 3
    rows = catalogue.after(0)
    assert [row._replace(seq=0, closed=0) for row in rows] == beside
    assert catalogue.verify() == []
    (here / CATALOGUE).unlink()
    close_bag(here, 3)
    assert [row.path for row in Catalogue(here).after(rows[-1].seq)] == ["segment_000003"]
    shutil.rmtree(here / "segment_000001")
    assert catalogue.verify() == [f"{here / 'segment_000001'} is gone"]


@pytest.mark.needs("postgresql")
def test_folders_share_a_server_and_do_not_see_each_other(database, tmp_path, close_bag):
    folders = [tmp_path / name for name in ("robot_1", "robot_2")]
    for folder in folders:
        keep_catalogue_at(folder, database)
    for number in range(3):
        for folder in folders[: 1 + number]:
            close_bag(folder, number)
    assert [len(Catalogue(folder).after(0)) for folder in folders] == [3, 2]
    assert Catalogue(folders[1]).rebuild() == 2
    assert [len(Catalogue(folder).after(0)) for folder in folders] == [3, 2]


@pytest.mark.needs("postgresql")
def test_who_fetches_asks_the_server_for_what_is_new(database, uri, here, close_bag, monkeypatch):
    keep_catalogue_at(here, database)
    Catalogue(here).rebuild()
    upload_missing(here, uri)
    mirror = Mirror(uri)
    assert len(list(mirror.fetch())) == 3
    with monkeypatch.context() as patch:
        patch.setattr(RemoteFolder, "bags", None)
        assert list(mirror.fetch()) == [], "the store is not listed where nothing is new"
    close_bag(here, 3)
    assert list(mirror.fetch()) == [], "there is a row, and no bag yet"
    RemoteFolder(uri).put(here / "segment_000003")
    assert [bag.name for bag in list(mirror.fetch())] == ["segment_000003"]
    close_bag(here, 4)
    (spoiled,) = (here / "segment_000004").glob("*.mcap")
    spoiled.write_bytes(spoiled.read_bytes() + b"!")
    close_bag(here, 5)
    for number in (4, 5):
        RemoteFolder(uri).put(here / f"segment_{number:06d}")
    with pytest.raises(BagError, match="segment_000004 is another bag than its catalogue tells of"):
        list(mirror.fetch())
    assert not (mirror.folder / "segment_000004").exists()
    assert (mirror.folder / "segment_000005").exists(), "one that is spoiled keeps no other from coming"


def test_what_came_before_a_trouble_is_found(uri, here, monkeypatch):
    upload_missing(here, uri)
    fetch, bad = RemoteFolder.fetch, "segment_000001"
    finder = SegmentFinder([parse_source(uri)])
    finder.look((), must_exist=False)
    shutil.rmtree(mirror_of(uri))

    def torn(self, name, folder):
        if name == bad:
            raise BagError("the network is away")
        return fetch(self, name, folder)

    with monkeypatch.context() as patch:
        patch.setattr(RemoteFolder, "fetch", torn)
        found = finder.look((), must_exist=False)
    assert [one.bag.name for one in found] == ["segment_000000", "segment_000002"]
    known = {str(one.bag) for one in found}
    assert [one.bag.name for one in finder.look(known, must_exist=False)] == [bad]


def test_a_server_that_is_no_catalogue_is_refused(tmp_path):
    for url, why in {
        "nonsense": "is no data base",
        "mysql://hrl@db/bags": "only servers of PostgreSQL",
        "postgresql://hrl@db/bags": "only servers of PostgreSQL",
        "sqlite:////etc/passwd": "only servers of PostgreSQL",
        "postgresql+nothing://hrl@db/bags": "only servers of PostgreSQL",
        "postgresql+psycopg://hrl@db:port/bags": "is no data base",
        "postgresql+psycopg://hrl:secret@db/bags": "a password .* put it into ~/.pgpass",
        "postgresql+psycopg://hrl@db/bags?password=secret": "a password .* put it into ~/.pgpass",
        "postgresql+psycopg://hrl@db/bags?sslpassword=secret": "a password .* put it into ~/.pgpass",
        "postgresql+psycopg://hrl:secret@db:port/bags": "'db:port/bags' is no data base",
    }.items():
        with pytest.raises(HrlError, match=why) as refused_once:
            keep_catalogue_at(tmp_path / "new", url)
        assert not (tmp_path / "new" / PLACE).exists()
        (tmp_path / PLACE).write_text(json.dumps({"url": url, "folder": "/bags"}))
        with pytest.raises(HrlError, match=f"{tmp_path / PLACE}: .*{why}") as refused_again:
            Catalogue(tmp_path)
        assert "secret" not in f"{refused_once.value} {refused_again.value}"
    (tmp_path / PLACE).write_text("{}")
    with pytest.raises(HrlError, match="does not say where a catalogue is"):
        Catalogue(tmp_path)


def test_a_server_whose_driver_is_not_installed_is_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / PLACE).write_text(json.dumps({"url": "postgresql+psycopg://hrl@db/bags", "folder": "/bags"}))
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(HrlError, match=r"needs psycopg, not installed here: .*-r requirements-cluster\.txt"):
        Catalogue(tmp_path)


def test_a_store_has_nobody_ask_whatever_it_calls_a_catalogue_and_a_password_gets_into_none(uri, here):
    upload_missing(here, uri)
    place = here / PLACE
    place.write_text(json.dumps({"url": f"sqlite:///{here}/of_the_learner.sqlite", "folder": "/bags"}))
    RemoteFolder(uri).put_text(place)
    mirror = Mirror(uri)
    for _ in range(2):
        with pytest.raises(BagError, match=r"tells of a catalogue that is not asked: .*only servers of PostgreSQL"):
            list(mirror.fetch())
    assert not (here / "of_the_learner.sqlite").exists()
    place.write_text(json.dumps({"url": "postgresql+psycopg://hrl@db/bags?password=secret", "folder": "/bags"}))
    with pytest.raises(HrlError, match="a password"):
        upload_missing(here, uri)
    with pytest.raises(BagError, match="only servers of PostgreSQL"):
        list(mirror.fetch())


def test_a_fetched_bag_is_on_disk_before_it_is_there(uri, here, monkeypatch):
    """A power cut must not leave one that looks whole, and is never fetched again."""
    upload_missing(here, uri)
    saved, sync = [], whole_folders.bring_to_disk

    def noted(path):
        saved.append((path.name, (mirror_of(uri) / "segment_000000").exists()))
        sync(path)

    monkeypatch.setattr(whole_folders, "bring_to_disk", noted)
    bag = RemoteFolder(uri).fetch("segment_000000", mirror_of(uri))
    before = {name for name, there in saved if not there}
    assert {path.name for path in bag.iterdir()} < before
    assert saved[-1] == (mirror_of(uri).name, True)
    assert bag.stat().st_mode & 0o777 == 0o755


@pytest.mark.needs("postgresql")
def test_a_server_that_is_away_costs_the_look_and_nothing_else(tmp_path, here, close_bag):
    keep_catalogue_at(here, f"postgresql+psycopg://hrl@127.0.0.1:{free_port()}/bags")
    with pytest.raises(BagError, match=r"127\.0\.0\.1.*hrl catalogue rebuild"):
        Catalogue(here).after(0)
    assert len(SegmentFinder([parse_source(str(here))]).look((), must_exist=True)) == 3
    with pytest.raises(HrlError, match="has its catalogue at"):
        keep_catalogue_at(here, "postgresql+psycopg://hrl@other/bags")


def test_a_bag_is_put_under_its_own_name_wherever_it_is_called_from(tmp_path, close_bag, monkeypatch):
    close_bag(tmp_path / "bags", 0)
    (bag,) = find_bags([tmp_path / "bags"])
    uri = f"file://{tmp_path}/store"
    for place, called in ((bag, Path()), (bag.parent, Path(bag.name)), (bag.parent, Path()), (tmp_path, Path("bags"))):
        monkeypatch.chdir(place)
        upload_missing(called, uri)
        assert RemoteFolder(uri).bags() == [bag.name]
    with pytest.raises(BagError, match=r"'\.\.' names no bag below it"):
        RemoteFolder(uri).put(bag, "..")


def test_what_a_store_calls_its_bags_leads_to_no_place_outside_the_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    store = fsspec.filesystem("memory")
    store.pipe("/store/../../outside/metadata.yaml", b"what they like")
    with pytest.raises(BagError, match="names no bag below it"):
        list(Mirror("memory://store").fetch())
    assert not list(tmp_path.rglob("outside*"))
    store.rm("/store", recursive=True)
