"""A fake robot whose journal cannot be written says so in words."""

from typing import Any

import pytest

from hrl_core.errors import HrlError
from hrl_robot.fake_robot_node import FakeRobotNode


def test_a_journal_on_a_full_disk_ends_the_robot_in_words() -> None:
    node: Any = FakeRobotNode.__new__(FakeRobotNode)
    node._journal = open("/dev/full", "a", buffering=1)
    with pytest.raises(HrlError, match=r"^/dev/full cannot be written: No space left on device$"):
        node._note("placed", 1)
    with pytest.raises(OSError):
        node._journal.close()
