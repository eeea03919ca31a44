"""Parameters that simulator and robot bridge share."""

import math
from dataclasses import dataclass

from hrl_core.errors import HrlError
from hrl_core.messages import Vector, frozen
from hrl_core.task.spec import TaskSpec
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.qos import MOST_CREDIT

FACTORS = 0.001, 1000.0
"""Least and greatest real-time factor."""
LOCKSTEP = "lockstep"
REALTIME = "realtime"


@dataclass(frozen=True)
class EnvironmentParameters(NodeParameters):
    """What whoever closes the loop takes."""

    task: str = parameter("AntMaze", "shipped task name or path of a .yaml task specification")
    clock: str = parameter(LOCKSTEP, "step on the action's arrival, or by the wall clock", choices=(LOCKSTEP, REALTIME))
    real_time_factor: float = parameter(
        1.0, "simulated seconds per wall second (clock realtime)", low=FACTORS[0], high=FACTORS[1]
    )
    episodes: int = parameter(0, "episodes to run; 0: for ever", low=0)
    seed: int = parameter(0, "seed of resets and exploration noise", low=0)
    goal: str = parameter("", "task goal as comma-separated numbers; empty: the task's own")
    episode_mode: str = parameter("eval", "purpose of the episodes", choices=("train", "eval", "demo"))
    robot: str = parameter("robot", "robot id, unique in the fleet")
    out: str = parameter("", "folder for simulator.json, the counters and outcomes of the run; empty: none")
    recorder: bool = parameter(False, "a recorder takes part: wait for it, and never run ahead of its credit window")
    credit_window: int = parameter(
        1000, "most observations published ahead of the recorder's acknowledgement", low=1, high=MOST_CREDIT
    )
    max_action_age: float = parameter(
        2.0, "oldest action held in real time [control periods]; then the safe action", low=1.0
    )
    progress_period: float = parameter(10.0, "seconds between lines about how the run goes; 0: none", low=0.0)
    policy: str = parameter("", "folder of the policy that acts, for RunInfo; empty: unknown")
    git_commit: str = parameter("", "commit of the running code, for RunInfo")

    @property
    def realtime(self) -> bool:
        """Whether the wall clock sets the pace."""
        return self.clock == REALTIME


def parse_goal(text: str, task: TaskSpec) -> Vector | None:
    """Read ``goal``.

    Raises:
        HrlError: it is not as many finite numbers as the task's goal has.
    """
    if not text.strip():
        return None
    names = ", ".join(f"{element.name} [{element.unit}]" for element in task.goal)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(task.goal) or not all(map(math.isfinite, numbers)):
        raise HrlError(f"goal '{text}': task '{task.name}' needs {len(task.goal)} comma-separated numbers: {names}")
    return frozen(numbers)
