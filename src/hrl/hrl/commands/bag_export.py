"""``hrl bag export``: recorded episodes as a Parquet, Minari or LeRobot data set."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tyro

from hrl.results.lines import tell
from hrl_core.bags.reader import read_bags
from hrl_core.exports.formats import format_named
from hrl_core.exports.selection import ALL_MODES, choose_episodes
from hrl_core.task.text import load_task
from hrl_core.wording import counted


@dataclass(frozen=True)
class Export:
    """Write recorded episodes as a data set for other tools."""

    bags: tyro.conf.Positional[tuple[Path, ...]]
    """Bags or folders of bags."""
    to: str
    """parquet, minari or lerobot."""
    out: Path
    """Folder to make. For minari the data set's id is the path from Minari's folder, from the present folder elsewhere,
    such as hrl/point-maze-v0."""
    modes: tuple[str, ...] = ALL_MODES
    """Episodes recorded for these purposes."""
    task: str = ""
    """Task name or .yaml; empty: that of the first recorded run."""

    def run(self) -> int:
        """Exit code 0: everything is exported; 1: what is sound is, the rest is named."""
        form = format_named(self.to)
        form.check(self.out)
        recording = read_bags(self.bags, load_task(self.task) if self.task else None)
        for problem in recording.problems:
            tell(str(problem), style="yellow")
        selection = choose_episodes(recording, self.modes)
        found_by = str(form.found_by(self.out))
        form.export(selection, self.out)
        damaged = {problem.episode for problem in recording.problems if problem.episode and problem.left_out}
        left_out = selection.left_out + Counter({"damaged": len(damaged)})
        causes = ", ".join(f"{counted(count, 'episode')} ({cause})" for cause, count in left_out.items()) or "nothing"
        tell(
            f"{counted(len(selection.episodes), 'episode')} with {counted(selection.steps, 'step')} of "
            f"{selection.task_name} -> {self.out} ({self.to}); left out: {causes}"
        )
        if found_by:
            tell(found_by)
        return 1 if recording.problems else 0
