"""What is known of the runs in a recording, and which task is read."""

from typing import Any

import numpy as np

from hrl_core.bags.checks import Finding, Found
from hrl_core.bags.columns import Columns
from hrl_core.bags.problems import Problem
from hrl_core.bags.tables import OBSERVATION, RUN_INFO, Tables
from hrl_core.errors import FileError, TaskError
from hrl_core.hierarchy.spec import FLAT, HierarchySpec
from hrl_core.hierarchy.text import announced_hierarchy
from hrl_core.randomisation import told_in
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task, task_difference

_LOCKSTEP = 0


class Runs:
    """RunInfo messages by run."""

    def __init__(self, tables: Tables, task: TaskSpec | None) -> None:
        """Gather them.

        Args:
            tables: what was read.
            task: the task to read; None: that of the first run whose specification is recorded.
        """
        self.problems: list[Problem] = []
        self.infos: dict[int, Any] = {}
        self.hierarchies: dict[int, HierarchySpec] = {}
        """Of the runs that tell it, or whose task does."""
        self._tasks: dict[int, TaskSpec] = {}
        """By every hash that they go by."""
        for tag, kind, stamp, message in tables.singles:
            if kind != RUN_INFO or message.run in self.infos:
                continue
            self.infos[int(message.run)] = message
            try:
                spec = parse_task(message.task, "RunInfo")
                self._tasks |= dict.fromkeys((int(known[:16], 16) for known in spec.hashes), spec)
                if message.task_hash not in spec.hashes:
                    raise TaskError(f"the specification has hash {spec.sha256[:12]}, not {message.task_hash[:12]}")
                hierarchy = announced_hierarchy(message.hierarchy, spec, "hierarchy of the RunInfo")
                self.hierarchies[int(message.run)] = hierarchy
            except (TaskError, FileError) as error:
                origin = tables.origins[tag]
                self.problems.append(Problem(origin.bag, origin.topic, stamp, None, str(error), False))
        self.task = task or next(iter(self._tasks.values()), None)

    @property
    def randomised(self) -> list[str]:
        """How episodes of the runs differ, each way once and in its own words."""
        told = (told_in(info.task) for info in self.infos.values())
        return list(dict.fromkeys(words for words in told if words))

    def lockstep(self, run: int) -> bool:
        """Whether a run is known to have been in lock-step, where nothing may be missing."""
        info = self.infos.get(run)
        return info is not None and int(info.clock_mode) == _LOCKSTEP

    def task_hash(self, recorded: int) -> int:
        """The hash of today of the task that a recorded one belongs to."""
        task = self._tasks.get(recorded)
        return recorded if task is None else task.hash64

    def told_hierarchy(self, run: int) -> HierarchySpec | None:
        """What the policy of a run chooses, by the run's own word; None: it does not say."""
        info = self.infos.get(run)
        return self.hierarchies.get(run) if info is not None and info.hierarchy else None

    def is_tree(self, run: int) -> bool:
        """Whether the levels of a run are the path of a tree."""
        return self.hierarchies.get(run, FLAT).path

    def every_step(self, run: int) -> set[int]:
        """Levels that speak at every step of a run, as far as is known."""
        levels = self.hierarchies.get(run, FLAT).levels
        return {number for number, level in enumerate(levels) if level.cadence == "every_step"}

    def check(self, observations: Columns) -> Found:
        """One task hash in an episode, that of the task read."""
        hashes = observations["task_hash"]
        odd = np.flatnonzero(hashes != hashes[0])
        if odd.size:
            text = f"the task changes within the episode: hash {hashes[0]:016x}, then {hashes[odd[0]]:016x}"
            yield Finding(OBSERVATION, int(odd[0]), text, True)
        elif self.task is not None and self.task_hash(int(hashes[0])) != self.task.hash64:
            theirs = self._tasks.get(int(hashes[0]))
            difference = "" if theirs is None else f" ({task_difference(self.task, theirs)}; read != recorded)"
            text = f"task hash {hashes[0]:016x} instead of '{self.task.name}' {self.task.hash64:016x}{difference}"
            yield Finding(OBSERVATION, 0, text, True)
