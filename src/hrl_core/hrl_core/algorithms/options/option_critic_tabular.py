"""Option-Critic on tables (Bacon, Harb & Precup 2017, arXiv 1609.05140, algorithm 1), many seeds side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.options.streams import Streams
from hrl_core.four_rooms import NUM_ACTIONS, NUM_CELLS, NUM_OUTCOMES, Dynamics, outcomes

Bools = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_START, _ACTION, _MOVE, _END, _OPTION = range(5)
"""What a run draws in a step, used or not: so that a number means the same whatever happened before."""


@dataclass(frozen=True)
class OptionCriticConfig:
    """Rates are those of the released code for the Four Rooms."""

    num_options: int = 4
    discount: float = 0.99
    critic_rate: float = 0.5
    policy_rate: float = 0.25
    termination_rate: float = 0.25
    temperature: float = 0.01
    """Of the softmax over actions, and of that over options. The paper's figure has 0.001."""
    deliberation_cost: float = 0.0
    """xi: how much better another option must be for the present one to be ended."""


class OptionCritic:
    """Values and options of every seed; rows of its tables are (seed, cell, option) in this order."""

    def __init__(self, config: OptionCriticConfig, num_seeds: int, greedy: bool = False) -> None:
        """Know nothing: all values, preferences and logits of terminations are 0.

        Args:
            config: rates.
            num_seeds: how many learn side by side.
            greedy: take the likeliest action and option, end where beta > 1/2; else draw.
        """
        self.config, self.greedy = config, greedy
        rows = num_seeds * NUM_CELLS * config.num_options
        self.option_values = np.zeros(rows)
        """Q_O(s, w)."""
        self.action_values = np.zeros((rows, NUM_ACTIONS))
        """Q_U(s, w, a)."""
        self.preferences = np.zeros((rows, NUM_ACTIONS))
        """theta_w(s, a); pi_w = softmax(theta_w / temperature)."""
        self.terminations = np.zeros(rows)
        """Logit of beta_w(s)."""

    def choose(self, seeds: Cells, cells: Cells, uniform: Float64) -> Cells:
        """Options by softmax over Q_O(s, .), for seeds (n,) in cells (n,), by a uniform number each."""
        return self._drawn(self._values_of_all(seeds, cells), uniform)

    def act(self, seeds: Cells, cells: Cells, options: Cells, uniform: Float64) -> Cells:
        """Actions by the options' policies."""
        return self._drawn(self.preferences[self._at(seeds, cells, options)], uniform)

    def ends(self, seeds: Cells, cells: Cells, options: Cells, uniform: Float64) -> Bools:
        """Whether options end on entering cells."""
        return self._beta(self._at(seeds, cells, options)) > (0.5 if self.greedy else uniform)

    def learn(self, seeds: Cells, cells: Cells, options: Cells, actions: Cells, arrived: Cells, at_goal: Bools) -> None:
        """Learn from one step of each seed: reward 1 at the goal, which ends the episode, else 0.

        Args:
            seeds: (n,), likewise the others.
            cells: in which they acted.
            options: that acted.
            actions: taken.
            arrived: where they led.
            at_goal: whether that is the goal.
        """
        rates, at, to = self.config, self._at(seeds, cells, options), self._at(seeds, arrived, options)
        beta = self._beta(to)
        # y = r + gamma [(1 - beta_w(s')) Q_O(s', w) + beta_w(s') max_w' Q_O(s', w')], r alone at the goal
        going_on = (1 - beta) * self.option_values[to] + beta * self._values_of_all(seeds, arrived).max(axis=1)
        target = np.where(at_goal, 1.0, rates.discount * going_on)
        # Q_O(s, w) += alpha (y - Q_O(s, w)), Q_U(s, w, a) += alpha (y - Q_U(s, w, a))
        self.option_values[at] += rates.critic_rate * (target - self.option_values[at])
        self.action_values[at, actions] += rates.critic_rate * (target - self.action_values[at, actions])
        # theta_w(s, .) += alpha (Q_U(s, w, a) - Q_O(s, w)) (1(a) - pi_w(s, .)); the 1 / temperature is in alpha
        advantage = self.action_values[at, actions] - self.option_values[at]
        weights = self._weights(self.preferences[at])
        policy = weights / weights.cumsum(axis=1)[:, -1:]
        self.preferences[at] -= rates.policy_rate * advantage[:, None] * policy
        self.preferences[at, actions] += rates.policy_rate * advantage
        # logit beta_w(s') -= alpha beta (1 - beta) (Q_O(s', w) - max_w' Q_O(s', w') + xi); at the goal nothing ends
        worse = self.option_values[to] - self._values_of_all(seeds, arrived).max(axis=1) + rates.deliberation_cost
        self.terminations[to] -= np.where(at_goal, 0.0, rates.termination_rate * beta * (1 - beta) * worse)

    def _at(self, seeds: Cells, cells: Cells, options: Cells) -> Cells:
        return (seeds * NUM_CELLS + cells) * self.config.num_options + options

    def _values_of_all(self, seeds: Cells, cells: Cells) -> Float64:
        return self.option_values.reshape(-1, self.config.num_options)[seeds * NUM_CELLS + cells]

    def _beta(self, at: Cells) -> Float64:
        return 1 / (1 + np.exp(-self.terminations[at]))

    def _weights(self, preferences: Float64) -> Float64:
        """exp(preference / temperature), 1 for the best."""
        best = preferences.max(axis=1, keepdims=True)
        return np.exp((preferences - best) / self.config.temperature)

    def _drawn(self, preferences: Float64, uniform: Float64) -> Cells:
        """The number of a column for each row, by softmax; the best one if greedy."""
        if self.greedy:
            return preferences.argmax(axis=1)
        # Running sums add up in a fixed order: the same bits for a seed beside whatever others.
        sums = self._weights(preferences).cumsum(axis=1)
        return (sums[:, :-1] <= (uniform * sums[:, -1])[:, None]).sum(axis=1)


