"""The folder of a run: configuration, metrics, policies, and the state that a resumed run goes on from.

Everything is written beside its place and renamed, so that a run killed at any moment finds its last state
whole.
"""

import json
import shlex
import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from hrl_core.errors import CheckpointError, HrlError
from hrl_core.folder_locks import held
from hrl_core.training.config import config_difference
from hrl_core.training.run_names import CONFIG, METRICS, TASK
from hrl_core.whole_folders import clean_up, partial_folder, put_in_place, write_whole

if TYPE_CHECKING:
    from hrl_core.training.state import TrainingState

_LATEST = "latest.json"
_STATE_PREFIX = "state-"


class RunFolder:
    """Reads and writes one run's folder."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``; made on first write."""
        self.folder = folder

    def start(self, config: dict[str, Any], task: str, resume: bool) -> None:
        """Write configuration and task (YAML), or compare with the configuration of the run that goes on.

        Raises:
            HrlError: the folder holds another run, or the resumed run's configuration differs; names the
                fields.
        """
        if resume:
            differing = config_difference(config, self.config())
            if differing:
                raise HrlError(f"cannot resume {self.folder} with another configuration: {'; '.join(differing)}")
            clean_up(self.folder)
            return
        self.require_free()
        write_whole(self.folder / TASK, task)
        write_whole(self.folder / CONFIG, json.dumps(config, indent=2) + "\n")

    def require_free(self) -> None:
        """Refuse a folder that holds a run.

        Raises:
            HrlError: it does.
        """
        if self.begun:
            named = shlex.quote(str(self.folder))
            raise HrlError(
                f"{self.folder} already holds a run: go on with hrl train --resume {named}, or choose another folder"
            )

    @property
    def begun(self) -> bool:
        """Whether there is a run."""
        return (self.folder / CONFIG).is_file()

    def alone(self) -> AbstractContextManager[None]:
        """Hold the run that is there, which two processes would spoil.

        Raises:
            HrlError: another process trains it.
        """
        refusal = f"{self.folder} is being trained by another process: wait for its end, or stop it"
        return held(self.folder / CONFIG, refusal)

    def config(self) -> dict[str, Any]:
        """The configuration of the run, task and seed included.

        Raises:
            HrlError: there is none, or it is damaged.
        """
        path = self.folder / CONFIG
        if not self.begun:
            raise HrlError(f"{self.folder} holds no training run: {CONFIG} is missing")
        try:
            config = json.loads(path.read_text())
        except ValueError as error:
            raise HrlError(f"{path} is damaged: {error}") from None
        for name, kind, what in (("task", str, "the name of a task"), ("seed", int, "a whole number")):
            if not isinstance(config, dict) or type(config.get(name)) is not kind:
                raise HrlError(f"{path} is damaged: an object with '{name}', {what}, is wanted")
        return config

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one line to the metrics."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / METRICS).open("a") as file:
            file.write(json.dumps(row) + "\n")

    def forget_metrics_after(self, reached: int, counter: str = "env_steps") -> None:
        """Drop what a killed run wrote after the state that its successor goes on from."""
        rows = [row for row in self.metrics() if row[counter] <= reached]
        write_whole(self.folder / METRICS, "".join(json.dumps(row) + "\n" for row in rows))

    def metrics(self) -> list[dict[str, Any]]:
        """Every line of metrics; a line cut off by a kill is skipped."""
        path = self.folder / METRICS
        rows: list[dict[str, Any]] = []
        for line in path.read_text().splitlines() if path.exists() else ():
            with suppress(json.JSONDecodeError):
                row = json.loads(line)
                # What is left of a line may be a number.
                rows += [row] if isinstance(row, dict) else []
        return rows

    def save_state(self, state: "TrainingState", env_steps: int) -> None:
        """Write the training state; the one before is removed only when this one is whole.

        Raises:
            HrlError: it cannot be written (disk full, permissions); the state before stays.
        """
        if self.saved_steps() == env_steps:
            return
        name = f"{_STATE_PREFIX}{env_steps}"
        part: Path | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = partial_folder(self.folder / name)
            state.write(part)
            put_in_place(part, self.folder / name)
            write_whole(self.folder / _LATEST, json.dumps({"state": name}))
        except (OSError, SafetensorError) as error:
            raise HrlError(f"cannot write the training state: {error}; {self.kept()}") from error
        finally:
            if part is not None:
                shutil.rmtree(part, ignore_errors=True)
        for old in self.folder.glob(f"{_STATE_PREFIX}*"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)

    def saved_steps(self) -> int | None:
        """Environment steps of the last whole training state; None: there is none."""
        try:
            name = json.loads((self.folder / _LATEST).read_text())["state"]
            return int(name.removeprefix(_STATE_PREFIX)) if (self.folder / name).is_dir() else None
        except (OSError, ValueError, KeyError):
            return None

    def kept(self) -> str:
        """What a run that stopped can go on from, for people."""
        saved = self.saved_steps()
        if saved is None:
            return f"no training state was written to {self.folder} before"
        return f"the state of {saved} steps in {self.folder} is kept: free some space and resume the run"

    def load_state(self) -> "TrainingState | None":
        """Read the last whole training state; None: the run was stopped before its first.

        Raises:
            CheckpointError: it is damaged.
        """
        latest = self.folder / _LATEST
        if not latest.is_file():
            return None
        # Not before: it brings torch, and who reads what a run has told need not wait for that.
        from hrl_core.training.state import TrainingState

        try:
            return TrainingState.read(self.folder / json.loads(latest.read_text())["state"])
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"{latest}: damaged training state: {type(error).__name__}: {error}") from error
