"""Reads damaged files through the real commands and holds the law of errors: ``fuzz_files.py --mutations 1000``.

Recordings, checkpoints, task and robot files and the JSON files of a run are damaged at random, by a seed, in bytes, in
words and in values. A command that meets one ends in time, without a traceback and without eating memory: with success
where the damage does not matter, else with one sentence and an exit code that is not 0.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

if __name__ == "__main__":
    from hrl.launching.environment import ensure_ros_environment

    ensure_ros_environment()

import fuzz_damage
import fuzz_seeds

# Loaded once, before any process is forked.
import hrl.report.page  # noqa: F401
import hrl_core.exports.parquet_tables  # noqa: F401
import hrl_viz.relabelling  # noqa: F401
from hrl import cli
from hrl.commands import launch as launch_command

LIMIT = 30.0
"""Seconds after which a command is taken to hang."""
MOST_MEMORY = 300e6
"""Bytes that a command may need beyond what it needs for the sound file."""
CRASHED = 70


class Case(NamedTuple):
    """One kind of file and the commands that read it."""

    file: str
    """Path below the folder of sound files."""
    damage: Callable[[bytes, Random], bytes]
    commands: tuple[tuple[str, ...], ...]
    """Words after ``hrl``; ``@`` stands for the folder of files, ``%`` for an empty one."""


def _of_bag(bag: str) -> tuple[tuple[str, ...], ...]:
    return (
        ("bag", "info", f"@/{bag}"),
        ("bag", "info", "--json", f"@/{bag}"),
        ("bag", "check", f"@/{bag}"),
        ("bag", "recover", f"@/{bag}", "--out", "%/bag"),
        ("bag", "export", f"@/{bag}", "--to", "parquet", "--out", "%/tables"),
        ("report", f"@/{bag}", "--policy", "", "--out", "%/page.html"),
    )


_POLICY = (("policy", "show", "@/policy"), ("rollout", "--policy", "@/policy", "--episodes", "1"))
_TASK = (("task", "show", "@/task.yaml"), ("policy", "init", "--task", "@/task.yaml", "--out", "%/policy"))
_ROBOT = ("launch", "hiro_ant.launch.py", "robot:=real", "robot_config:=@/robot.yaml", "out:=%/run")
_RUN = ("report", "@/run", "--policy", "auto", "--out", "%/page.html")
CASES = (
    Case("zstd/zstd.mcap", fuzz_damage.in_bytes, _of_bag("zstd")),
    Case("plain/plain.mcap", fuzz_damage.in_bytes, _of_bag("plain")),
    Case("plain/plain.mcap", fuzz_damage.in_words, _of_bag("plain/plain.mcap")),
    Case("sqlite/sqlite.db3", fuzz_damage.in_bytes, _of_bag("sqlite")),
    Case("zstd/metadata.yaml", fuzz_damage.in_text, _of_bag("zstd")),
    Case("sqlite/metadata.yaml", fuzz_damage.in_text, _of_bag("sqlite")),
    Case("policy/policy.json", fuzz_damage.in_json, _POLICY),
    Case("policy/policy.json", fuzz_damage.in_text, _POLICY),
    Case("policy/weights.safetensors", fuzz_damage.in_weights, _POLICY),
    Case("policy/task.yaml", fuzz_damage.in_text, _POLICY),
    Case("task.yaml", fuzz_damage.in_text, _TASK),
    Case("task.yaml", fuzz_damage.in_bytes, _TASK),
    Case("robot.yaml", fuzz_damage.in_text, (_ROBOT,)),
    Case("robot.yaml", fuzz_damage.in_bytes, (_ROBOT,)),
    Case("run/summary.json", fuzz_damage.in_json, (_RUN,)),
    Case("run/simulator.json", fuzz_damage.in_json, (_RUN,)),
    Case("run/launch.json", fuzz_damage.in_json, (_RUN,)),
)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    """-1: it hung."""
    output: str
    errors: str
    memory: float
    """Most bytes in memory."""


@dataclass
class Outcome:
    """What a campaign found."""

    cases: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    """What broke the law, and how to see it again."""
    most_memory: float = 0.0
    """Bytes beyond the sound file's."""
    longest: float = 0.0
    """Seconds of the longest command."""


