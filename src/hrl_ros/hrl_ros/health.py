"""How well a node is: it counts what happens and once a second says so as level, message and figures. Knows no ROS.

A node makes one ``Health``, tells it what happens, and hands it to ``hrl_ros.diagnostics.HealthReports``::

    self.health = Health(parameters.diagnostics)           # thresholds, ROS parameters of every node
    self._states = self.health.stream("joint_states", 50)  # nominal rate [Hz]; None: whatever comes is right
    self._reports = HealthReports(self, self.health)       # publishes on /diagnostics once a second

    self._states.received()                  # per message: counts and notes the time, no more
    self.health.took(seconds)                # a latency
    self.health.missed_deadlines += 1        # running totals; may as well be assigned from elsewhere
    self.health.watchdog_trips += 1
    self.health.refuse("not a number")       # a refused message, by reason
    self.health.due(); self.health.done()    # an answer of this node is due, and has been given
    self.health.control_period = 0.1         # wall seconds; None: latencies are not judged
    self.health.suspended = True             # paused or finished: neither rates nor latencies are judged
    self.health.figures["real-time factor"] = 1.0
    self.health.set_condition("e-stop", Level.ERROR, "e-stop is latched; call reset_estop")
    self.health.clear_condition("e-stop")

Figures that are numbers are plain decimal ones under names that stay the same, so that tools can plot them.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import IntEnum
from numbers import Integral, Real
from typing import NamedTuple

from hrl_ros.thresholds import Thresholds

RECENT = 4096
"""Most latencies kept between two reports."""
IDLE = 5.0
"""Seconds that an answer may be due before a node calls itself idle where there is no control period."""
LEAST_WINDOW = 0.5
"""Seconds that a rate is averaged over at least; reports out of turn come sooner."""


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


class Report(NamedTuple):
    """What a node says of itself."""

    level: Level
    message: str
    values: dict[str, str]


class Finding(NamedTuple):
    """One reason not to be well."""

    level: Level
    text: str


class Stream:
    """Messages of one kind as they come."""

    def __init__(self, name: str, nominal: float | None, clock: Callable[[], float]) -> None:
        """Nothing has come yet."""
        self.name, self.nominal = name, nominal
        self.count, self.last = 0, 0.0
        self._clock = clock
        self._counted = 0
        self._mark: float | None = None
        self._rate: float | None = None

    def received(self) -> None:
        """One message has come."""
        self.count += 1
        self.last = self._clock()

    def rate(self, now: float) -> float | None:
        """Messages per second since the last call, from message to message; None before there are enough.

        A silence counts as soon as it is longer than the messages before it let expect.
        """
        since, new = self._mark, self.count - self._counted
        if since is None:
            self._mark, self._counted = (self.last, self.count) if new else (None, 0)
        elif now - since >= LEAST_WINDOW:
            # The next message comes now at the earliest.
            most = (new + 1) / (now - since)
            if new:
                self._rate = min(most, new / max(self.last - since, 1e-9))
                self._mark, self._counted = self.last, self.count
            else:
                self._rate = most if self._rate is None else min(self._rate, most)
        return self._rate


class Health:
    """Gathers what happens between two reports."""

    def __init__(self, thresholds: Thresholds | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Be well.

        Args:
            thresholds: from which figures on the node is unwell.
            clock: steady time [s].
        """
        self.doing = "running"
        """Message while all is well."""
        self.control_period: float | None = None
        """Wall seconds between two actions; None: latencies are not judged."""
        self.suspended = False
        """Whether nothing is expected to come, so that neither rates nor latencies are judged."""
        self.missed_deadlines = self.watchdog_trips = 0
        self.refusals: Counter[str] = Counter()
        """Refused messages by reason."""
        self.waits_for: Callable[[], str | None] = lambda: None
        """Asked for whom a node waits that does not give the answer that is due."""
        self.events: Counter[str] = Counter()
        """What else is worth counting, such as QoS events; shown, not judged."""
        self.figures: dict[str, object] = {}
        """What else the node has to say; stays until it is changed."""
        self._thresholds, self._clock = thresholds or Thresholds(), clock
        self._streams: dict[str, Stream] = {}
        self._latencies: deque[float] = deque(maxlen=RECENT)
        self._conditions: dict[str, Finding] = {}
        self._due_since: float | None = None
        self._reported_at = clock()
        self._judged = {"missed deadlines": 0, "watchdog trips": 0, "refused": 0}
        self.took = self._latencies.append
        """Note a latency [s]."""

    def stream(self, name: str, nominal: float | None = None) -> Stream:
        """The stream of that name, made if need be; ``nominal`` is its rate [Hz], None: any is right."""
        if name not in self._streams:
            self._streams[name] = Stream(name, nominal, self._clock)
        return self._streams[name]

    def refuse(self, reason: str) -> None:
        """A message was refused."""
        self.refusals[reason] += 1

    def due(self) -> None:
        """An answer of this node is due, perhaps since an earlier call."""
        if self._due_since is None:
            self._due_since = self._clock()

    def done(self) -> None:
        """No answer is due."""
        self._due_since = None

    def set_condition(self, name: str, level: Level, text: str) -> None:
        """Something is so until ``clear_condition``; ``text`` says what and how to end it."""
        self._conditions[name] = Finding(level, text)

    def clear_condition(self, name: str) -> None:
        """It is no longer so."""
        self._conditions.pop(name, None)

    def report(self) -> Report:
        """Sum up what has happened since the last report."""
        now = self._clock()
        seconds, self._reported_at = max(now - self._reported_at, 1e-9), now
        findings = list(self._conditions.values())
        values: dict[str, object] = {}
        for stream in self._streams.values():
            self._add_rate(stream, now, values, findings)
        self._add_latency(values, findings)
        self._add_idleness(now, findings)
        refused = sum(self.refusals.values())
        self._add_count("missed deadlines", self.missed_deadlines, seconds, values, findings)
        self._add_count("watchdog trips", self.watchdog_trips, seconds, values, findings)
        self._add_count("refused", refused, seconds, values, findings)
        values |= {f"refused: {reason}": count for reason, count in self.refusals.items()}
        values |= dict(self.events) | self.figures
        findings.sort(key=lambda finding: -finding.level)
        level = findings[0].level if findings else Level.OK
        message = "; ".join(finding.text for finding in findings) or self.doing
        return Report(level, message, {name: plain(value) for name, value in values.items()})

    def _add_rate(self, stream: Stream, now: float, values: dict[str, object], findings: list[Finding]) -> None:
        rate = stream.rate(now)
        if rate is None:
            return
        values[f"{stream.name} [Hz]"] = rate
        if stream.nominal is None or self.suspended:
            return
        error, limits = abs(rate / stream.nominal - 1), self._thresholds
        text = f"{stream.name} at {rate:.3g} Hz instead of {stream.nominal:.3g} Hz"
        _judge(error, limits.rate_error_warn, limits.rate_error_error, text, findings)

    def _add_latency(self, values: dict[str, object], findings: list[Finding]) -> None:
        seconds = sorted(self._latencies)
        self._latencies.clear()
        if not seconds:
            return
        p99 = _percentile(seconds, 0.99)
        shown = {"p50": _percentile(seconds, 0.5), "p99": p99, "max": seconds[-1]}
        values |= {f"latency {name} [ms]": 1e3 * value for name, value in shown.items()}
        if self.control_period is None or self.suspended:
            return
        text = f"latency p99 {1e3 * p99:.3g} ms at a control period of {1e3 * self.control_period:.3g} ms"
        limits = self._thresholds
        _judge(p99 / self.control_period, limits.latency_warn, limits.latency_error, text, findings)

    def _add_idleness(self, now: float, findings: list[Finding]) -> None:
        if self.suspended and self._due_since is not None:
            self._due_since = now
        if self._due_since is None:
            return
        idle, period = now - self._due_since, self.control_period
        if idle > (IDLE if period is None else self._thresholds.idle_periods * period):
            whom = self.waits_for()
            waits = f": waits for {whom}" if whom else ""
            findings.append(Finding(Level.ERROR, f"has not acted for {idle:.1f} s in a running episode{waits}"))

    def _add_count(
        self, name: str, count: int, seconds: float, values: dict[str, object], findings: list[Finding]
    ) -> None:
        new, self._judged[name] = count - self._judged[name], count
        values[name] = count
        field = name.replace(" ", "_")
        warn, error = (getattr(self._thresholds, f"{field}_{level}") for level in ("warn", "error"))
        why = ""
        if name == "refused" and self.refusals:
            why = f", mostly '{self.refusals.most_common(1)[0][0]}'"
        _judge(new / seconds, warn, error, f"{new} {name} in the last {seconds:.2g} s{why}", findings)


def plain(value: object) -> str:
    """Text of a figure: a number as plain decimal number, of a non-integer six digits count."""
    if isinstance(value, bool | Integral) or not isinstance(value, Real) or not math.isfinite(value):
        return str(value)
    return format(Decimal(f"{float(value):.6g}"), "f")


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least ``share`` of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _judge(value: float, warn: float, error: float, text: str, findings: list[Finding]) -> None:
    if value > error:
        findings.append(Finding(Level.ERROR, text))
    elif value > warn:
        findings.append(Finding(Level.WARN, text))
