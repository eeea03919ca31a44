"""Which library makes the matrix products of a trainer node: chosen when its run begins, and kept in it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hrl_core.errors import HrlError
from hrl_core.task.text import load_task
from hrl_core.training import choose_products
from hrl_core.training.presets import preset
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.segments import Source
from hrl_training.trainer_node import TrainerNode

TASK = load_task("PointMaze")
SMALL = {"hidden": [8, 8]}
TRAINING = preset("paper").changed({"worker": SMALL, "manager": SMALL})


class Trainer(TrainerNode):
    """The node, without ROS."""

    def __init__(self, out: Path, products: str = "auto") -> None:
        self._out = out
        self._settings: Any = SimpleNamespace(products=products, seed=0)

    def configured(self, training=TRAINING):
        config = BagTrainConfig((Source(self._out / "bags"),), training)
        return self._with_products(config, TASK)


def products(config: BagTrainConfig) -> list[list[str]]:
    agent = config.training.agent
    return [list(level.products) for level in (agent.worker, agent.manager)]


def test_a_trainer_chooses_when_its_run_begins_and_keeps_that(tmp_path, monkeypatch):
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda all_of_them: ["forward 1x2x3"])
    begun = Trainer(tmp_path).configured()
    assert products(begun) == [["forward 1x2x3"]] * 2
    (tmp_path / "config.json").write_text(json.dumps({"task": TASK.name, "seed": 0, **begun.as_dict()}))
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda all_of_them: pytest.fail("measured again"))
    assert Trainer(tmp_path).configured() == begun
    assert Trainer(tmp_path, "given").configured() == begun
    with pytest.raises(HrlError, match="--products numpy: a run goes on with the products that it began with"):
        Trainer(tmp_path, "numpy").configured()


def test_what_its_switches_name_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda all_of_them: ["forward 1x2x3"])
    pinned = TRAINING.changed({"worker": {"products": ["inputs"]}})
    assert products(Trainer(tmp_path).configured(pinned)) == [["inputs"], ["forward 1x2x3"]]
    assert products(Trainer(tmp_path, "given").configured()) == [["weights", "inputs"]] * 2
    assert products(Trainer(tmp_path, "numpy").configured()) == [[], []]
