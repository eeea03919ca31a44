"""Metrics for Weights & Biases: offline, over environment steps, and read back from the file where wandb is there."""

import importlib
import json
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hrl_core.errors import HrlError
from hrl_core.training.wandb_log import WandbLog

ROWS = [{"env_steps": 400, "worker/value": -0.5}, {"env_steps": 800, "worker/value": -0.25}]
_HEADER, _BLOCK = 7, 32 * 2**10
"""Bytes: of the file, and of each of its records; what a record may not cross without being split."""


class FakeRun:
    def __init__(self, **given: Any) -> None:
        self.given, self.rows, self.axes, self.finished = given, [], [], False

    def define_metric(self, name: str, step_metric: str) -> None:
        self.axes.append((name, step_metric))

    def log(self, row: dict[str, Any]) -> None:
        self.rows.append(row)

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def runs(monkeypatch) -> list[FakeRun]:
    """Runs that were begun."""
    begun: list[FakeRun] = []

    def init(**given: Any) -> FakeRun:
        begun.append(FakeRun(**given))
        return begun[-1]

    class Error(Exception):
        pass

    fake = SimpleNamespace(init=init, Error=Error, Settings=lambda **settings: settings)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return begun


def test_every_line_of_metrics_is_logged_offline_over_environment_steps(runs, tmp_path: Path) -> None:
    folder = tmp_path / "maze" / "tau=0.01" / "seed_3"
    log = WandbLog(folder, {"steps": 800})
    log.on_step(4)
    assert not runs
    for row in ROWS:
        log.on_metrics(row)
    log.close()
    (run,) = runs
    assert (run.given["mode"], run.given["dir"], run.given["config"]) == ("offline", str(folder), {"steps": 800})
    assert (run.given["group"], run.given["name"]) == ("maze/tau=0.01/seed_3", "maze/tau=0.01/seed_3 from 400")
    assert run.rows == ROWS
    assert run.axes == [("*", "env_steps")]
    assert run.finished


def test_a_run_without_an_evaluation_leaves_nothing(runs, tmp_path: Path) -> None:
    WandbLog(tmp_path, {}).close()
    assert not runs


def test_what_wandb_cannot_do_is_an_error_for_people(runs, tmp_path: Path, monkeypatch) -> None:
    wandb = importlib.import_module("wandb")

    def init(**given: Any) -> FakeRun:
        raise wandb.Error("no space")

    monkeypatch.setattr(wandb, "init", init)
    with pytest.raises(HrlError, match=r"wandb cannot begin in .*: no space"):
        WandbLog(tmp_path, {}).on_metrics(ROWS[0])


def records(file: Path) -> Iterator[bytes]:
    """Of wandb's file: those of LevelDB's log format (checksum, length, kind; whole, or first to last part)."""
    data, at, whole = file.read_bytes(), _HEADER, b""
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        at += _HEADER
        whole += data[at : at + length]
        at += length
        if kind in (1, 4):
            yield whole
            whole = b""


@pytest.mark.needs("wandb")
def test_the_file_holds_what_was_logged(tmp_path: Path) -> None:
    log = WandbLog(tmp_path, {"steps": 800})
    for row in ROWS:
        log.on_metrics(row)
    log.close()
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    # It is written by a process of wandb's own, which nobody waits for but Python's end.
    end = time.monotonic() + 30
    while len(found := logged(file)) < len(ROWS) and time.monotonic() < end:
        time.sleep(0.05)
    assert [{name: one[name] for name in ROWS[0]} for one in found] == ROWS


def logged(file: Path) -> list[dict[str, float]]:
    kind = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    found = [kind.FromString(record) for record in records(file)]
    lines = [one.history for one in found if one.HasField("history")]
    return [{item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in one.item} for one in lines]
