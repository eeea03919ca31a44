"""Metrics of a run for Weights & Biases, written to its folder: no network, no account; ``wandb sync`` sends them."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrl_core.errors import HrlError

PROJECT = "hrl"
_PARTS = 3
"""Of the folder's path in names: those of a run of a sweep are the sweep, the combination and the seed."""
_LONGEST = 128
"""Letters of a name that wandb takes."""


def require_wandb() -> Any:  # noqa: ANN401 - a module without which everything else works
    """Import it.

    Raises:
        HrlError: it is not installed; says what to do.
    """
    # Read at import: it would tell its makers of its errors, offline or not.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        return importlib.import_module("wandb")
    except ImportError:
        raise HrlError(
            "wandb, which --logger wandb writes with, is not installed: pip install wandb, or leave the switch out; "
            "TensorBoard's files are written either way"
        ) from None


class WandbLog:
    """Logs every line of metrics over environment steps; each start of a run is one of wandb's, all in one group."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Write to ``folder``/wandb; nothing before the first line of metrics.

        Args:
            folder: of the run.
            config: what is shown of it.

        Raises:
            HrlError: wandb is not installed.
        """
        self._wandb = require_wandb()
        self._folder, self._config = folder, dict(config)
        self._run: Any = None

    def on_step(self, env_steps: int) -> None:
        """Nothing to log between evaluations."""

    def on_metrics(self, row: dict[str, Any]) -> None:
        """Log one line of metrics; the first makes the folder."""
        if self._run is None:
            self._run = self._begun(row["env_steps"])
        self._run.log(row)

    def close(self) -> None:
        """Close the file."""
        if self._run is not None:
            self._run.finish()

    def _begun(self, env_steps: int) -> Any:  # noqa: ANN401 - of a module without which everything else works
        place = "/".join(self._folder.resolve().parts[-_PARTS:])
        settings = self._wandb.Settings(
            silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True
        )
        try:
            run = self._wandb.init(
                mode="offline",
                dir=str(self._folder),
                project=PROJECT,
                group=place[-_LONGEST:],
                name=f"{place} from {env_steps}"[-_LONGEST:],
                config=self._config,
                settings=settings,
            )
        except self._wandb.Error as error:
            raise HrlError(f"wandb cannot begin in {self._folder}: {error}") from None
        # A run that goes on repeats steps after its last state: their own count, not wandb's, is the axis.
        run.define_metric("*", step_metric="env_steps")
        return run
