"""The tables of docs/results.md on MLSH.

`python tools/mlsh_tables.py fresh RUN` learns fresh masters over the skills of a run and writes `fresh.json` into it,
`alone RUN` tries each skill on each task (`alone.json`), `baselines TASK` says what a random policy and an oracle earn,
`table RUN...` makes a row of the runs of one setting, `tracks POLICY` draws where an ant goes under each skill.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.algorithms.mlsh.protocol import by_goal, fresh_masters, skill_alone
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.checkpoints.manifest import GREEDY, SAMPLED
from hrl_core.envs.four_rooms import EAST_HALLWAY
from hrl_core.envs.movement_bandits import MOVES, RADIUS
from hrl_core.envs.vector import VectorEnv
from hrl_core.four_rooms import NUM_CELLS, NUMBER, Dynamics, outcomes, transition_matrix
from hrl_core.statistics import bootstrap_interval, mean
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.threads import limit_threads
from hrl_core.training.presets import stored_config
from hrl_core.training.run_files import RunFolder

mpl.use("agg")
import matplotlib.pyplot as plt

Float64 = npt.NDArray[np.float64]
HELD_OUT = 2_000_000
"""Added to the seed of a run: of masters and episodes that its training has not seen."""


def fresh(run: Path, masters: int, updates: int) -> None:
    """Fresh masters, as many on each task, each with as many environments as in training."""
    stored = RunFolder(run).config()
    config = stored_config({k: v for k, v in stored.items() if k not in ("task", "task_hash", "seed")})
    task, seed, began = load_task(run / "task.yaml"), stored["seed"] + HELD_OUT, time.process_time()
    each = config.num_envs // config.agent.groups
    envs = VectorEnv(task, masters * each, seed)
    agent = dataclasses.replace(config.agent, groups=masters)
    learned = fresh_masters(task, agent, envs, str(run / "last"), updates, seed)
    told = {
        "goals": learned.goals,
        "returns": np.round(learned.returns, 4).tolist(),
        "steps_of_an_update": each * (agent.rollout_steps or task.max_episode_steps),
        "processor_seconds": round(time.process_time() - began, 1),
    }
    (run / "fresh.json").write_text(json.dumps(told) + "\n")
    for goal, returns in by_goal(learned.goals, learned.returns).items():
        print(goal, " ".join(f"{value:.1f}" for value in returns.mean(axis=1)))
    print("mean", " ".join(f"{value:.1f}" for value in learned.returns.mean(axis=1)))


def alone(run: Path, episodes: int) -> None:
    """Each skill on each task, greedy and drawn."""
    policy = load_checkpoint(run / "last")
    task, told = policy.task, {}
    for evaluation in (GREEDY, SAMPLED):
        own = dataclasses.replace(policy, evaluation=evaluation)
        rows = told[evaluation] = []
        for goal in task.evaluation_goals:
            envs = VectorEnv(task, episodes, HELD_OUT, goals=[goal] * episodes)
            for skill in range(policy.actor("worker").skills):
                done = skill_alone(own, envs, skill)
                rows.append(
                    {
                        "goal": goal,
                        "skill": skill,
                        "return": round(float(done.returns.mean()), 3),
                        "end": np.round(done.states[-1].mean(axis=0)[:2], 3).tolist(),
                        "terminated": float(done.terminated.mean()),
                    }
                )
                print(evaluation, json.dumps(rows[-1]))
    (run / "alone.json").write_text(json.dumps(told) + "\n")


def tracks(folder: Path, out: Path, episodes: int) -> None:
    """Where the ant goes under each skill alone, greedy."""
    policy = dataclasses.replace(load_checkpoint(folder), evaluation=GREEDY)
    figure, axes = plt.subplots(figsize=(5, 4.4), layout="constrained")
    goal = policy.task.evaluation_goals[0]
    envs = VectorEnv(policy.task, episodes, HELD_OUT, goals=[goal] * episodes)
    for skill in range(policy.actor("worker").skills):
        states = skill_alone(policy, envs, skill).states
        for env, path in enumerate(states.transpose(1, 0, 2)):
            axes.plot(*path[:, :2].T, color=f"C{skill}", lw=1, label=f"skill {skill}" if not env else None)
    axes.set(xlabel="x [m]", ylabel="y [m]", aspect="equal", title=f"{policy.task.name}: 20 s of each skill alone")
    axes.legend()
    figure.savefig(out, dpi=90)


def baselines(name: str, episodes: int) -> None:
    """Random actions, and the best that can be done by who knows the task."""
    task = load_task(name)
    for goal in task.evaluation_goals:
        envs = VectorEnv(task, episodes, HELD_OUT, goals=[goal] * episodes)
        print(f"{name} {goal}: random {_random(task, envs):.2f}", end="")
        if name == "movement_bandits":
            print(f", oracle {_straight_there(envs, int(goal[0])):.2f}")
        elif name == "four_rooms_multi":
            print(f", oracle {_best_in_rooms(NUMBER[int(goal[0]), int(goal[1])], task.max_episode_steps):.2f}")
        else:
            print()


def _random(task: TaskSpec, envs: VectorEnv) -> float:
    rng, returns, running = np.random.default_rng(0), np.zeros(envs.num_envs), np.ones(envs.num_envs, np.bool_)
    shape = (envs.num_envs, len(task.action))
    while running.any():
        count = len(task.choices)
        actions = rng.integers(count, size=shape) if count else rng.uniform(task.action_low, task.action_high, shape)
        step = envs.step(actions.astype(np.float64))
        returns += np.where(running, step.rewards, 0)
        running &= ~step.ended
    return float(returns.mean())


def _straight_there(envs: VectorEnv, place: int) -> float:
    """Along the longer way first, and stay there."""
    envs.restart()
    returns, running = np.zeros(envs.num_envs), True
    while running:
        ways = envs.states[:, 2 + 2 * place : 4 + 2 * place] - envs.states[:, :2]
        along = np.abs(ways).argmax(axis=1)
        signs = np.sign(ways[np.arange(len(ways)), along])
        moves = [MOVES.index((int(s), 0) if axis == 0 else (0, int(s))) for axis, s in zip(along, signs, strict=True)]
        there = np.hypot(*ways.T) <= RADIUS
        step = envs.step(np.where(there, 0, moves)[:, None].astype(np.float64))
        returns += step.rewards
        running = not step.ended.any()
    return float(returns.mean())


def _best_in_rooms(goal: int, steps: int) -> float:
    """V_h(s) = max_a sum_s' P(s' | s, a) ([s' = goal] + V_h-1(s')), from the start with all steps to go."""
    matrix, values = transition_matrix(outcomes(Dynamics.THROWN)), np.zeros(NUM_CELLS)
    for _ in range(steps):
        values = (matrix @ (values + np.eye(NUM_CELLS)[goal])).max(axis=0)
    return float(values[EAST_HALLWAY])


def table(runs: list[Path]) -> None:
    """Returns of fresh masters before each update: mean over seeds [95 % bootstrap interval]; then seed by seed."""
    told: list[dict[str, Any]] = [json.loads((run / "fresh.json").read_text()) for run in runs]
    # As many masters of each task: their mean is that of the tasks.
    curves = np.array([np.mean(one["returns"], axis=1) for one in told])
    cells = []
    for update in range(curves.shape[1]):
        low, high = bootstrap_interval([curves[:, update]], mean, np.random.default_rng(0))
        cells.append(f"{curves[:, update].mean():.1f} [{low:.1f}, {high:.1f}]")
    print("| " + " | ".join(cells) + " |")
    for run, curve in zip(runs, curves, strict=True):
        print(f"{run.name}: " + " ".join(f"{value:.1f}" for value in curve))


def main() -> None:
    """Print a table, or write what one needs."""
    limit_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    learn = commands.add_parser("fresh")
    learn.add_argument("run", type=Path)
    learn.add_argument("--masters", type=int, default=20)
    learn.add_argument("--updates", type=int, default=10)
    single = commands.add_parser("alone")
    single.add_argument("run", type=Path)
    single.add_argument("--episodes", type=int, default=20)
    pictured = commands.add_parser("tracks")
    pictured.add_argument("policy", type=Path)
    pictured.add_argument("--out", type=Path, required=True)
    pictured.add_argument("--episodes", type=int, default=10)
    known = commands.add_parser("baselines")
    known.add_argument("task")
    known.add_argument("--episodes", type=int, default=500)
    commands.add_parser("table").add_argument("runs", type=Path, nargs="+")
    told = parser.parse_args()
    if told.command == "fresh":
        fresh(told.run, told.masters, told.updates)
    elif told.command == "alone":
        alone(told.run, told.episodes)
    elif told.command == "tracks":
        tracks(told.policy, told.out, told.episodes)
    elif told.command == "baselines":
        baselines(told.task, told.episodes)
    else:
        table(told.runs)


if __name__ == "__main__":
    main()
