"""``hrl train``: one training run in a folder, from the command line to the last policy."""

import json
import logging
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from rich.console import Console

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.commands.train_arguments import TrainingRequest, learns_from_bags, parse_training
from hrl.commands.training_end import StopSignal, run_to_the_end, tell_stopped
from hrl.policies.provenance import PROVENANCE, git_commit
from hrl_core.algorithms import learner_module
from hrl_core.envs.vector import VectorEnv
from hrl_core.threads import limit_threads
from hrl_core.training.evaluate import evaluation_goals
from hrl_core.training.progress import ProgressDisplay, TensorBoard, summarise
from hrl_core.training.run_files import RunFolder, write_whole
from hrl_core.training.run_names import BEST_POLICY, POLICY
from hrl_core.training.trainer import Observer, Trainer
from hrl_core.wording import counted


class StartNote:
    """Adds one entry per start to provenance.json: a run may go on with other code or elsewhere, and should say so."""

    def __init__(self, request: TrainingRequest, words: Sequence[str], console: Console) -> None:
        """Note and announce the run when its first step has been taken, which a refused run never does."""
        self._request, self._words, self._console, self._noted = request, words, console, False

    def on_step(self, env_steps: int) -> None:
        """Write once."""
        if self._noted:
            return
        self._noted = True
        self._console.print(_introduction(self._request), soft_wrap=True)
        path = self._request.folder / PROVENANCE
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
            "seed": self._request.seed,
            "from_env_steps": RunFolder(self._request.folder).saved_steps() or 0,
            "torch_threads": self._request.torch_threads,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }


def train(words: list[str]) -> int:
    """Run ``hrl train`` with the words that follow it; returns the exit code.

    Returns:
        0: trained to the end; 1: failed on the way; 130: stopped by Ctrl-C or SIGTERM, state saved.

    Raises:
        HrlError: it could not be started.
    """
    if learns_from_bags(words):
        from hrl.commands.train_from_bags import train_from_bags

        return train_from_bags(words)
    request = parse_training(words)
    folder = request.folder
    limit_threads(request.torch_threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    console = Console(stderr=True, highlight=False)
    saved = RunFolder(folder).saved_steps() if request.resume else None
    board = TensorBoard(folder / "tensorboard", resume_at=None if saved is None else saved + 1)
    observers = [ProgressDisplay(request.config.steps, console), board, StartNote(request, words, console)]
    trainer = _trainer(request, observers, console)
    stop = StopSignal(console)
    try:
        return _run(trainer, request, stop, console)
    finally:
        stop.close()


def _run(trainer: Trainer, request: TrainingRequest, stop: StopSignal, console: Console) -> int:
    files = trainer.files
    code = run_to_the_end(lambda: trainer.run(request.resume, stop), files, lambda: trainer.env_steps > 0, console)
    if code:
        return code
    if trainer.env_steps < request.config.steps:
        return tell_stopped(files, counted(trainer.env_steps, "step"), console)
    Console(highlight=False).print(_outcome(files), markup=False, soft_wrap=True)
    return 0


def _trainer(request: TrainingRequest, observers: Sequence[Observer], console: Console) -> Trainer:
    spec, config = request.spec, request.config
    levels = learner_module(config.algorithm).hierarchy(spec, config.agent).levels
    envs = VectorEnv(
        spec,
        config.num_envs,
        request.seed,
        config.threads,
        stagger=config.stagger,
        segment=levels[0].horizon if levels else 1,
        headline_share=config.headline_goal_share,
    )
    for line in envs.missing:
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    goals = evaluation_goals(spec, config.evaluation_episodes, config.evaluation_episodes_elsewhere)
    own_goals = goals if spec.evaluation_goals else ()
    evaluation_envs = VectorEnv(spec, len(goals), config.evaluation_seed, config.threads, goals=own_goals)
    return Trainer(spec, config, envs, evaluation_envs, request.folder, request.seed, git_commit(), observers)


def _introduction(request: TrainingRequest) -> str:
    spec, config = request.spec, request.config
    levels = learner_module(config.algorithm).hierarchy(spec, config.agent).levels
    subgoals = " / ".join(", ".join(level.elements) for level in levels) or "none"
    return (
        f"{'going on' if request.resume else 'training'} in {request.folder}: {config.algorithm} on {spec.name} "
        f"(subgoals: {subgoals}), {config.steps} steps, seed {request.seed}; Ctrl-C stops and saves"
    )


def _outcome(files: RunFolder) -> str:
    rows = files.metrics()
    last = summarise(rows[-1]) if rows else ""
    return (
        f"last evaluation: {last}\npolicies: {files.folder / BEST_POLICY}, {files.folder / POLICY}\n"
        f"held-out figures: hrl evaluate --checkpoint {shlex.quote(str(files.folder / BEST_POLICY))}"
    )