def campaign(
    mutations: int, seed: int, folder: Path, first: int = 0, told: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Damage one file after the other and read it; the same seed and number damage the same.

    Args:
        mutations: how many.
        seed: of the damage.
        folder: an empty one, for files.
        first: number of the first.
        told: hears of each violation.
    """
    sound, damaged = folder / "sound", folder / "damaged"
    fuzz_seeds.make(sound)
    outcome, baselines = Outcome(), dict[tuple[str, ...], float]()
    for number in range(first, first + mutations):
        random = Random(f"{seed}/{number}")
        case = CASES[number % len(CASES)]
        command = random.choice(case.commands)
        if command not in baselines:
            ended = _run(command, sound)
            if ended.code != 0:
                raise RuntimeError(f"hrl {' '.join(command)} fails on sound files: {ended.output}{ended.errors}")
            baselines[command] = ended.memory
        _damage(case, sound, damaged, random)
        started = time.monotonic()
        ended = _run(command, damaged)
        memory = ended.memory - baselines[command]
        outcome.cases += 1
        outcome.codes[ended.code] += 1
        outcome.most_memory = max(outcome.most_memory, memory)
        outcome.longest = max(outcome.longest, time.monotonic() - started)
        if problem := broken(ended, memory):
            outcome.violations.append(
                f"--seed {seed} --first {number}: {case.file}, hrl {' '.join(command)}: {problem}"
            )
            told(outcome.violations[-1])
    return outcome


def broken(ended: Ended, memory: float) -> str:
    """How an end breaks the law; empty: it does not."""
    lines = [line for line in ended.errors.splitlines() if line.strip()]
    if ended.code == -1:
        return f"hangs: not over after {LIMIT:g} s"
    if "Traceback" in ended.errors + ended.output or ended.code not in (0, 1, 2):
        return f"exit code {ended.code}\n{ended.errors[-3000:]}"
    if ended.code == 2 and len(lines) != 1:
        return f"{len(lines)} lines instead of one sentence: {ended.errors[:1000]}"
    return f"needs {memory / 1e6:.0f} MB" if memory > MOST_MEMORY else ""


def _damage(case: Case, sound: Path, damaged: Path, random: Random) -> None:
    """Copy the sound files and damage one of them."""
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(sound, damaged)
    file = damaged / case.file
    file.write_bytes(case.damage(file.read_bytes(), random))
    if case.damage is fuzz_damage.in_weights and random.random() < 0.8:
        # As if they had been written so: what the hash keeps out is one thing, what it lets in the other.
        manifest = json.loads((file.parent / "policy.json").read_text())
        manifest["weights_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        (file.parent / "policy.json").write_text(json.dumps(manifest))


def _run(command: tuple[str, ...], files: Path) -> Ended:
    """Run ``hrl`` in a forked process, so that nothing it does or needs stays here."""
    with tempfile.TemporaryDirectory(dir=files.parent) as empty:
        words = [word.replace("@", str(files), 1).replace("%", empty, 1) for word in command]
        output, errors = Path(empty, ".output"), Path(empty, ".errors")
        pid = os.fork()
        if pid == 0:
            _child(words, output, errors)
        end = time.monotonic() + LIMIT
        while True:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                _, _, usage = os.wait4(pid, 0)
                return Ended(-1, "", "", usage.ru_maxrss * 1024)
            time.sleep(0.002)
        said, told = (path.read_text(errors="replace") if path.exists() else "" for path in (output, errors))
        return Ended(os.waitstatus_to_exitcode(status), said, told, usage.ru_maxrss * 1024)


def _child(words: list[str], output: Path, errors: Path) -> None:
    """The command's own process; never returns."""
    code = CRASHED
    try:
        for number, path in ((1, output), (2, errors)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        # What can be launched is not: reading it is what is tried.
        launch_command.run_graph = lambda graph, console: 0
        code = cli.main(words)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> int:
    """Run a campaign and tell what it found; exit code 1: the law was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = campaign(
            options.mutations, options.seed, Path(folder), options.first, lambda text: print(text, flush=True)
        )
    codes = ", ".join(f"{count} ended with {code}" for code, count in sorted(outcome.codes.items()))
    print(
        f"{outcome.cases} damaged files: {codes}; {len(outcome.violations)} broke the law; at most "
        f"{outcome.most_memory / 1e6:.0f} MB more than for the sound file, {outcome.longest:.1f} s"
    )
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
