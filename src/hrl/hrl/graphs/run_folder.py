"""Where a run leaves its results: OUT with the bag, the simulator's report and the summary."""

import dataclasses
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hrl.graphs.argument_table import Arguments
from hrl.graphs.arguments import LaunchArguments
from hrl_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hrl_core.errors import HrlError
from hrl_core.whole_folders import writable


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run and what is known of the run before it starts."""

    path: Path
    arguments: Arguments
    policy: Path | None
    """None: none acts."""
    policy_trained: bool
    git_commit: str = ""
    start: Checkpoint | None = None
    """Untrained policy that is written to ``policy`` with the folder."""

    @classmethod
    def of(cls, arguments: LaunchArguments, policy: Path, policy_trained: bool, git_commit: str) -> "RunFolder":
        """Resolve the argument ``out``."""
        return cls(resolve_out(arguments.out), arguments, policy, policy_trained, git_commit)

    @property
    def bag(self) -> Path:
        """Bag directory, written by the recorder."""
        return self.path / "bag"

    @property
    def simulator_report(self) -> Path:
        """Counters and episodes, written by the simulator at its end."""
        return self.path / "simulator.json"

    def memory(self, process: str) -> Path:
        """Last words of a process, kept while it runs for the case that it has to be started again."""
        return self.path / f"memory_{process}"

    def forget(self) -> None:
        """Remove what only a process that is started again needs; a killed one has left it."""
        for memory in self.path.glob(self.memory("*").name):
            memory.unlink(missing_ok=True)

    @property
    def summary(self) -> Path:
        """Result of the run."""
        return self.path / "summary.json"

    @property
    def launch_record(self) -> Path:
        """Arguments, policy and git commit of the run, written at its start."""
        return self.path / "launch.json"

    def require_free(self) -> None:
        """Raise ``HrlError`` when the folder holds another run or cannot be a folder."""
        if self.path.exists() and not self.path.is_dir():
            raise HrlError(f"out:={self.path} is not a folder")
        held = [path for path in (self.simulator_report, self.summary, self.launch_record) if path.exists()]
        held += sorted(self.path.glob("bag*"))
        if held:
            raise HrlError(f"out:={self.path} already holds a run ({held[0].name}); remove it or choose another folder")

    def prepare(self) -> None:
        """Create the folder and write the launch record.

        Raises:
            HrlError: the folder cannot be written.
        """
        record = {
            "arguments": dataclasses.asdict(self.arguments),
            "policy": None if self.policy is None else str(self.policy),
            "git_commit": self.git_commit,
        }
        with writable(f"out:={self.path}"):
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.launch_record, record)
            if self.start is not None and self.policy is not None:
                save_checkpoint(self.start, self.policy)


def resolve_out(text: str) -> Path:
    """The folder that an argument ``out`` stands for."""
    named = text.replace("{time}", datetime.now().strftime("%Y%m%d-%H%M%S"))
    return Path(named).expanduser().absolute()


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write ``data`` to ``path`` whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n")
    os.replace(part, path)
