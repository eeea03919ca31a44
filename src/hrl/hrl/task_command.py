"""``hrl task``: list the shipped tasks, print a task specification."""

from dataclasses import dataclass

import tyro
from rich.console import Console
from rich.table import Table

from hrl.tables import show
from hrl_core.task import load_task, shipped_tasks


@dataclass(frozen=True)
class List:
    """List the tasks that come with the project."""

    def run(self) -> int:
        """Print one row per task."""
        table = Table("task", "environment", "state", "action", "goal", "subgoal", "c", "steps")
        for task in map(load_task, shipped_tasks()):
            sizes = (len(task.observation), len(task.action), len(task.goal), len(task.subgoal.elements))
            counts = (*sizes, task.subgoal.period, task.max_episode_steps)
            table.add_row(task.name, task.env_id, *map(str, counts))
        show(table)
        return 0


@dataclass(frozen=True)
class Show:
    """Print a task specification as YAML."""

    task: tyro.conf.Positional[str]
    """Shipped task name or .yaml task specification."""

    def run(self) -> int:
        """Print the specification, a valid task file itself."""
        task = load_task(self.task)
        text = f"# sha256 of the canonical form: {task.sha256}\n{task.to_yaml()}"
        Console().print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return 0


def task(words: list[str]) -> int:
    """Run ``hrl task`` with the words that follow it; returns the exit code."""
    return tyro.cli(List | Show, prog="hrl task", description=__doc__, args=words).run()
