"""What stands between policy and actuator in real time: which actions are accepted, what is sent, when it is safe.

Pure logic on steady time, in the process nearest the actuator (simulator or robot bridge), never in the policy's.
Limits are those of the hardware and do not scale with a real-time factor; time-outs are control periods of wall time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hrl_core.errors import HrlError, InvalidDataError
from hrl_core.messages import Action, ActionSource, Observation, Vector
from hrl_core.task.spec import TaskSpec

Clock = Callable[[], float]
BEHAVIOURS = ("zero", "hold", "damping")
REACTION = 0.01
"""Seconds beyond two control periods within which the safe action is out."""
_SENDERS = (ActionSource.POLICY, ActionSource.TELEOP)
_SENDER_NAMES = ", ".join(f"{source.value} ({source.name})" for source in _SENDERS)


def check_received(spec: TaskSpec, action: Action) -> None:
    """Raise ``InvalidDataError`` unless an action that was sent is one: its value sound, its source somebody."""
    spec.check_action(action.value, "action received")
    if action.source not in _SENDERS:
        raise InvalidDataError(f"action received: source {action.source}; those that act are {_SENDER_NAMES}")


class ActionGate:
    """The acceptance rule: of this episode, not older than the last one, not too old, not from the future."""

    def __init__(
        self, spec: TaskSpec, max_age: float, period: float | None = None, clock: Clock = time.monotonic
    ) -> None:
        """Accept anything first.

        Args:
            spec: the task.
            max_age: greatest age of an action [control periods].
            period: control period in wall time [s], for ages on steady time; None: steps alone count.
            clock: steady time [s].
        """
        self._spec, self._max_age, self._clock = spec, max_age, clock
        self._limit = None if period is None else max_age * period
        self._shown: dict[tuple[int, int], float] = {}
        self.last: Action | None = None
        """The action accepted last."""
        self.oldest = 0.0
        """Greatest age [s] of an accepted action."""

    def observed(self, observation: Observation) -> None:
        """An observation goes out: the age of its answer counts from now."""
        self._shown[observation.key] = self._clock()
        while len(self._shown) > self._max_age + 2:
            self._shown.pop(next(iter(self._shown)))

    def refusal(self, action: Action, observation: Observation) -> str:
        """Why an action is refused now; empty when it is accepted, and then it is the last one.

        Raises:
            InvalidDataError: it has the wrong size, holds a non-finite number, or is nobody's.
        """
        check_received(self._spec, action)
        key, last = (action.episode, action.step), self.last
        if action.episode != observation.episode:
            return "other episode"
        if key > observation.key:
            return "from the future"
        if last is not None and key < (last.episode, last.step):
            return "older than the last"
        age = self._age(key)
        if observation.step - action.step > self._max_age or (self._limit is not None and age > self._limit):
            return "too old"
        self.last = action
        self.oldest = max(self.oldest, age)
        return ""

    def _age(self, key: tuple[int, int]) -> float:
        shown = self._shown.get(key)
        if self._limit is None:
            return 0.0
        return float("inf") if shown is None else self._clock() - shown


@dataclass(frozen=True)
class JointSafety:
    """What one joint may be told, in the units of the task's action."""

    low: float
    high: float
    rate: float = float("inf")
    """Greatest change per second."""
    safe: str = "zero"
    """``zero``, ``hold`` (the last command; the measured position where commands are positions) or ``damping``."""
    damping: float = 0.0
    """Safe command per joint velocity, applied against it [action unit per rad/s]."""

    def __post_init__(self) -> None:
        """Refuse a contradiction."""
        if not self.low < self.high:
            raise HrlError(f"limits: low {self.low} must be below high {self.high}")
        if self.safe not in BEHAVIOURS:
            raise HrlError(f"safe: got '{self.safe}', allowed are {', '.join(BEHAVIOURS)}")
        if not self.rate > 0 or not self.damping >= 0:
            raise HrlError(f"rate must be positive and damping not negative, got {self.rate} and {self.damping}")


