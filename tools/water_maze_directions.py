"""What a FuN manager's directions mean in the water maze: what is wished for in each cell, and what the worker does.

`python tools/water_maze_directions.py POLICY --out directions.png`: to the left the way of an episode; then one column
a direction, of those issued in some episodes the ones that differ most from each other. Above, how well each way out of
a cell goes along the direction in the latent space; below, what the worker does there under it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.water_maze import CELLS, MOVES, SIDE
from hrl_core.hierarchy.rollout import EpisodeTrace, rollout
from hrl_core.networks.memory_actor import Memory, MemoryActor

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.quiver import Quiver

HELD_OUT = 2_000_000
"""Seed of episodes that no training has seen."""
Array = npt.NDArray[np.float64]


def main() -> None:
    """Act, choose directions, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", type=Path)
    parser.add_argument("--directions", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = load_checkpoint(given.policy)
    runner, hierarchy = EnvRunner(policy.task, HELD_OUT), policy.stack(HELD_OUT)
    traces = [rollout(runner, hierarchy, episode) for episode in range(given.episodes)]
    runner.close()
    issued = np.array([subgoal.value for trace in traces for subgoal in trace.subgoals])
    chosen = most_different(issued, given.directions)
    figure, grid = plt.subplots(
        2, 1 + len(chosen), squeeze=False, figsize=(2.4 * (1 + len(chosen)), 5.0), layout="constrained"
    )
    draw_way(grid[0, 0], traces[0])
    grid[1, 0].axis("off")
    wishes, done = [], []
    for k, direction in enumerate(chosen):
        wishes.append(draw_arrows(grid[0, 1 + k], *wished(policy, direction), "RdYlGn", (-1, 1)))
        done.append(draw_arrows(grid[1, 1 + k], *obeyed(policy, direction), "viridis", (0.25, 1)))
        frame(grid[0, 1 + k], f"direction {k + 1}: wished")
        frame(grid[1, 1 + k], "what the worker does")
    figure.colorbar(wishes[0], ax=grid[0, 1:], label="cosine of the best way out", shrink=0.8)
    figure.colorbar(done[0], ax=grid[1, 1:], label="chance of the likeliest move", shrink=0.8)
    figure.savefig(given.out, dpi=90)
    alike = float((chosen @ chosen.T).min())
    print(
        f"{given.out}: {len(issued)} directions of {given.episodes} episodes; cosines of those drawn: from {alike:.2f}"
    )


def most_different(issued: Array, count: int) -> Array:
    """Of directions (n, d) the first, and again and again the one that is farthest from all chosen so far."""
    chosen = [issued[0]]
    for _ in range(count - 1):
        nearest = np.max(issued @ np.array(chosen).T, axis=1)
        chosen.append(issued[int(np.argmin(nearest))])
    return np.array(chosen)


def wished(policy: Checkpoint, direction: Array) -> tuple[Array, Array]:
    """Way out (x, y) of each cell that goes best along a direction (d,) in the latent space, and its cosine.

    cos(s(cell after the move) - s(cell), g)
    """
    actor, weights = policy.actor("manager"), policy.level("manager")
    latent = np.zeros((CELLS, actor.input_dim), np.float32)
    latent[np.arange(CELLS), np.arange(CELLS)] = 1.0
    latent = latent @ actor.feature_matrix().T
    for k in range(len(actor.hidden)):
        latent = np.maximum(latent @ weights[f"layers.{k}.weight"].T + weights[f"layers.{k}.bias"], 0.0)
    x, y = np.arange(CELLS) % SIDE, np.arange(CELLS) // SIDE
    cosines = np.full((CELLS, len(MOVES)), -np.inf)
    for move, (dx, dy) in enumerate(MOVES):
        inside = (x + dx >= 0) & (x + dx < SIDE) & (y + dy >= 0) & (y + dy < SIDE)
        way = latent[((y + dy) * SIDE + x + dx)[inside]] - latent[inside]
        cosines[inside, move] = way @ direction / np.linalg.norm(way, axis=1)
    return np.array(MOVES, float)[cosines.argmax(1)], cosines.max(1)


def obeyed(policy: Checkpoint, direction: Array) -> tuple[Array, Array]:
    """Expected move (x, y) in each cell, and the chance of the likeliest, where a direction is all that is remembered.

    Args:
        policy: whose worker it is.
        direction: held for a whole horizon, (d,).
    """
    worker = MemoryActor(policy.actor("worker"), policy.level("worker"))
    empty = worker.initial()
    memory = Memory(empty.hidden, empty.cell, np.broadcast_to(direction, empty.directions.shape).astype(np.float32))
    chances = np.empty((CELLS, len(MOVES)))
    for cell in range(CELLS):
        seen = np.zeros(CELLS + 1, np.float32)
        seen[cell] = 1.0
        _, output = worker.advance(memory, np.concatenate((seen, direction)).astype(np.float32), step=0)
        powers = np.exp(output.said - output.said.max())
        chances[cell] = powers / powers.sum()
    return chances @ np.array(MOVES, float), chances.max(1)


def draw_arrows(axis: Axes, moves: Array, value: Array, colors: str, limits: tuple[float, float]) -> Quiver:
    """An arrow (x, y) in each cell, coloured by a value (cells,)."""
    x, y = np.arange(CELLS) % SIDE, np.arange(CELLS) // SIDE
    return axis.quiver(x, y, *moves.T, value, cmap=colors, clim=limits, angles="xy", scale=7, width=0.02)


def draw_way(axis: Axes, trace: EpisodeTrace) -> None:
    """The way of an episode, each search for the platform in a colour of its own."""
    cells = [int(np.argmax(observation.state[:CELLS])) for observation in trace.observations]
    found = [bool(observation.state[CELLS]) for observation in trace.observations]
    begin = 0
    for number, end in enumerate([*np.flatnonzero(found), len(cells) - 1]):
        part = np.array(cells[begin : end + 1])
        off = 0.07 * (number % 5 - 2)
        axis.plot(part % SIDE + off, part // SIDE + off, color=f"C{number % 10}", linewidth=1)
        begin = end + 1
    if any(found):
        platform = cells[found.index(True)]
        axis.plot(platform % SIDE, platform // SIDE, "*", color="tab:green", markersize=14)
    frame(axis, f"an episode: found {sum(found)} times")


def frame(axis: Axes, title: str) -> None:
    """Cells and a title."""
    axis.set(xlim=(-0.6, SIDE - 0.4), ylim=(-0.6, SIDE - 0.4), aspect="equal")
    axis.set_title(title, fontsize=9)
    axis.set_xticks(np.arange(SIDE) - 0.5, [])
    axis.set_yticks(np.arange(SIDE) - 0.5, [])
    axis.grid(alpha=0.4)


if __name__ == "__main__":
    main()
