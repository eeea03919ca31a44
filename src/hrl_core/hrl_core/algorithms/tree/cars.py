"""Cars that learn a node's lesson, many side by side: what the training loop asks of environments."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.tree.lessons import EXAMS, Lesson
from hrl_core.errors import TaskError
from hrl_core.lane_drive import LANE, LENGTH, OUT_OF_TIME, WORTH, Flags, Float64, LaneCars, Road, reward


class CarStep(NamedTuple):
    """What a step led to, before any reset."""

    states: Float64
    """Observations, (cars, 20)."""
    achieved: Float64
    rewards: Float64
    terminated: Flags
    truncated: Flags
    successes: Flags

    @property
    def ended(self) -> Flags:
        """Where an episode ended."""
        return self.terminated | self.truncated


class LessonCars:
    """Auto-resetting cars; car i drives episodes i, i + num_envs, ..., each decided by seed, lesson and number."""

    exact_resume = True
    goals_given = False

    def __init__(self, num_envs: int, seed: int, lesson: str) -> None:
        """Begin with a lesson, a name of ``EXAMS``."""
        self.num_envs, self.seed = num_envs, seed
        self._cars = LaneCars(num_envs)
        self.assign(lesson)

    @property
    def missing(self) -> list[str]:
        """Nothing."""
        return []

    @property
    def lesson(self) -> Lesson:
        """The present one."""
        return EXAMS[self._name]

    def assign(self, lesson: str, obstacles: str | None = None) -> None:
        """Begin a lesson anew; ``obstacles`` other than its own, to see what comes of it elsewhere."""
        self._name, self._obstacles = lesson, EXAMS[lesson].obstacles if obstacles is None else obstacles
        self.restart()

    def restart(self) -> None:
        """Begin again with the first episodes."""
        self._episodes = np.arange(self.num_envs)
        self._steps = np.zeros(self.num_envs, np.int64)
        self._began, self._marks = np.zeros((self.num_envs, 5)), np.zeros(self.num_envs)
        for car in range(self.num_envs):
            self._reset(car)
        self._look()

    def renew(self) -> None:
        """Begin the next episode of each car."""
        self._episodes += self.num_envs
        for car in range(self.num_envs):
            self._reset(car)
        self._look()

    @property
    def goals(self) -> Float64:
        """All of it, (cars, 1)."""
        return np.ones((self.num_envs, 1))

    def set_goals(self, goals: Float64) -> None:
        """Refuse other goals: a lesson has its own.

        Raises:
            TaskError: always.
        """
        raise TaskError(f"lesson '{self._name}' has a goal of its own: {len(goals)} others cannot be set")

    @property
    def goal_box(self) -> tuple[Float64, Float64]:
        """There is one goal."""
        return np.ones(1), np.ones(1)

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]:
        """Steps since the last reset."""
        return self._steps.copy()

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Raise ``TaskError``: rewards of lessons are not a matter of goals alone."""
        raise TaskError("the lessons of a tree have no compute_reward: goals cannot be relabelled")

    def step(self, actions: npt.NDArray[np.float64]) -> CarStep:
        """Apply actions (cars, 1) for one control period; reset what ended."""
        moved = self._cars.advance(actions[:, 0].astype(np.int64))
        self._steps += 1
        state, lesson = self._cars.state, self.lesson
        success, miss = lesson.judge(self._began, self._marks, state)
        failed = moved.hit | moved.left | (miss & ~success)
        success &= ~failed
        late = (self._steps >= lesson.limit) & ~success & ~failed
        rewards = reward(moved, success, failed) + OUT_OF_TIME * late
        if lesson.soon:
            rewards -= WORTH * moved.ds
        if lesson.drift:
            rewards -= lesson.drift * np.abs(self._off(state))
        told = CarStep(
            self._cars.observe(), state[:, :1] / LENGTH, rewards, success | failed | late, _none(late), success
        )
        self.states, self.achieved = told.states, told.achieved
        if told.terminated.any():
            for car in np.flatnonzero(told.terminated):
                self._episodes[car] += self.num_envs
                self._reset(int(car))
            self._look()
        return told

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything that later steps depend on, as arrays."""
        roads = {f"road.{name}": kept for name, kept in self._cars.roads._asdict().items()}
        counts = {"episodes": self._episodes, "steps": self._steps, "began": self._began, "marks": self._marks}
        number = np.array([list(EXAMS).index(self._name)])
        return {name: part.copy() for name, part in {**roads, **counts, "cars": self._cars.state}.items()} | {
            "lesson": number
        }

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._name = list(EXAMS)[int(state["lesson"][0])]
        self._obstacles = self.lesson.obstacles
        for car in range(self.num_envs):
            road = Road(*(state[f"road.{name}"][car] for name in Road._fields))
            self._cars.place(car, road, state["cars"][car])
        self._episodes, self._steps = state["episodes"].copy(), state["steps"].copy()
        self._began, self._marks = state["began"].copy(), state["marks"].copy()
        self._look()

    def _look(self) -> None:
        self.states, self.achieved = self._cars.observe(), self._cars.state[:, :1] / LENGTH

    def _reset(self, car: int) -> None:
        number = list(EXAMS).index(self._name)
        rng = np.random.default_rng((self.seed, number, int(self._episodes[car])))
        road, start = self.lesson.start(rng, self._obstacles)
        self._cars.place(car, road, start)
        self._began[car], self._marks[car], self._steps[car] = start, road.ends[0], 0

    def _off(self, state: Float64) -> Float64:
        """Metres from the lane that is to be reached."""
        if self._name == "ChangeLane":
            return state[:, 1] - np.where(self._began[:, 1] > 0, -LANE, LANE)
        return state[:, 1] - (LANE if self._name == "ChangeLeft" else -LANE)


def _none(like: Flags) -> Flags:
    return np.zeros_like(like)
