"""One bag, or one message, that is none costs those beside it nothing."""

import logging
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.serialization import serialize_message

from hrl_core.bags.errors import BagError, WriteError
from hrl_core.errors import InvalidDataError, TaskError
from hrl_msgs import msg
from hrl_training import recorder_node, relabeler_node
from hrl_training.recorder_node import RecorderNode
from hrl_training.relabeler_node import RelabelerNode


class Relabeling(RelabelerNode):
    """The node, without ROS and with bags of our own making."""

    def __init__(self, bags: list[Path], troubles: dict[str, Exception]) -> None:
        self._waiting, self._put_off, self._again_at = deque(bags), [], 0.0
        self._known, self._out, self._transitions = set(), Path(), 0
        self._finder: Any = SimpleNamespace(look=lambda *_, **__: [], new_troubles=list)
        self._health: Any = SimpleNamespace(set_condition=lambda *_: None, clear_condition=lambda _: None, figures={})
        self._reports: Any = SimpleNamespace(report=lambda: None)
        self.troubles, self.done = troubles, list[str]()
        checkpoint = SimpleNamespace(version=3)
        self._relabeler: Any = SimpleNamespace(relabelled=lambda *_: False, relabel=self._made, checkpoint=checkpoint)

    def _made(self, bag: Path, _out: Path) -> Any:
        if bag.name in self.troubles:
            raise self.troubles[bag.name]
        self.done.append(bag.name)
        return SimpleNamespace(problems=[], transitions=1, moved=0)

    def get_logger(self) -> Any:
        return logging.getLogger()


def test_a_bag_that_cannot_be_relabelled_keeps_no_other_from_it_and_a_full_disk_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bags = [tmp_path / name for name in ("broken", "foreign", "late", "sound")]
    for bag in bags:
        bag.mkdir()
    troubles = {"broken": BagError("damaged"), "foreign": TaskError("of another task"), "late": WriteError("disk full")}
    node = Relabeling(bags, dict(troubles))
    node._look()
    assert node.done == ["sound"]
    node.troubles.clear()
    node._look()
    assert node.done == ["sound"], "not at once"
    monkeypatch.setattr(relabeler_node.time, "monotonic", lambda: node._again_at)
    node._look()
    assert node.done == ["sound", "late"]


class Recording(RecorderNode):
    """The node, without ROS, which takes what is a number."""

    def __init__(self, early: list[bytes]) -> None:
        info = SimpleNamespace(task="", hierarchy="", run=1)
        self._binding: Any = SimpleNamespace(offer=lambda _: True, info=info)
        self._recording: Any = SimpleNamespace(facts=SimpleNamespace(info=None))
        self._ledger: Any = SimpleNamespace(levels=0)
        self._early = [("topic", data, 0) for data in early]
        self._asked, self.admitted, self.refused = False, list[bytes](), list[str]()

    def _write(self, topic: str, data: bytes, stamp: int | None = None) -> None:
        del topic, data, stamp

    def _admit(self, topic: str, data: bytes, stamp: int) -> None:
        del topic, stamp
        if not data.isdigit():
            raise InvalidDataError(f"{data!r} is no number")
        self.admitted.append(data)

    def refuse(self, error: InvalidDataError) -> None:
        self.refused.append(str(error))


def test_an_unsound_message_before_the_run_is_known_costs_none_of_those_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = SimpleNamespace(of_run=lambda *_: SimpleNamespace(awaited=0))
    monkeypatch.setattr(recorder_node, "SoundMessages", sound)
    node = Recording([b"0", b"nan", b"1"])
    node._on_run_info(serialize_message(msg.RunInfo()))
    assert (node.admitted, len(node.refused), node._asked) == ([b"0", b"1"], 1, True)
