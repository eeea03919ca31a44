"""Domain randomisation as data: what differs from episode to episode, and what an episode's seed makes of it.

A policy that has met late and lost commands, another friction, other masses and noisy sensors in training is to be at
home where they are what they are. ``hrl_core.envs.randomised_env`` lives it; this module needs no simulator.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hrl_core.errors import HrlError, TaskError, did_you_mean
from hrl_core.messages import Vector
from hrl_core.randomness import Purpose, step_generator
from hrl_core.task.spec import TaskSpec

QUANTITIES = ("delay", "loss", "friction", "mass", "noise")
MEASURED_UNITS = ("m", "rad", "m/s", "rad/s")
"""Units of the elements that ``noise`` without a name is for: a clock and a pure number are not measured."""
_TOLD = "# randomised: "
"""How the first line of a run's task specification begins, where its episodes are randomised."""
_FORM = "write for instance delay=0:0.06,loss=0.05,friction=0.7:1.3,mass=0.8:1.2,noise=0.01"


class Range(NamedTuple):
    """Drawn uniformly, once an episode."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """The value that lies ``share`` (0 to 1) of the way up."""
        return self.low + (self.high - self.low) * share

    def __str__(self) -> str:
        """As it is written."""
        return _shown(self.low) if self.low == self.high else f"{_shown(self.low)}:{_shown(self.high)}"


class Drawn(NamedTuple):
    """What one episode is like."""

    delay: float
    """[s]"""
    friction: float
    """Factor on the task's own."""
    mass: float
    """Factor on the task's own."""


_AS_IT_IS = Range(1.0, 1.0)
_AT_ONCE = Range(0.0, 0.0)


