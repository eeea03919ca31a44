"""Processes go through the participant ids in turn, so that none takes that of one that has just died."""

import os
import socket
import subprocess
import sys

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


@pytest.mark.parametrize("profile", ["<rtps/>", None])
def test_another_profile_than_ours_is_left_alone(environment, tmp_path, profile):
    path = tmp_path / "own.xml"
    if profile:
        path.write_text(profile)
    environment[PROFILES] = str(path)
    assert take_participant_id(environment) is None
    assert environment[PROFILES] == str(path)
