"""How a training run begins: its entry in provenance.json, and what its policies are evaluated in."""

import json
import platform
import shlex
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from rich.console import Console

from hrl.policies.provenance import PROVENANCE, git_commit
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import evaluation_goals
from hrl_core.training.run import Run
from hrl_core.training.run_files import write_whole


class StartNote:
    """Adds one entry per start to provenance.json: a run may go on with other code or elsewhere, and should say so."""

    def __init__(
        self, run: Run[Any, Any], words: Sequence[str], torch_threads: int, console: Console, introduction: str = ""
    ) -> None:
        """Note the run, and introduce it, when its first step has been taken, which a refused run never does."""
        self._run, self._words, self._torch_threads = run, words, torch_threads
        self._console, self._introduction, self._noted = console, introduction, False

    def on_step(self, reached: int) -> None:
        """Write once."""
        if self._noted:
            return
        self._noted = True
        if self._introduction:
            self._console.print(self._introduction, soft_wrap=True)
        path = self._run.files.folder / PROVENANCE
        starts = json.loads(path.read_text()) if path.exists() else []
        starts.append(self._entry())
        write_whole(path, json.dumps(starts, indent=2) + "\n")

    def on_metrics(self, row: dict[str, Any]) -> None:
        """Nothing to add."""

    def close(self) -> None:
        """Nothing to close."""

    def _entry(self) -> dict[str, Any]:
        return {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": shlex.join(["hrl", "train", *self._words]),
            "git_commit": git_commit(),
            "seed": self._run.seed,
            f"from_{self._run.counter.split('/')[-1]}": self._run.files.saved_steps() or 0,
            "torch_threads": self._torch_threads,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }


def evaluation_envs(spec: TaskSpec, config: TrainConfig[Any]) -> VectorEnv:
    """Environments of the evaluation episodes, one each."""
    goals = evaluation_goals(spec, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own_goals = goals if spec.evaluation_goals else ()
    return VectorEnv(spec, len(goals), config.evaluation_seed, config.threads, goals=own_goals)
