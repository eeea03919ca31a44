"""The tables of docs/results.md on SNN4HRL.

`python tools/snn4hrl_tables.py skills RUN...` tells what skills of runs do when each is left alone, `blind RUN` how
often who chooses among them at random gets there, `tracks RUN --out FILE` draws where they lead.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.algorithms.mlsh.protocol import skill_alone
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.algorithms.snn4hrl.information import cells, information
from hrl_core.algorithms.snn4hrl.manager import ManagerLearner
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.checkpoints.manifest import GREEDY
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.threads import limit_threads
from hrl_core.training.presets import stored_config
from hrl_core.training.run_files import RunFolder

mpl.use("agg")
import matplotlib.pyplot as plt

Float64 = npt.NDArray[np.float64]
HELD_OUT = 2_000_000
"""Seed of episodes that no training has seen."""


def agent_of(run: Path) -> Snn4hrlConfig:
    """The switches of a run."""
    stored = RunFolder(run).config()
    return stored_config({k: v for k, v in stored.items() if k not in ("task", "task_hash", "seed")}).agent


def ways(run: Path, episodes: int) -> Float64:
    """Where each skill leads by its means: (skills, steps + 1, episodes, 2) [m]; an ended episode stays at its end."""
    policy = dataclasses.replace(load_checkpoint(run / "last"), evaluation=GREEDY)
    names = [element.name for element in policy.task.observation]
    position = [names.index(name) for name in agent_of(run).position]
    envs = VectorEnv(policy.task, episodes, HELD_OUT)
    count = policy.actor("worker").skills
    told = [skill_alone(policy, envs, skill).states[:, :, position] for skill in range(count)]
    steps = max(map(len, told))
    return np.stack([np.concatenate((way, np.repeat(way[-1:], steps - len(way), axis=0))) for way in told])


def skills(runs: list[Path], episodes: int) -> None:
    """A row for each run: information, speed, directions."""
    print("| run | I(z; cell) [nat] | way of a step [m] | straight from start to end [m] | directions [deg] |")
    print("|---|---|---|---|---|")
    for run in runs:
        way, agent = ways(run, episodes), agent_of(run)
        count = len(way)
        latents = np.repeat(np.arange(count), way[0, 1:, :, 0].size)
        places = cells(way[:, 1:].reshape(-1, 2), agent.cell)
        steps = np.linalg.norm(np.diff(way, axis=1), axis=-1).mean()
        ends = way[:, -1] - way[:, 0]
        far = np.linalg.norm(ends, axis=-1).mean(axis=1)
        angles = np.degrees(np.arctan2(*ends.mean(axis=1).T[::-1]))
        row = f"{information(latents, places, count):.2f} | {steps:.3f} | {' '.join(f'{one:.1f}' for one in far)} "
        print(f"| {run.name} | {row}| {' '.join(f'{one:.0f}' for one in angles)} |")


def blind(run: Path, episodes: int) -> None:
    """Success of an untrained manager, to whom all skills are as good as alike, over the skills of a run."""
    task, agent = load_task(run / "task.yaml"), agent_of(run)
    envs = VectorEnv(task, 20, HELD_OUT)
    # Room for all of it: nothing is learned.
    room = (episodes // envs.num_envs + 1) * task.max_episode_steps
    manager = ManagerLearner(task, dataclasses.replace(agent, rollout_steps=room), envs, HELD_OUT)
    ended = reached = 0
    while ended < episodes:
        step = envs.step(manager.act())
        manager.observe(step)
        ended, reached = ended + int(step.ended.sum()), reached + int((step.ended & step.successes).sum())
    print(f"{run.name}: {reached} of {ended} episodes")


def tracks(run: Path, out: Path, episodes: int) -> None:
    """Draw where skills lead by their means."""
    figure, axes = plt.subplots(figsize=(5, 4.4), layout="constrained")
    for skill, way in enumerate(ways(run, episodes)):
        for episode in range(way.shape[1]):
            label = f"skill {skill}" if not episode else None
            axes.plot(*way[:, episode].T, color=f"C{skill}", lw=1, label=label)
    axes.set(
        xlabel="x [m]", ylabel="y [m]", aspect="equal", title=f"{load_task(run / 'task.yaml').name}: each skill alone"
    )
    axes.legend(fontsize="small")
    figure.savefig(out, dpi=90)


def main() -> None:
    """Print a table or draw."""
    limit_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    each = commands.add_parser("skills")
    each.add_argument("runs", type=Path, nargs="+")
    each.add_argument("--episodes", type=int, default=20)
    random = commands.add_parser("blind")
    random.add_argument("run", type=Path)
    random.add_argument("--episodes", type=int, default=320)
    drawn = commands.add_parser("tracks")
    drawn.add_argument("run", type=Path)
    drawn.add_argument("--out", type=Path, required=True)
    drawn.add_argument("--episodes", type=int, default=8)
    told = parser.parse_args()
    if told.command == "skills":
        skills(told.runs, told.episodes)
    elif told.command == "blind":
        blind(told.run, told.episodes)
    else:
        tracks(told.run, told.out, told.episodes)


if __name__ == "__main__":
    main()
