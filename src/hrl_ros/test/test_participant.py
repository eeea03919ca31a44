"""Processes go through the participant ids in turn, so that none takes that of one that has just died."""

import os
import socket
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from hrl_ros import participant
from hrl_ros.participant import AUTOMATIC, IDS, PROFILES, take_participant_id

DOMAIN = 31


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Of a process with a profile of ours."""
    monkeypatch.setattr(participant.tempfile, "gettempdir", lambda: str(tmp_path))
    profile = tmp_path / "profile.xml"
    profile.write_text(f"<rtps>{AUTOMATIC}</rtps>")
    yield {PROFILES: str(profile), "ROS_DOMAIN_ID": str(DOMAIN)}
    while participant._held:
        os.close(participant._held.pop())


def test_the_profile_that_fast_dds_reads_names_the_id(environment):
    number = take_participant_id(environment)
    assert number in IDS
    with open(environment[PROFILES]) as file:
        assert file.read() == f"<rtps><participantID>{number}</participantID></rtps>"


def test_every_id_is_used_once_before_any_is_used_again(environment):
    taken = []
    for _ in range(2 * len(IDS)):
        taken.append(take_participant_id(dict(environment)))
        os.close(participant._held.pop())  # as the process's end does
    assert sorted(taken[: len(IDS)]) == list(IDS)
    assert taken[len(IDS) :] == taken[: len(IDS)]


def test_living_processes_have_different_ids_and_the_last_one_has_none(environment):
    taken = [take_participant_id(dict(environment)) for _ in IDS]
    assert set(taken) == set(IDS)
    assert take_participant_id(dict(environment)) is None


def test_a_domain_that_has_no_ports_is_for_ros_to_refuse(environment):
    assert take_participant_id(environment | {"ROS_DOMAIN_ID": "300"}) is None


def test_a_killed_process_gives_its_id_back(environment, tmp_path):
    program = (
        "import os, signal, tempfile; tempfile.tempdir = os.environ['FOLDER'];"
        "from hrl_ros.participant import take_participant_id; print(take_participant_id(), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = os.environ | environment | {"FOLDER": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=child, capture_output=True, text=True, check=False)
    killed = int(done.stdout)
    others = [take_participant_id(dict(environment)) for _ in IDS]
    assert others[-1] == killed


def test_a_port_that_somebody_else_has_is_left_alone(environment):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 7410 + 250 * DOMAIN + 2 * IDS[0]))
        assert take_participant_id(environment) == IDS[1]


def private_folder(tmp_path):
    return tmp_path / f"hrl_participants_{os.getuid()}"


def test_the_folder_is_this_users_alone_also_where_it_was_open_to_others(environment, tmp_path):
    folder = private_folder(tmp_path)
    folder.mkdir()
    folder.chmod(0o777)
    assert take_participant_id(environment) is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_or_a_link_in_its_place_is_not_used(environment, tmp_path, monkeypatch):
    before = dict(environment)
    (tmp_path / "elsewhere").mkdir()
    private_folder(tmp_path).symlink_to(tmp_path / "elsewhere")
    assert take_participant_id(environment) is None
    private_folder(tmp_path).unlink()
    private_folder(tmp_path).mkdir()
    uid, stated = os.getuid(), os.fstat
    theirs = lambda opened: SimpleNamespace(st_uid=uid + 1, st_mode=stated(opened).st_mode)  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(participant.os, "fstat", theirs)
        assert take_participant_id(environment) is None
    assert environment == before
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not list(private_folder(tmp_path).iterdir())


def test_a_link_in_the_folder_leads_no_writing_astray(environment, tmp_path):
    folder, precious = private_folder(tmp_path), tmp_path / "precious"
    precious.write_text("mine")
    folder.mkdir()
    (folder / f"{DOMAIN}_{IDS[0]}.xml").symlink_to(precious)
    assert take_participant_id(dict(environment)) == IDS[0]
    assert precious.read_text() == "mine"
    assert not (folder / f"{DOMAIN}_{IDS[0]}.xml").is_symlink()
    (folder / f"{DOMAIN}_{IDS[1]}").symlink_to(tmp_path / "no_such_file")
    assert take_participant_id(dict(environment)) is None
    assert not (tmp_path / "no_such_file").exists()


@pytest.mark.parametrize("profile", ["<rtps/>", None])
def test_another_profile_than_ours_is_left_alone(environment, tmp_path, profile):
    path = tmp_path / "own.xml"
    if profile:
        path.write_text(profile)
    environment[PROFILES] = str(path)
    assert take_participant_id(environment) is None
    assert environment[PROFILES] == str(path)
