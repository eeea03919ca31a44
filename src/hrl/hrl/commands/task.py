"""``hrl task``: list the shipped tasks, print a task specification, write one for an environment."""

import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.results.lines import tell
from hrl.results.tables import show
from hrl_core.documents import read_yaml
from hrl_core.errors import HrlError, TaskError
from hrl_core.own_modules import look_beside
from hrl_core.task.given_commands import with_observed_commands
from hrl_core.task.spec import PlainData, TaskSpec
from hrl_core.task.text import load_task, parse_task, shipped_tasks
from hrl_core.typed_fields import read_table
from hrl_core.whole_folders import writable, write_whole

if TYPE_CHECKING:
    from hrl_core.envs.survey import Survey

_ROBOTICS = "gymnasium_robotics"


@dataclass(frozen=True)
class List:
    """List the tasks that come with the project."""

    def run(self) -> int:
        """Print one row per task."""
        table = Table("task", "environment", "state", "action", "goal", "subgoals", "steps")
        for task in map(load_task, shipped_tasks()):
            sizes = map(str, (len(task.observation), len(task.action), len(task.goal)))
            subgoals = " or ".join(str(len(ranges)) for ranges in task.goal_spaces.values())
            table.add_row(task.name, task.env_id, *sizes, subgoals, str(task.max_episode_steps))
        show(table)
        return 0


@dataclass(frozen=True)
class Show:
    """Print a task specification as YAML."""

    task: tyro.conf.Positional[str]
    """Shipped task name or .yaml task specification."""
    observe_commands: int = 0
    """Put the commands of so many steps before into the observation, for robots on which commands arrive late."""

    def run(self) -> int:
        """Print the specification, a valid task file itself."""
        task = load_task(self.task)
        if self.observe_commands:
            task = with_observed_commands(task, self.observe_commands)
        text = f"# sha256 of the canonical form: {task.sha256}\n{task.to_yaml()}"
        Console().print(Text(text), soft_wrap=True, end="")
        return 0


@dataclass(frozen=True)
class New:
    """Write a task specification for an environment of your own; names are for you to fill in."""

    env_id: tyro.conf.Positional[str]
    """Gymnasium id; module:Id imports a module, installed, in the current folder, or beside the file to write."""
    out: Path
    """File to write, ending in .yaml."""
    kwargs: str = "{}"
    """Arguments of the environment, as YAML: '{maze_size_scaling: 2}'."""
    steps: int = 2000
    """Random steps to take."""
    seed: int = 0
    """Of resets and actions."""

    def run(self) -> int:
        """Look at the environment, write the file, say how to go on; refuses to overwrite."""
        # Loads MuJoCo.
        from hrl.commands.task_new import task_text

        self._check()
        options = self._options()
        look_beside(self.out)
        text = task_text(self.out.stem, options, self._survey(options))
        task = parse_task(text, str(self.out))
        with writable(f"--out {self.out}"):
            write_whole(self.out, text)
        tell(f"task written to {self.out}; fill in its names, then: {_next_command(task, self.out)}")
        return 0

    def _check(self) -> None:
        if self.out.suffix not in (".yaml", ".yml"):
            raise HrlError(f"--out {self.out}: the ending must be .yaml")
        if self.out.exists():
            raise HrlError(f"{self.out} exists already; remove it or choose another name")
        if self.steps < 100:
            raise HrlError(f"--steps {self.steps}: must be 100 or more")

    def _options(self) -> dict[str, Any]:
        """Arguments of the environment, as a task file would have them."""
        document = read_yaml(self.kwargs, "--kwargs")
        if not isinstance(document.data, dict | None):
            raise HrlError(f"--kwargs {self.kwargs}: needs a YAML mapping of names to values, as '{{name: value}}'")
        return read_table(PlainData, document)

    def _survey(self, options: dict[str, Any]) -> "Survey":
        """What is seen."""
        from gymnasium.error import NameNotFound

        from hrl_core.envs.survey import survey

        about = (options, self.steps, self.seed)
        try:
            return survey(self.out.stem, self.env_id, *about)
        except TaskError as error:
            # Its ids are given without the module that registers them everywhere else.
            bare = isinstance(error.__cause__, NameNotFound) and ":" not in self.env_id
            if not bare or find_spec(_ROBOTICS) is None:
                raise
            return survey(self.out.stem, f"{_ROBOTICS}:{self.env_id}", *about)


def _next_command(task: TaskSpec, path: Path) -> str:
    """What to try first: managers need goal spaces, and not every learner chooses."""
    quoted = shlex.quote(str(path))
    if task.choices:
        return f"hrl train --task {quoted} --out runs/first --algorithm flat --learner dqn"
    return f"hrl train --task {quoted} --out runs/first" + ("" if task.goal_spaces else " --algorithm flat")


def task(words: list[str]) -> int:
    """Run ``hrl task`` with the words that follow it; returns the exit code."""
    return tyro.cli(List | Show | New, prog="hrl task", description=__doc__, args=words).run()
