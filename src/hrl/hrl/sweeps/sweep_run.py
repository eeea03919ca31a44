"""One run of a sweep: how it is begun or gone on with, and how far it is, as its folder tells."""

import itertools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrl_core.errors import HrlError
from hrl_core.training.config import config_difference
from hrl_core.training.progress import headline
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import CONFIG

LOG = "train.log"
"""What a run has printed, of all its starts."""
BEGIN = "--- begins "
"""Before what each start has printed."""
PRODUCTS = "products"
_LONGEST = 300
"""Characters of its last words that are repeated."""


def product_words(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Words of ``hrl train`` for the library of the products of a run, as a configuration has it."""
    levels = {name: level for name, level in config.items() if isinstance(level, Mapping) and level.get("fast")}
    words = [(f"--{name}.{PRODUCTS}", *level[PRODUCTS]) for name, level in levels.items() if PRODUCTS in level]
    return (f"--{PRODUCTS}", "given", *itertools.chain(*words)) if words else ()


@dataclass(frozen=True)
class SweepRun:
    """A run that is made by ``hrl train`` in a process of its own."""

    name: str
    """Its folder within that of the sweep."""
    folder: Path
    words: tuple[str, ...]
    """What follows ``hrl train``, but for the folder."""
    config: Mapping[str, Any] = field(compare=False)
    """What ``config.json`` of its folder holds, or will."""
    products: tuple[str, ...] = ()
    """Words of ``hrl train`` that name the library of its matrix products; none: its own affair."""

    @property
    def steps(self) -> int:
        """Environment steps at its end."""
        return self.config["steps"]

    @property
    def begun(self) -> bool:
        """Whether its folder holds a run."""
        return (self.folder / CONFIG).is_file()

    @property
    def finished(self) -> bool:
        """Whether its end is saved: metrics and policies are written before the state is."""
        return self.saved >= self.steps

    @property
    def saved(self) -> int:
        """Environment steps of the state that it goes on from."""
        return RunFolder(self.folder).saved_steps() or 0

    @property
    def arguments(self) -> list[str]:
        """What follows ``hrl`` to begin it, or to go on with it."""
        if self.begun:
            return ["train", *self.words, "--resume", str(self.folder)]
        return ["train", *self.words, *self.products, "--out", str(self.folder)]

    @property
    def command(self) -> str:
        """The same for a shell."""
        return shlex.join(["hrl", *self.arguments])

    def require_own_folder(self) -> None:
        """Refuse a folder that holds another run.

        Raises:
            HrlError: it does; names the fields.
        """
        differing = config_difference(dict(self.config), RunFolder(self.folder).config()) if self.begun else []
        # Which library makes its products, a run has measured itself; where words say so, it refuses others.
        differing = [each for each in differing if not each.partition(":")[0].endswith(".products")]
        if differing:
            raise HrlError(f"{self.folder} holds another run than this sweep would make: {'; '.join(differing)}")

    def reached(self) -> tuple[int, str]:
        """Environment steps by its last evaluation or state, and success or return by the former."""
        rows = RunFolder(self.folder).metrics()
        return max(self.saved, rows[-1]["env_steps"] if rows else 0), headline(rows[-1]) if rows else ""

    def last_words(self) -> str:
        """What it said last: why it failed, where it did."""
        return (self._errors() or self._said() or [""])[-1][:_LONGEST]

    def refusal(self) -> str:
        """Why it did not begin, as it said itself; empty: it did, or nothing is known of it."""
        return "" if self.begun else (self._errors() or [""])[-1][:_LONGEST]

    def _errors(self) -> list[str]:
        return [line.removeprefix("hrl: ") for line in self._said() if line.startswith("hrl: ")]

    def _said(self) -> list[str]:
        """Lines of its last start."""
        try:
            lines = (self.folder / LOG).read_text(errors="replace").split("\n")
        except OSError:
            return []
        starts = [number for number, line in enumerate(lines) if line.startswith(BEGIN)]
        return [line.strip() for line in lines[starts[-1] + 1 if starts else 0 :] if line.strip()]
