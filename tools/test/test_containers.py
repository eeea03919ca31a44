"""The container files say what exists; `tools/check_containers.py` does what they say."""

import pytest
from check_containers import ROOT, packages, steps

from hrl_setup.venv_stage import ROLES

FILES = sorted((ROOT / "containers").glob("*.Containerfile"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_container_file_names_a_role_and_ends_in_our_command(file):
    done = list(steps(file.read_text()))
    assert done[0].word == "FROM"
    (role,) = [rest.partition("=")[2] for word, rest in done if word == "ENV"]
    assert role in ROLES
    assert role == file.stem
    assert done[-1] == ("ENTRYPOINT", '["/hrl/.venv/bin/hrl"]')
    assert ("RUN", "make setup") in done


def test_steps_are_told_apart():
    told = [("FROM", "x"), ("RUN", "a &&    b"), ("ENV", "A=1")]
    assert list(steps("# a\nFROM x\nRUN a && \\\n  b\n\nENV A=1\n")) == told
    assert packages("apt-get update && apt-get install --yes cmake libegl1 && rm -rf /x") == ["cmake", "libegl1"]
    with pytest.raises(ValueError, match="unknown instruction: ADD"):
        list(steps("ADD x y"))
