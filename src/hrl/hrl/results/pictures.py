"""Pictures and films that appear whole: written beside their place and put there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from hrl_core.errors import HrlError
from hrl_core.whole_folders import bring_to_disk


@contextmanager
def put_whole(out: Path) -> Iterator[Path]:
    """A file to be written, of the ending of ``out``, which replaces it at the end; what was there stays until then.

    Raises:
        HrlError: it cannot be written; nothing has changed, and nothing is left beside it.
    """
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield part
        bring_to_disk(part)
        part.replace(out)
    except (OSError, ValueError) as error:
        raise HrlError(f"cannot write {out}: {error}") from None
    finally:
        # Below something that is no folder nothing is to be removed either.
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_picture(figure: Figure, out: Path, dpi: int) -> None:
    """Write a figure, whose ending says how, and close it.

    Raises:
        HrlError: it cannot be written.
    """
    try:
        with put_whole(out) as part:
            figure.savefig(part, dpi=dpi)
    finally:
        plt.close(figure)