class Lived(NamedTuple):
    """Episodes of every seed."""

    lengths: Cells
    """Steps, (seeds, episodes)."""
    chosen: Cells
    """Options that were chosen, (seeds, episodes)."""


class _At(NamedTuple):
    """Where the seeds are that are not done yet, each part (seeds,)."""

    seeds: Cells
    episodes: Cells
    steps: Cells
    """Of the episode, so far."""
    cells: Cells
    options: Cells

    def kept(self, kept: Bools) -> "_At":
        """Some of them."""
        return _At(self.seeds[kept], self.episodes[kept], self.steps[kept], self.cells[kept], self.options[kept])


def live(
    agent: OptionCritic, goals: Cells, seeds: Sequence[int], learning: bool = True, most_steps: int = 1000
) -> Lived:
    """Let every seed live its episodes, which begin anywhere but at the goal.

    Args:
        agent: of as many seeds; it has learned afterwards.
        goals: cell of each episode's goal, (seeds, episodes).
        seeds: of what is drawn; what comes of one does not depend on the others.
        learning: whether the agent learns from it.
        most_steps: after which an episode is cut.
    """
    table, streams = outcomes(Dynamics.THROWN), Streams(seeds, 5)
    lived, num_episodes = Lived(np.zeros_like(goals), np.zeros_like(goals)), goals.shape[1]
    drawn, nothing = streams.step(), np.zeros(len(seeds), np.int64)
    at = _At(np.arange(len(seeds)), nothing, nothing, _start(goals[:, 0], drawn[_START]), nothing)
    choosing = np.ones(len(seeds), bool)
    while len(at.seeds):
        if choosing.any():
            chosen = agent.choose(at.seeds, at.cells, drawn[_OPTION])
            at = at._replace(options=np.where(choosing, chosen, at.options))
            lived.chosen[at.seeds, at.episodes] += choosing
        drawn = streams.step()
        actions = agent.act(at.seeds, at.cells, at.options, drawn[_ACTION])
        arrived = table[actions, at.cells, (drawn[_MOVE] * NUM_OUTCOMES).astype(np.int64)]
        at_goal = arrived == goals[at.seeds, at.episodes]
        if learning:
            agent.learn(at.seeds, at.cells, at.options, actions, arrived, at_goal)
        choosing = agent.ends(at.seeds, arrived, at.options, drawn[_END])
        at = at._replace(cells=arrived, steps=at.steps + 1)
        over = at_goal | (at.steps == most_steps)
        if over.any():
            lived.lengths[at.seeds[over], at.episodes[over]] = at.steps[over]
            kept = at.episodes + over < num_episodes
            streams.keep(kept)
            drawn, over, choosing = drawn[:, kept], over[kept], (choosing | over)[kept]
            at = _begun(at.kept(kept), over, goals, drawn)
    return lived


def _begun(at: _At, over: Bools, goals: Cells, drawn: Float64) -> _At:
    """The same with a new episode in the place of those that are over."""
    episodes = at.episodes + over
    starts = _start(goals[at.seeds, episodes], drawn[_START])
    cells, steps = np.where(over, starts, at.cells), np.where(over, 0, at.steps)
    return at._replace(episodes=episodes, cells=cells, steps=steps)


def _start(goals: Cells, uniform: Float64) -> Cells:
    """Any cell but the goal."""
    others = (uniform * (NUM_CELLS - 1)).astype(np.int64)
    return others + (others >= goals)
