"""What is missing is skipped by name and listed at the end; what must not be skipped is a failure."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import optional_parts
import pytest
from optional_parts import MISSING, PARTS
from run_tests import STAGES, stages, unexpected

TOOLS = Path(__file__).parents[1]
TESTS = """
import optional_parts, pytest
optional_parts.PARTS["moon"] = optional_parts.Part(lambda: False, "apt install moon")
optional_parts.PARTS["sun"] = optional_parts.Part(lambda: True, "apt install sun")

@pytest.mark.needs("moon")
@pytest.mark.parametrize("night", [1, 2])
def test_tide(night): ...

@pytest.mark.needs("sun")
def test_day(): ...
"""


def run_tests(folder, body, **environment):
    (folder / "test_sky.py").write_text(body)
    command = [sys.executable, TOOLS / "run_tests.py", "-p", "optional_parts", "-p", "no:cacheprovider", folder]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HRL_MAY_SKIP", "PYTEST_"))}
    variables = clean | {"PYTHONPATH": str(TOOLS)} | environment
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)


def test_what_was_skipped_is_listed_with_what_to_install(tmp_path):
    done = run_tests(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["Skipped: 2", "    2  moon is missing: apt install moon"]


def test_a_skip_that_is_not_allowed_is_a_failure(tmp_path):
    done = run_tests(tmp_path, TESTS, HRL_MAY_SKIP="sun")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("(HRL_MAY_SKIP=sun): moon is missing: apt install moon")


def test_a_part_that_nobody_knows_is_refused(tmp_path):
    done = run_tests(tmp_path, "import pytest\n@pytest.mark.needs('stars')\ndef test_night(): ...\n")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "needs 'stars', which is none of egl, osmesa" in done.stderr


def test_only_missing_parts_that_are_named_may_be_skipped():
    reasons = [f"moon{MISSING}apt install moon", "the author was tired", ""]
    assert unexpected(reasons, "sun, moon") == reasons[1:]
    assert unexpected(reasons, "") == reasons


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_does_not_start_is_missing(name, monkeypatch, tmp_path):
    for program in (*optional_parts.BROWSERS, "python"):
        (tmp_path / program).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert not PARTS[name].there()


def test_every_test_runs_in_one_stage_of_one_kind():
    marks = [stage[stage.index("-m") + 1] for kind in STAGES.values() for stage in kind]
    for alone, kind in itertools.product((False, True), STAGES):
        told = {"alone": alone, "learning": kind == "learning", "cluster": kind == "cluster"}
        assert [eval(mark, {}, told) for mark in marks].count(True) == 1, told


def test_who_must_be_alone_starts_graphs():
    """The stage of those looks nowhere else."""
    root = Path(__file__).parents[2]
    tests = *root.glob("src/*/test/**/*.py"), *root.glob("tests/**/*.py"), *root.glob("tools/test/*.py")
    marked = [path for path in tests if "mark.alone" in path.read_text() and path != Path(__file__)]
    assert marked
    assert {path.parent for path in marked} == {root / "tests" / "graph"}


def test_arguments_make_it_one_run_of_the_kind():
    assert stages([]) == STAGES[""]
    assert stages(["learning"]) == STAGES["learning"]
    assert stages(["learning", "-k", "kitchen"]) == (["-m", "learning", "-k", "kitchen"],)
    assert stages(["-k", "kitchen"]) == (["-k", "kitchen"],)
