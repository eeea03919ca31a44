"""The ``hrl`` command. A command's module is imported when it is called: ``hrl --help`` is instant."""

import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 128 + signal.SIGINT
NO_READER = 128 + signal.SIGPIPE
"""Whoever read the output, such as ``head``, has enough of it."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What cannot be written to a file that takes the output, or to any other."""


class Command(NamedTuple):
    """One word after ``hrl``."""

    target: str
    """MODULE:FUNCTION below ``hrl.commands``; the function takes the words that follow and returns the exit code."""
    synopsis: str
    help: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 (the run failed) or 2 (it could not be started).

    What a person does to any command is dealt with here: letters that the terminal cannot show are written as escapes,
    Ctrl-C is 130, a reader that has gone 141, a disk that is full 1, all without a traceback.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _write_nowhere()
        return NO_READER
    except Exception as error:
        if _comes_of_ctrl_c(error):
            return INTERRUPTED
        if isinstance(error, OSError) and error.errno in _FULL:
            _write_nowhere()
            with suppress(OSError):
                sys.stderr.write(f"hrl: cannot write: {os.strerror(error.errno).lower()}\n")
            return FAILED
        raise
    return code


def _run(words: list[str]) -> int:
    with dying_of_ctrl_c():
        from rich.console import Console
        from rich.text import Text

        from hrl_core.errors import HrlError

    # Rich would end the process with exit code 1, as if the command had failed.
    setattr(Console, "on_broken_pipe", _no_reader)  # noqa: B010 - that it never returns is the point
    try:
        return _dispatch(words)
    except SystemExit as ended:  # tyro, after help (0) or a wrong argument (2)
        return ended.code if isinstance(ended.code, int) else 0
    except (HrlError, OSError) as error:
        told = _of_a_path(error) if isinstance(error, OSError) else str(error)
        if not told:
            raise
        message = Text(f"hrl: {told}", style="bold red")
        Console(stderr=True).print(message, soft_wrap=True, highlight=False)
        return USAGE_ERROR


def _of_a_path(error: OSError) -> str:
    """What is wrong with the path that was given; empty: the error is none of how the command is used."""
    if error.errno == errno.ENAMETOOLONG:
        return "a path is longer than this system takes"
    if error.errno == errno.ENOENT and not error.filename:
        return "the current folder is gone: change to another one"
    if error.errno in (errno.EACCES, errno.EPERM) and isinstance(error.filename, (str, bytes)):
        return f"{os.fsdecode(error.filename)}: {os.strerror(error.errno).lower()}"
    return ""


@contextmanager
def dying_of_ctrl_c() -> "Iterator[None]":
    """While modules are imported, Ctrl-C ends the process at once and without a word.

    Raised within an import it would be told with a traceback, turned into another error or lost.
    """
    if signal.getsignal(signal.SIGINT) not in (signal.default_int_handler, signal.SIG_DFL):
        yield  # somebody else minds it, or nobody shall
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _comes_of_ctrl_c(error: BaseException | None) -> bool:
    """Whether a ``KeyboardInterrupt`` became another error, as it does within the import of an extension module."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _open_what_is_closed() -> None:
    """Whoever starts a program with a stream closed (``>&-``) wants none of what it says there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))


def _no_reader(_console: object) -> NoReturn:
    raise BrokenPipeError


def _write_nowhere() -> None:
    """Spare the interpreter from flushing what nobody reads or takes, of which it would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _dispatch(words: list[str]) -> int:
    from rich.console import Console

    from hrl_core.errors import HrlError, did_you_mean

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
    module, _, function = COMMANDS[words[0]].target.partition(":")
    with dying_of_ctrl_c():
        run = getattr(importlib.import_module(f"hrl.commands.{module}"), function)
    return run(words[1:])


def _overview() -> str:
    rows = [f"  hrl {name:<10}{command.help}\n{'':16}{command.synopsis}" for name, command in COMMANDS.items()]
    title = "hrl: runs, records and trains hierarchical reinforcement-learning policies on ROS 2"
    return "\n".join([title, "", *rows, f"  hrl {'--version':<10} print the version"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hrl")
    except PackageNotFoundError:
        return "(not installed)"


COMMANDS = {
    "launch": Command(
        "launch:launch",
        "FILE name:=value ... [--show-args]",
        "start a graph of nodes, as ros2 launch does",
    ),
    "rollout": Command(
        "rollout:rollout_command",
        "--policy DIR --episodes N --seed S",
        "run episodes in this process, without ROS",
    ),
    "train": Command(
        "train:train",
        "--task NAME --steps N --seed S --out DIR [--preset fast]",
        "train a policy, resumable",
    ),
    "sweep": Command(
        "sweep:sweep",
        "--task NAME --seeds 0:5 [--set NAME=A,B] --out DIR [--jobs 2]",
        "train over seeds and values of switches, resumable",
    ),
    "evaluate": Command(
        "evaluate:evaluate_command",
        "--checkpoint DIR --episodes N [--json]",
        "success of a policy, held-out episodes",
    ),
    "plot": Command(
        "plot:plot",
        "RUN|SWEEP ... --out FILE.png",
        "success curves of training runs",
    ),
    "policy": Command(
        "policy:policy",
        "init | show | export | convert | swap",
        "make an untrained policy, look at one, ship one, write one in the present format, exchange a node of a tree",
    ),
    "bag": Command(
        "bag:bag",
        "info | check | recover | play | export | import | upload DIR",
        "look at recordings, play, save, export them, import demonstrations, copy them to a store",
    ),
    "catalogue": Command(
        "catalogue:catalogue",
        "list | verify | rebuild DIR",
        "what a folder of recordings holds, row by row",
    ),
    "report": Command(
        "report:report",
        "BAG|RUN|SWEEP --out FILE.html",
        "one page about a recording (paths, curves, latency) or a sweep",
    ),
    "video": Command(
        "video:video",
        "--checkpoint DIR --out FILE.gif|.mp4",
        "a film of a policy with its subgoals",
    ),
    "relabel": Command(
        "relabel:relabel",
        "BAG ... --checkpoint DIR --out DIR",
        "off-policy correction of recorded subgoals",
    ),
    "task": Command(
        "task:task",
        "list | show | new ENV_ID --out FILE",
        "shipped tasks, task specifications, one for an environment of your own",
    ),
    "teleop": Command(
        "teleop:teleop",
        "[--namespace NAME]",
        "the keyboard as a joystick, to demonstrate with",
    ),
    "top": Command(
        "top:top",
        "[--once] [--json] [--fleet]",
        "a live table of how the running nodes are, or robots",
    ),
    "discovery": Command(
        "discovery:discovery",
        "[--address A] [--port P]",
        "a server by which nodes of many hosts find each other",
    ),
    "doctor": Command(
        "doctor:doctor",
        "[--json] [--clean] [--cluster HOST:PORT]",
        "check installation, machine, DDS, the running graph, a cluster",
    ),
    "bench": Command(
        "bench:main",
        "NAME [--json]",
        "run a benchmark",
    ),
    "compare": Command(
        "compare:compare",
        "flat|hiro-table|hierarchy --out DIR [--table]",
        "our flat learners against those of stable-baselines3; HIRO's table; hierarchies side by side",
    ),
}
