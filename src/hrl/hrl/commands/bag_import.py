"""``hrl bag import``: demonstrations of another data set as a bag."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hrl.launching.environment import need_ros
from hrl.results.lines import tell
from hrl_core.errors import HrlError
from hrl_core.exports.folder import refuse_existing
from hrl_core.imports.episodes import fingerprint, imported
from hrl_core.imports.formats import source_named
from hrl_core.task.text import load_task
from hrl_core.wording import counted


@dataclass(frozen=True)
class Import:
    """Make a bag of demonstrations (mode DEMO) of a data set of other tools."""

    source: tyro.conf.Positional[Path]
    """The data set: Minari's or LeRobot's folder, robomimic's .hdf5 file."""
    form: Annotated[str, tyro.conf.arg(name="from")]
    """minari, lerobot or robomimic."""
    task: str
    """Task name or .yaml that the episodes are of."""
    out: Path
    """Bag directory to make."""
    keys: tuple[str, ...] = ()
    """What the task's observation is made of, in its order, by the data set's own names; none: the usual name."""

    def run(self) -> int:
        """Exit code 0: everything is imported."""
        source, task = source_named(self.form), load_task(self.task)
        refuse_existing(self.out)
        need_ros()
        from hrl.commands.imported_bag import write_bag

        episodes = list(imported(task, source.read(self.source, self.keys), str(self.source)))
        if not episodes:
            raise HrlError(f"{self.source}: holds no episode")
        sha256 = fingerprint(episodes)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HrlError(f"{self.out} cannot be written: {error}") from error
        write_bag(self.out, task, episodes, int(sha256[:16], 16), f"{self.form} {self.source.name}, sha256 {sha256}")
        steps, succeeded = sum(episode.steps for episode in episodes), sum(bool(e.success[-1]) for e in episodes)
        tell(
            f"{counted(len(episodes), 'demonstration')} with {counted(steps, 'step')} of {task.name}, "
            f"{succeeded} successful -> {self.out}"
        )
        return 0
