"""What becomes of one run of a match: how it is judged on the way, and the small file that it leaves."""

import dataclasses
import json
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from hrl.comparison.matches import Match
from hrl.policies.provenance import git_commit
from hrl_core.errors import HrlError
from hrl_core.whole_folders import write_whole

POINTS = 10
"""Of a learning curve."""
POINT_EPISODES = 10
POINT_SEED = 1_000_003
"""Of the episodes of a curve; those that judge the end have another, and no training has either."""
FINAL_EPISODES = 20
FINAL_SEED = 3_000_017
_LIBRARIES = ("numpy", "torch", "gymnasium", "mujoco", "stable-baselines3")


class Score(NamedTuple):
    """Means over episodes without exploration."""

    episode_return: float
    success_rate: float
    """Share of episodes that are successful at their last step; 0 where a task knows no success."""


Judge = Callable[[int, int], Score]
"""Plays so many episodes with seeds derived from this one."""


@dataclasses.dataclass
class Course:
    """A run as it goes: evaluated at ten points and in the end, all of which costs it no time."""

    match: Match
    folder: Path
    """Where it may leave what it can go on from, or what made it fail."""
    curve: list[dict[str, float]] = dataclasses.field(default_factory=list)
    final: Score | None = None
    """None: not yet there."""
    env_steps: int = 0
    cpu_seconds: float = 0.0
    """Of training alone, up to the newest point."""
    judging: float = 0.0
    """Processor time of evaluations on the way [s]."""
    tell: Callable[[str], object] = str
    """Takes a line about each point, for people."""

    def reached(self, env_steps: int, judge: Judge) -> bool:
        """Evaluate if a point is due, and say whether one was; the last one is that of the end."""
        due = len(self.curve) + 1
        if due >= POINTS or env_steps * POINTS < due * self.match.steps:
            return False
        begun = time.process_time()
        self._note(env_steps, judge)
        self.judging += time.process_time() - begun
        return True

    def ended(self, env_steps: int, cpu_seconds: float, judge: Judge) -> None:
        """Evaluate in the end.

        Args:
            env_steps: made.
            cpu_seconds: processor time since the first step, evaluations on the way included.
            judge: of the last policy.
        """
        self.env_steps, self.cpu_seconds = env_steps, cpu_seconds - self.judging
        self._note(env_steps, judge)
        self.final = judge(FINAL_EPISODES, FINAL_SEED)

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on has been through."""
        return {"curve": self.curve, "cpu_seconds": self.cpu_seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.curve, self.cpu_seconds = state["curve"], state["cpu_seconds"]

    def _note(self, env_steps: int, judge: Judge) -> None:
        score = judge(POINT_EPISODES, POINT_SEED)
        self.curve.append({"env_steps": env_steps, **score._asdict()})
        told = ", ".join(
            f"{measure.replace('_', ' ')} {getattr(score, measure):.4g}" for measure in self.match.measures
        )
        self.tell(f"{env_steps} steps: {told}")


def settings_of(match: Match) -> dict[str, Any]:
    """Everything that decides a run besides side and seed, as plain data."""
    return json.loads(json.dumps(dataclasses.asdict(match)))


def outcome_path(folder: Path, match: Match, side: str, seed: int) -> Path:
    """File of one run."""
    return folder / match.name / f"{side}_seed_{seed}.json"


def write_outcome(path: Path, course: Course, side: str, seed: int) -> None:
    """Write the file of a run that has come to its end, whole or not at all."""
    assert course.final is not None
    document = {
        "match": course.match.name,
        "side": side,
        "seed": seed,
        "env_steps": course.env_steps,
        "cpu_seconds": round(course.cpu_seconds, 2),
        "episodes": FINAL_EPISODES,
        **course.final._asdict(),
        "curve": course.curve,
        "settings": settings_of(course.match),
        "versions": _versions(),
        "git_commit": git_commit(),
    }
    write_whole(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the table needs of a run."""

    score: Score
    env_steps: int
    cpu_seconds: float


def read_outcome(path: Path, match: Match) -> Outcome | None:
    """What a run left; None: it has not come to its end.

    Raises:
        HrlError: the file is no such file, or was made with other settings.
    """
    try:
        document = json.loads(path.read_text())
        score = Score(float(document["episode_return"]), float(document["success_rate"]))
        found = Outcome(score, int(document["env_steps"]), float(document["cpu_seconds"]))
        settings = document["settings"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HrlError(f"{path} is no outcome of a run ({type(error).__name__}: {error}): delete it") from None
    if settings != settings_of(match):
        raise HrlError(f"{path} was made with other settings than those of today: delete it, or give another --out")
    return found


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
