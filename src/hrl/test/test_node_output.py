"""The console of a run: what it cannot take is lost and counted, and holds up nobody."""

import errno
import io

import pytest
from rich.console import Console

from hrl.launching.node_output import NodeOutput


class Sink(io.StringIO):
    """A file that refuses all writes while ``trouble`` is set."""

    trouble: Exception | None = None

    def write(self, text):
        if self.trouble is not None:
            raise self.trouble
        return super().write(text)


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        ValueError("I/O operation on closed file"),
    ],
    ids=["full disk", "terminal that has gone", "closed file"],
)
def test_lines_that_cannot_be_written_are_counted_and_the_next_one_is_printed(trouble):
    sink = Sink()
    output = NodeOutput(Console(file=sink, width=100), ["worker"])
    output.line("worker", "first")
    sink.trouble = trouble
    for number in range(3):
        output.line("worker", f"lost {number}")
    assert not output.closed
    sink.trouble = None
    output.line("worker", "next")
    output.line("worker", "last")
    assert sink.getvalue().splitlines() == [
        "[worker] first",
        "[launch] 3 lines before this could not be written",
        "[worker] next",
        "[worker] last",
    ]


def test_a_console_whose_reader_has_gone_is_closed_and_counts_nothing():
    sink = Sink()
    output = NodeOutput(Console(file=sink), ["worker"])
    sink.trouble = BrokenPipeError()
    output.line("worker", "lost")
    sink.trouble = None
    output.line("worker", "nobody reads this")
    assert output.closed
    assert sink.getvalue() == ""