def joint_limits(spec: TaskSpec) -> list[JointSafety]:
    """Zero as the safe action and the task's own limits: what a simulator needs."""
    return [JointSafety(actuator.low, actuator.high) for actuator in spec.action]


class SafetyLayer:
    """Clamps and slews commands, watches for silence, keeps an emergency stop latched."""

    def __init__(self, joints: Sequence[JointSafety], timeout: float, clock: Clock = time.monotonic) -> None:
        """Safe until the first command.

        Args:
            joints: one per action element.
            timeout: silence [s] after which the safe action is due.
            clock: steady time [s].
        """
        self._low = np.array([joint.low for joint in joints])
        self._high = np.array([joint.high for joint in joints])
        self._rate = np.array([joint.rate for joint in joints])
        self._damping = np.array([joint.damping if joint.safe == "damping" else 0.0 for joint in joints])
        self._hold = np.array([joint.safe == "hold" for joint in joints])
        self.timeout, self._clock = timeout, clock
        self._fed: float | None = None
        self._sent_at = clock()
        self.command: Vector = np.zeros(len(joints))
        """What the actuators were told last."""
        self.emergency = ""
        """Why the emergency stop is latched; empty when it is not."""

    @property
    def holds(self) -> bool:
        """Whether the safe action of a joint is to stay."""
        return bool(self._hold.any())

    @property
    def tripped(self) -> bool:
        """Whether the safe action is due: emergency stop, no command yet, or silence."""
        return bool(self.emergency) or self._fed is None or self._clock() - self._fed > self.timeout

    @property
    def remaining(self) -> float:
        """Seconds until the watchdog trips; 0 when it has."""
        return 0.0 if self.tripped or self._fed is None else self.timeout - (self._clock() - self._fed)

    def accept(self, value: Vector) -> Vector:
        """Return the command for a sound action: within the limits and no faster than allowed; feeds the watchdog.

        From a place beyond the limits, where the robot was held, it comes back to them no faster either. However long
        nothing was sent, as when nobody knew where the robot was: it gains no more way than the time-out allows.

        Raises:
            HrlError: the emergency stop is latched.
        """
        if self.emergency:
            raise HrlError(f"emergency stop: {self.emergency}")
        now = self._clock()
        with np.errstate(invalid="ignore"):
            # An unlimited rate times no time at all is not a number: unlimited as well.
            reach = np.nan_to_num(self._rate * min(now - self._sent_at, self.timeout), nan=np.inf, posinf=np.inf)
        wanted = np.clip(value, self._low, self._high)
        self._fed = now
        return self._send(np.clip(wanted, self.command - reach, self.command + reach))

    def safe(self, velocity: Vector | None = None, held: Vector | None = None) -> Vector:
        """Return the safe action: within the limits, and no rate limit holds it back.

        Args:
            velocity: joint velocities in the order of the action, for damping; None: unknown.
            held: what ``hold`` holds, as it is: clipped to the limits, a robot that stands beyond them would be moved
                there; None: the last command.
        """
        resting = np.where(self._hold, self.command, 0.0)
        if velocity is not None and np.isfinite(velocity).all():
            resting = resting - self._damping * velocity
        resting = np.clip(resting, self._low, self._high)
        return self._send(resting if held is None else np.where(self._hold, held, resting))

    def rest(self) -> None:
        """Forget the last command: the safe action is due until the next one (between episodes, on a pause)."""
        self._fed = None

    def stop(self, reason: str) -> None:
        """Latch the emergency stop; the first reason stays."""
        self.emergency = self.emergency or reason

    def release(self) -> bool:
        """End the emergency stop, if one is latched (returned); the next accepted action moves the robot again."""
        latched, self.emergency = bool(self.emergency), ""
        if latched:
            self.rest()
        return latched

    def _send(self, command: Vector) -> Vector:
        self.command, self._sent_at = command, self._clock()
        return command
