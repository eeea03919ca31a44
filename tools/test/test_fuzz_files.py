"""Whatever happens to a file, the command that reads it ends in time, in words, and in little memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import fuzz_damage
import fuzz_files
import pytest
from fuzz_files import CASES, CRASHED, MOST_MEMORY, Ended

TOOL = Path(fuzz_files.__file__)
MUTATIONS = int(os.environ.get("HRL_FUZZ_MUTATIONS", 4 * len(CASES)))


@pytest.mark.learning
@pytest.mark.slow
@pytest.mark.timeout(60 + 3 * MUTATIONS)
def test_damaged_files_end_in_one_sentence():
    words = [sys.executable, str(TOOL), "--mutations", str(MUTATIONS), "--seed", "20"]
    # Tests of rendering leave a choice of OpenGL behind that not every machine has.
    environment = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{MUTATIONS} damaged files" in done.stdout
    assert "0 broke the law" in done.stdout


@pytest.mark.parametrize(
    ("ended", "memory", "problem"),
    [
        (Ended(0, "fine", "", 0), 0, ""),
        (Ended(1, "found wrong", "", 0), 0, ""),
        (Ended(2, "", "hrl: the file is damaged\n", 0), 0, ""),
        (Ended(2, "", "hrl: the file\nis damaged\n", 0), 0, "2 lines instead of one sentence"),
        (Ended(2, "", "", 0), 0, "0 lines instead of one sentence"),
        (Ended(CRASHED, "", "Traceback (most recent call last):", 0), 0, f"exit code {CRASHED}"),
        (Ended(0, "", "Traceback (most recent call last):", 0), 0, "exit code 0"),
        (Ended(-11, "", "", 0), 0, "exit code -11"),
        (Ended(-1, "", "", 0), 0, "hangs"),
        (Ended(0, "", "", 0), MOST_MEMORY + 1, "needs 300 MB"),
    ],
)
def test_what_breaks_the_law_is_seen(ended, memory, problem):
    found = fuzz_files.broken(ended, memory)
    assert problem in found
    assert bool(found) == bool(problem)


def test_the_same_seed_does_the_same_damage():
    content = b'{"name": "a", "rows": [1, 2, {"x": 0.5}]}' * 1
    for damage in (fuzz_damage.in_bytes, fuzz_damage.in_words, fuzz_damage.in_text, fuzz_damage.in_json):
        one, same = (damage(content, fuzz_files.Random(seed)) for seed in ("1/2", "1/2"))
        assert one == same
        assert any(damage(content, fuzz_files.Random(f"1/{n}")) != content for n in range(20))


def test_a_command_that_hangs_eats_or_crashes_is_measured_as_that(tmp_path, monkeypatch):
    def run(behave):
        monkeypatch.setattr(fuzz_files.cli, "main", behave)
        return fuzz_files._run(("x",), tmp_path)

    assert run(lambda words: 0).code == 0
    assert "ZeroDivisionError" in run(lambda words: 1 / 0).errors
    # Some of it may be what the child was born with and has given back: far more than is asked for.
    assert run(lambda words: len(b"x" * 800_000_000) * 0).memory > run(lambda words: 0).memory + MOST_MEMORY
    monkeypatch.setattr(fuzz_files, "LIMIT", 0.5)
    assert run(lambda words: time.sleep(60)).code == -1
