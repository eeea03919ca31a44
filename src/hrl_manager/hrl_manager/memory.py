"""The manager's last subgoal on disk: what is lost when manager and worker die within one segment."""

import contextlib
import os
from pathlib import Path
from typing import Any, Protocol

from hrl_core.errors import InvalidDataError
from hrl_core.types import Subgoal
from hrl_ros import messages


class WarningLogger(Protocol):
    """What a disk that refuses needs of a logger."""

    def warning(self, message: str, /) -> Any:  # noqa: ANN401 - rclpy's answers whether it was printed
        """Print a warning."""
        ...


class SubgoalMemory:
    """A file that holds one serialised ``Subgoal``, replaced whole at every decision.

    It need not outlive the machine, only the process: nothing waits for the disk.
    """

    def __init__(self, path: Path | None, logger: WarningLogger) -> None:
        """Remember nothing yet.

        Args:
            path: the file; None: there is no memory.
            logger: told once when the disk refuses.
        """
        self._path, self._logger = path, logger

    def recall(self, run: int) -> Subgoal | None:
        """Return the last subgoal of ``run``; None where there is none that can be read."""
        if self._path is None:
            return None
        try:
            subgoal = messages.SUBGOAL.decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, InvalidDataError) as error:
            self._logger.warning(f"the last subgoal cannot be recalled: {error}")
            return None
        return subgoal if subgoal.run == run else None

    def keep(self, data: bytes) -> None:
        """Remember a serialised subgoal; a disk that refuses is told of once and then left alone."""
        if self._path is None:
            return
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            part.write_bytes(data)
            os.replace(part, self._path)
        except OSError as error:
            self._path = None
            with contextlib.suppress(OSError):
                part.unlink()
            self._logger.warning(f"subgoals are no longer kept for a restart: {error}")

    def forget(self) -> None:
        """Remove the file: the run has ended in order."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
