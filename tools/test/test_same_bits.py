"""``make same-bits`` tells sources that come to other weights from those that do not."""

import subprocess
from pathlib import Path

import pytest
import same_bits

ROOT = Path(__file__).resolve().parents[2]
BOUND = Path("src/hrl_core/hrl_core/networks/initial_weights.py")


@pytest.mark.learning
@pytest.mark.timeout(300)
def test_other_weights_and_runs_that_fail_are_told(tmp_path, monkeypatch, capfd):
    subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, tmp_path / "clone"], check=True)
    monkeypatch.setattr(same_bits, "ROOT", tmp_path / "clone")
    short = "--algorithm flat --task pendulum --steps 60 --learning_starts 20 --worker.hidden 8"
    monkeypatch.setattr(same_bits, "RUNS", {"flat": short, "none": "--task no_such_task"})
    assert same_bits.main(["HEAD", "--only", "none", "flat"]) == 1
    told = capfd.readouterr()
    assert "no_such_task" in told.err
    assert ["DIFFERENT", "same"] == [line.split()[1] for line in told.out.splitlines()]
    file = tmp_path / "clone" / BOUND
    file.write_text(file.read_text().replace("0.003", "0.004"))
    assert same_bits.main(["HEAD", "--only", "flat"]) == 1
    assert " DIFFERENT " in capfd.readouterr().out
    assert not list((tmp_path / "clone" / ".git").glob("worktrees/*"))
