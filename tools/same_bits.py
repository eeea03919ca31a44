"""Train a little with the sources of another commit and with those here: `make same-bits BASE=COMMIT`.

Whoever moves code wants the same weights to the last bit. Each of the short runs below is made twice, and their last
policies compared; exit code 1 if one differs. Bits are of this machine: they are compared, never written down.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from other_commits import ROOT, hrl, sources_of, told_last

SHORT = "--seed 3 --evaluation_episodes 1"
NUMPY = "--products numpy"
"""Of runs that would measure, each for itself, which library is quicker; others have no choice and refuse one."""
HIRO = f"{NUMPY} --num_envs 4 --evaluation_episodes_elsewhere 1"
RUNS = {
    "hiro fast": f"--task AntMaze --preset fast --steps 3000 {HIRO}",
    "hiro fast, in turn": f"--task AntMaze --preset fast --steps 3000 {HIRO} --no_overlap",
    "hiro paper": f"--task PointMaze --preset paper --steps 3000 --learning_starts 500 {HIRO}",
    "hiro paper, in turn": f"--task PointMaze --preset paper --steps 3000 --learning_starts 500 {HIRO} --no_overlap",
    "hiro by autograd": "--task PointMaze --preset paper --steps 1500 --learning_starts 300 --num_envs 4"
    " --worker.no_fast --manager.no_fast --evaluation_episodes_elsewhere 1",
    "flat td3": f"{NUMPY} --algorithm flat --task pendulum --steps 3000 --learning_starts 500",
    "flat sac": "--algorithm flat --learner sac --task pendulum --steps 800 --learning_starts 200",
    "flat ddpg": "--algorithm flat --learner ddpg --task pendulum --steps 800 --learning_starts 200",
    "flat dqn": "--algorithm flat --learner dqn --task cart_pole --steps 1500 --learning_starts 200",
    "flat ppo": "--algorithm flat --learner ppo --task pendulum --steps 4096",
    "flat a2c": "--algorithm flat --learner a2c --task cart_pole --steps 4000",
    "vime": "--algorithm flat --preset vime --task mountain_car --steps 6000",
    "hac": "--algorithm hac --task mountain_car --steps 1500",
    "option-critic": "--algorithm option_critic --task four_rooms_point --steps 3000",
    "mlsh": "--algorithm mlsh --task movement_bandits --steps 4000",
    "snn4hrl": "--algorithm snn4hrl --task point_field --steps 4000",
    "fun": "--algorithm fun --task t_maze --steps 4000",
    "tree": "--algorithm tree --task lane_drive --steps 4000",
}


def main(words: Sequence[str] | None = None) -> int:
    """Make all runs twice; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="HEAD", help="commit to compare with (default: HEAD)")
    parser.add_argument("--only", nargs="+", default=RUNS, choices=RUNS, metavar="RUN", help=f"of: {', '.join(RUNS)}")
    options = parser.parse_args(words)
    different = 0
    with sources_of(ROOT, options.base) as base:
        for run in options.only:
            before, now = (_trained(tree, run) for tree in (base, ROOT))
            same = bool(now) and before == now
            different += not same
            print(f"{run:24}{'same' if same else 'DIFFERENT'}  {before or 'none'}  {now or 'none'}", flush=True)
    return int(different > 0)


def _trained(tree: Path, run: str) -> str:
    """The beginning of the digest of the weights that the sources of a tree come to; empty: none, and why is told."""
    with tempfile.TemporaryDirectory() as out:
        done = hrl(tree, "train", *SHORT.split(), *RUNS[run].split(), "--out", out)
        found = sorted(Path(out, "last").rglob("*.safetensors"))
        if done.returncode or not found:
            print(f"{run} of {tree}: {told_last(done)}", file=sys.stderr)
            return ""
        return hashlib.sha256(b"".join(weights.read_bytes() for weights in found)).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
