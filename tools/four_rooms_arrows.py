"""What options have learned in the Four Rooms, as arrows: where each leads, where it ends, and where it is chosen.

`python tools/four_rooms_arrows.py --out arrows.png` has tabular Option-Critic learn for some seconds and draws it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from hrl_core.algorithms.options.option_critic_tabular import OptionCriticConfig
from hrl_core.algorithms.options.recovery import FIRST_GOAL, MOVED_AFTER, recover
from hrl_core.four_rooms import MOVES, NUM_ACTIONS, NUM_CELLS, PLACES, ROWS

WALLS = np.array([[at == "#" for at in line] for line in ROWS])


def draw_map(axes: Axes, title: str) -> None:
    """Walls and the goal."""
    axes.imshow(np.where(WALLS, 1.0, np.nan), cmap=ListedColormap(["0.25"]))
    row, column = PLACES[FIRST_GOAL]
    axes.plot(column, row, "*", color="tab:green", markersize=13)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])


def main() -> None:
    """Learn, then draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--options", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    agent = recover(OptionCriticConfig(num_options=told.options), [told.seed], MOVED_AFTER).agent
    moves = agent.preferences.reshape(NUM_CELLS, told.options, NUM_ACTIONS).argmax(axis=2)
    ends = 1 / (1 + np.exp(-agent.terminations.reshape(NUM_CELLS, told.options)))
    chosen = agent.option_values.reshape(NUM_CELLS, told.options).argmax(axis=1)
    rows, columns = np.array(PLACES).T
    figure = plt.figure(figsize=(2.6 * (told.options + 1), 3.0), layout="constrained")
    all_axes = [figure.add_subplot(1, told.options + 1, 1 + k) for k in range(told.options + 1)]
    draw_map(all_axes[0], "option of greatest value")
    colors = mpl.colormaps["tab10"](chosen)
    all_axes[0].scatter(columns, rows, c=colors, s=38, marker="s")
    arrows = None
    for option, axes in enumerate(all_axes[1:]):
        draw_map(axes, f"option {option + 1}")
        axes.title.set_color(mpl.colormaps["tab10"](option))
        down, right = np.array(MOVES)[moves[:, option]].T
        arrows = axes.quiver(
            columns,
            rows,
            right,
            down,
            ends[:, option],
            cmap="viridis",
            clim=(0, 1),
            angles="xy",
            scale=14,
            width=0.012,
        )
    if arrows is not None:
        figure.colorbar(arrows, ax=all_axes, label="chance to end", shrink=0.8)
    figure.savefig(told.out, dpi=90)
    print(f"{told.out}: Option-Critic, {told.options} options, seed {told.seed}, {MOVED_AFTER} episodes")


if __name__ == "__main__":
    main()
