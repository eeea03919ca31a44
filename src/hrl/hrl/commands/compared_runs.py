"""What comparisons that train by ``hrl train`` have in common: planned runs, the words to make them, how it ended."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from hrl.commands.train_arguments import parse_training
from hrl.sweeps.sweep_run import SweepRun

_FAILED, _INTERRUPTED = 1, 130
_FOLDERS = {"--frozen_skills": str, "--demos": lambda folder: [folder]}
"""Words whose folder is another one for each seed."""


def run_of(out: Path, place: Path, words: tuple[str, ...], before: Sequence[SweepRun]) -> SweepRun:
    """The run that ``words`` of ``hrl train`` make at ``place`` within ``out``.

    Where one of another seed has been planned ``before``, words are not read again.

    Raises:
        HrlError: they contradict themselves.
    """
    config = before[0].config if before else parse_training([*words, "--out", str(out / place)]).stored()
    own = {"seed": int(words[words.index("--seed") + 1])}
    for name, told in _FOLDERS.items():
        if name in words:
            own[name.removeprefix("--")] = told(words[words.index(name) + 1])
    return SweepRun(str(place), out / place, words, {**config, **own})


def print_commands(runs: Iterable[SweepRun]) -> None:
    """One a line, those of runs that are left."""
    for run in dict.fromkeys(runs):
        if not run.finished:
            Console().print(run.command, markup=False, highlight=False, soft_wrap=True)


def told(failed: Sequence[tuple[str, str]], stopped: bool) -> int:
    """Say what failed, and how to go on; returns the exit code."""
    console = Console(stderr=True, highlight=False)
    for name, why in failed:
        console.print(f"hrl: {name}: {why}", style="bold red", markup=False, soft_wrap=True)
    if stopped:
        console.print("stopped; the same command goes on", soft_wrap=True)
        return _INTERRUPTED
    return _FAILED if failed else 0