@dataclass(frozen=True)
class Randomisation:
    """What differs from episode to episode; by default nothing."""

    delay: Range = _AT_ONCE
    """Time from an observation to the moment its action takes effect, the action before being held until then [s]."""
    loss: float = 0.0
    """Chance that a command is lost, the one before it being held; 0 to below 1."""
    friction: Range = _AS_IT_IS
    """Factor on the friction of all that touches."""
    mass: Range = _AS_IT_IS
    """Factor on mass and inertia of all bodies."""
    noise: Mapping[str, float] = field(default_factory=dict)
    """Element or unit of the observation -> standard deviation of Gaussian noise on it, in its own unit; of a name, of
    its unit, or of the empty name, which stands for all units of ``MEASURED_UNITS``, the first found counts."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name, least in (("delay", "0 or more"), ("friction", "above 0"), ("mass", "above 0")):
            low, high = getattr(self, name)
            if not (math.isfinite(high) and low <= high and low >= 0 and (low > 0 or name == "delay")):
                raise HrlError(f"randomise: {name}={low:g}:{high:g}: must be two finite numbers, rising, {least}")
        if not 0 <= self.loss < 1:
            raise HrlError(f"randomise: loss={self.loss:g}: must be a chance from 0 to below 1")
        for name, deviation in self.noise.items():
            if not 0 <= deviation < math.inf:
                raise HrlError(f"randomise: {_noise_key(name)}={deviation:g}: must be a finite number, 0 or more")

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(str(self))

    def __str__(self) -> str:
        """As ``parse_randomisation`` reads it, always in the same words; empty: nothing differs."""
        said = {"delay": str(self.delay)} if self.delay != _AT_ONCE else {}
        said |= {"loss": _shown(self.loss)} if self.loss else {}
        said |= {name: str(x) for name in ("friction", "mass") if (x := getattr(self, name)) != _AS_IT_IS}
        told = {name: deviation for name, deviation in self.noise.items() if deviation or name}
        said |= {_noise_key(name): _shown(told[name]) for name in sorted(told)} if any(told.values()) else {}
        return ",".join(f"{name}={value}" for name, value in said.items())

    def drawn(self, seed: int) -> Drawn:
        """What the episode of that seed is like; each quantity is the same whatever others are varied."""
        shares = step_generator(seed, Purpose.WORLD, 0, 0, 0).random(3).tolist()
        ranges = (self.delay, self.friction, self.mass)
        return Drawn(*(own.at(share) for own, share in zip(ranges, shares, strict=True)))

    def lost(self, seed: int, step: int) -> bool:
        """Whether the command that answers the observation of that step is lost."""
        return self.loss > 0 and bool(step_generator(seed, Purpose.LOSS, 0, 0, step).random() < self.loss)

    def deviations(self, task: TaskSpec) -> Vector:
        """Standard deviation of the noise on each element of the task's observation, shape (observation_dim,).

        Commands given before are known, not measured: they have none.

        Raises:
            TaskError: there is no element of that name or unit.
        """
        told = task.observation[: task.told_by_environment]
        units = {element.unit for element in told}
        known = {element.name for element in told} | units
        if "" in self.noise and self.noise[""] and not units.intersection(MEASURED_UNITS):
            raise TaskError(
                f"randomise: noise: no element of the observation of '{task.name}' is in {', '.join(MEASURED_UNITS)}; "
                f"name elements: noise.{task.observation[0].name}=..."
            )
        for name in self.noise:
            if name and name not in known:
                listed = ", ".join(element.name for element in told)
                raise TaskError(
                    f"randomise: noise.{name}: '{task.name}' observes no such element or unit"
                    f"{did_you_mean(name, known)} (elements: {listed}; units: {', '.join(sorted(units))})"
                )
        general = dict.fromkeys(MEASURED_UNITS, self.noise.get("", 0.0))
        chosen = general | dict(self.noise)
        deviations = [chosen.get(e.name, chosen.get(e.unit, 0.0)) for e in told]
        return np.array(deviations + [0.0] * len(task.observed_commands))


NONE = Randomisation()


def parse_randomisation(text: str) -> Randomisation:
    """Read ``delay=0:0.06,loss=0.05,friction=0.7:1.3,mass=0.8:1.2,noise=0.01``; a single number is a range of itself.

    Raises:
        HrlError: a quantity is unknown or named twice, or a value is impossible.
    """
    values: dict[str, str] = {}
    for part in filter(str.strip, text.split(",")):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise HrlError(f"randomise: '{part.strip()}' is not of the form name=value; {_FORM}")
        if name in values:
            raise HrlError(f"randomise: {name} is given twice, {values[name]} and {value}")
        if name.partition(".")[0] not in QUANTITIES or ("." in name and not name.startswith("noise.")):
            hint = did_you_mean(name, QUANTITIES) or f"; known are {', '.join(QUANTITIES)} and noise.ELEMENT"
            raise HrlError(f"randomise: unknown quantity '{name}'{hint}")
        values[name] = value
    ranges = {name: _range(name, values[name]) for name in ("delay", "friction", "mass") if name in values}
    noise = {key.partition(".")[2]: _number(key, value) for key, value in values.items() if key.startswith("noise")}
    return Randomisation(loss=_number("loss", values.get("loss", "0")), noise=noise, **ranges)


def told_with(task: str, randomisation: Randomisation) -> str:
    """The text (YAML) of a task specification with a first line, a comment, that tells how its episodes differ."""
    return f"{_TOLD}{randomisation}\n{task}" if randomisation else task


def told_in(task: str) -> str:
    """What ``told_with`` has put there; empty: nothing."""
    first = task.partition("\n")[0]
    return first.removeprefix(_TOLD) if first.startswith(_TOLD) else ""


def _noise_key(name: str) -> str:
    return f"noise.{name}" if name else "noise"


def _range(name: str, text: str) -> Range:
    low, colon, high = text.partition(":")
    return Range(_number(name, low), _number(name, high if colon else low))


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        form = "a number" if name == "loss" or name.startswith("noise") else "a number or LOW:HIGH"
        raise HrlError(f"randomise: {name}={text}: must be {form}; {_FORM}") from None


def _shown(number: float) -> str:
    """As short as it can be written without becoming another number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)
