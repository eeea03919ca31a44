"""The ``hrl`` command. A command's modules are imported when it is called: ``hrl --help`` is instant."""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from hrl_core.errors import HrlError, did_you_mean

USAGE_ERROR = 2
INTERRUPTED = 130


class Command(NamedTuple):
    """One word after ``hrl``."""

    synopsis: str
    help: str
    run: Callable[[list[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 (the run failed) or 2 (it could not be started)."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except HrlError as error:
        message = Text(f"hrl: {error}", style="bold red")
        Console(stderr=True).print(message, soft_wrap=True, highlight=False)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        Console().print(_overview(), markup=False, highlight=False, soft_wrap=True)
        return 0 if words else USAGE_ERROR
    if words[0] == "--version":
        Console().print(f"hrl {_version()}", highlight=False)
        return 0
    if words[0] not in COMMANDS:
        raise HrlError(
            f"unknown command '{words[0]}'{did_you_mean(words[0], COMMANDS)}; commands are: {', '.join(COMMANDS)}"
        )
    return COMMANDS[words[0]].run(words[1:])


def _overview() -> str:
    rows = [f"  hrl {name:<10}{command.help}\n{'':16}{command.synopsis}" for name, command in COMMANDS.items()]
    title = "hrl: runs, records and trains hierarchical reinforcement-learning policies on ROS 2"
    return "\n".join([title, "", *rows, f"  hrl {'--version':<10} print the version"])


def _version() -> str:
    try:
        return version("hrl")
    except PackageNotFoundError:
        return "(not installed)"


def _launch(words: list[str]) -> int:
    from hrl.launch_command import launch

    return launch(words)


def _bench(words: list[str]) -> int:
    from hrl.bench import main as bench

    bench(words)
    return 0


def _policy(words: list[str]) -> int:
    from hrl.policy_command import policy

    return policy(words)


def _task(words: list[str]) -> int:
    from hrl.task_command import task

    return task(words)


def _bag(words: list[str]) -> int:
    from hrl.bag_command import bag

    return bag(words)


def _train(words: list[str]) -> int:
    from hrl.train_arguments import learns_from_bags

    if learns_from_bags(words):
        from hrl.train_from_bags_command import train_from_bags

        return train_from_bags(words)
    from hrl.train_command import train

    return train(words)


def _relabel(words: list[str]) -> int:
    from hrl.relabel_command import relabel

    return relabel(words)


def _evaluate(words: list[str]) -> int:
    from hrl.evaluate_command import evaluate_command

    return evaluate_command(words)


def _plot(words: list[str]) -> int:
    from hrl.plot_command import plot

    return plot(words)


def _report(words: list[str]) -> int:
    from hrl.report_command import report

    return report(words)


def _video(words: list[str]) -> int:
    from hrl.video_command import video

    return video(words)


def _rollout(words: list[str]) -> int:
    from hrl.rollout_command import rollout_command

    return rollout_command(words)


def _top(words: list[str]) -> int:
    from hrl.top_command import top

    return top(words)


def _doctor(words: list[str]) -> int:
    from hrl.doctor_command import doctor

    return doctor(words)


COMMANDS = {
    "launch": Command("FILE name:=value ... [--show-args]", "start a graph of nodes, as ros2 launch does", _launch),
    "rollout": Command("--policy DIR --episodes N --seed S", "run episodes in this process, without ROS", _rollout),
    "train": Command("--task NAME --steps N --seed S --out DIR [--preset fast]", "train a policy, resumable", _train),
    "evaluate": Command("--checkpoint DIR --episodes N [--json]", "success of a policy, held-out episodes", _evaluate),
    "plot": Command("RUN ... --out FILE.png", "success curves of training runs", _plot),
    "policy": Command("init | show | export", "make an untrained policy, look at one, ship one", _policy),
    "bag": Command("info | check | recover | play | export DIR", "look at recordings, play, save, export them", _bag),
    "report": Command("BAG|RUN --out FILE.html", "one page about a recording: paths, curves, latency", _report),
    "video": Command("--checkpoint DIR --out FILE.gif|.mp4", "a film of a policy with its subgoals", _video),
    "relabel": Command("BAG ... --checkpoint DIR --out DIR", "off-policy correction of recorded subgoals", _relabel),
    "task": Command("list | show", "list the shipped tasks, print a task specification", _task),
    "top": Command("[--once] [--json]", "a live table of how the running nodes are", _top),
    "doctor": Command("[--json] [--clean]", "check installation, machine, DDS and the running graph", _doctor),
    "bench": Command("NAME [--json]", "run a benchmark", _bench),
}
