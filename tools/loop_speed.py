"""Environment steps per second of `hrl train --preset fast` with the sources of another commit, and with those here.

`make loop-speed BASE=COMMIT`: the other commit's loop, ours one after the other, ours with overlap, in turn. A run's
rate is that of the steps by which it is longer than a short one, so that its start and its end cost nothing. Wants two
free cores.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from other_commits import ROOT, hrl, sources_of, told_last

STARTS = 600
"""Steps until both levels learn."""
RUN = (
    f"--task AntMaze --preset fast --seed 0 --learning_starts {STARTS} --manager_learning_starts {STARTS}"
    f" --warm_start_steps {STARTS} --replay 60000 --evaluation_episodes 1 --evaluation_interval 1000000"
)
IN_TURN, OVERLAP = "one after the other", "with overlap"


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="HEAD", help="commit to compare with (default: HEAD)")
    parser.add_argument("--steps", type=int, default=8_000, help="environment steps measured at a time (default: 8000)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured (default: 3)")
    options = parser.parse_args(words)
    with sources_of(ROOT, options.base) as base:
        kinds = {options.base: (base, ""), IN_TURN: (ROOT, "--no_overlap"), OVERLAP: (ROOT, "--overlap")}
        rates: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(options.rounds):
            for name, (tree, switch) in kinds.items():
                rates[name].append(_rate(tree, switch, options.steps))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, values in rates.items():
        each = " ".join(f"{rate:.0f}" for rate in values)
        print(f"{name:24}{medians[name]:6.0f} env steps/s, {medians[name] / medians[options.base]:.2f} x   ({each})")
    return 0


def _rate(tree: Path, switch: str, steps: int) -> float:
    """Environment steps per second, of those beyond a short run's."""
    short = 2 * STARTS
    less, more = (_seconds(tree, switch, count) for count in (short, short + steps))
    return steps / (more - less)


def _seconds(tree: Path, switch: str, steps: int) -> float:
    with tempfile.TemporaryDirectory() as out:
        begun = time.perf_counter()
        done = hrl(tree, "train", *RUN.split(), *switch.split(), "--steps", str(steps), "--out", f"{out}/run")
        seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{tree}: hrl train: {told_last(done)}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
