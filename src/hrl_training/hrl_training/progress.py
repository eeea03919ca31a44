"""How a learning loop goes, gathered from what its nodes say of themselves; knows no ROS."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RECENT = 20
"""Newest episodes of each robot that success is averaged over."""
RATE_WINDOW = 5.0
"""Seconds that rates are averaged over."""
_FIGURES = {
    "env_steps": "learned_steps",
    "worker/updates": "updates",
    "update_ratio": "update_ratio",
    "owed_updates": "owed_updates",
    "policy_lag_p50": "policy_lag",
    "segments": "segments",
    "relabelled_subgoals": "relabelled_subgoals",
}
"""What is taken of the trainer's figures, and what it is called here."""


@dataclass
class _Robot:
    episodes: int = 0
    newest: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT))
    steps: deque[tuple[float, int]] = field(default_factory=deque)
    """Times [s] and environment steps reached by then."""
    paused: bool = False
    policy_version: int = 0

    def rate(self) -> float:
        """Environment steps per second."""
        (first, before), (last, after) = self.steps[0], self.steps[-1]
        return (after - before) / (last - first) if last > first else 0.0


class Progress:
    """Takes in messages, gives rows."""

    def __init__(self, robots: Sequence[str]) -> None:
        """Nothing is known yet.

        Args:
            robots: names, in the order in which they are told.
        """
        self._robots = {name: _Robot() for name in robots}
        self._trainer: dict[str, float] = {}
        self._state = ""
        self.announced = 0
        """Newest policy version that the trainer has announced."""

    def episode(self, robot: str, success: bool) -> None:
        """A robot has finished an episode."""
        self._robots[robot].episodes += 1
        self._robots[robot].newest.append(success)

    def status(self, robot: str, steps: int, paused: bool, now: float) -> None:
        """A robot's simulator has reached ``steps`` environment steps at time ``now`` [s]."""
        of_robot = self._robots[robot]
        of_robot.paused = paused
        of_robot.steps.append((now, steps))
        while now - of_robot.steps[0][0] > RATE_WINDOW:
            of_robot.steps.popleft()

    def acted(self, robot: str, version: int) -> None:
        """A robot's worker acts with this policy version."""
        self._robots[robot].policy_version = version

    def trainer(self, state: str, figures: Mapping[str, str]) -> None:
        """What the trainer says of itself; figures that are no numbers are left out."""
        self._state = state
        for theirs, ours in _FIGURES.items():
            try:
                self._trainer[ours] = float(figures[theirs])
            except (KeyError, ValueError):
                continue

    def row(self) -> dict[str, Any]:
        """Everything, as plain data."""
        robots = self._robots
        newest = [success for robot in robots.values() for success in robot.newest]
        return {
            "robots": {
                name: {
                    "episodes": robot.episodes,
                    "success": _mean(robot.newest),
                    "steps": robot.steps[-1][1] if robot.steps else 0,
                    "steps_per_s": robot.rate() if robot.steps else 0.0,
                    "policy_version": robot.policy_version,
                    "paused": robot.paused,
                }
                for name, robot in robots.items()
            },
            "episodes": sum(robot.episodes for robot in robots.values()),
            "success": _mean(newest),
            "steps_per_s": sum(robot.rate() for robot in robots.values() if robot.steps),
            "state": self._state,
            "announced": self.announced,
            **self._trainer,
        }


def as_json(row: Mapping[str, Any]) -> str:
    """One line for a program."""
    return json.dumps(row)


def as_text(row: Mapping[str, Any]) -> str:
    """One line for people."""
    parts = []
    if row["robots"]:
        success = "-" if row["success"] is None else f"{row['success']:.2f}"
        parts += [f"{row['episodes']} episodes", f"success {success}", f"{row['steps_per_s']:.0f} transitions/s"]
    if "updates" in row:
        parts += [
            f"{row['updates']:.0f} updates from {row['learned_steps']:.0f} steps in {row['segments']:.0f} bags",
            f"ratio {row['update_ratio']:.2f}",
            f"{row['owed_updates']:.0f} owed",
            f"lag {row['policy_lag']:.0f}",
        ]
    versions = sorted({robot["policy_version"] for robot in row["robots"].values()})
    acting = f", acting {', '.join(map(str, versions))}" if versions else ""
    parts.append(f"policy {row['announced']} announced{acting}")
    return ", ".join([*parts, row["state"] or "no word from the trainer yet"])


def _mean(values: Sequence[bool] | deque[bool]) -> float | None:
    return sum(values) / len(values) if values else None
