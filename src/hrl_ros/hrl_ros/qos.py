"""Quality of service by role; the one place where profiles are made.

Lock-step: ``lockstep``, deep and reliable, without deadline or lifespan. Real time: the ``timed`` roles take the
control period [wall seconds] and have two ends that fit together; whoever promises nothing, such as a driver or a
ros2_control controller, meets ``state`` and ``command``. No command is ever transient local: a restarted robot would
get an old one.
DDS only helps: the watchdogs of the stack keep their own time. The worker's actions keep ``lockstep``'s profile by the
wall clock, too: they are recorded, carry episode and step, and are judged by the gate before the actuators, which knows
of pauses and resets; a deadline would call those faults.

=============  ==============================  ===================================================================
role           ends                            promises
=============  ==============================  ===================================================================
state          best effort, newest 10          none: a driver offers none and, asked for one, would not be heard
timed_state    best effort, newest 10          a deadline of 2.75 periods is offered, one of 3 asked for
command        reliable, newest 1, volatile    none: what a controller subscribes with
timed_command  reliable, newest 1, volatile    deadline; lifespan of one horizon; manual liveliness with a lease
=============  ==============================  ===================================================================
"""

from typing import NamedTuple

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

RIVALS = 10
"""Simulators in one namespace whose RunInfo a subscription can tell apart."""
LOCKSTEP_DEPTH = 2048
"""Two episodes of any shipped task with room to spare: nothing that is still wanted is ever overwritten."""
MOST_CREDIT = LOCKSTEP_DEPTH // 2
"""Most observations that a simulator may be ahead of its recorder, so that writers can still repeat what it lacks."""
STATE_DEPTH = 10
"""States kept between two looks."""
OFFERED_DEADLINE = 2.75
"""Control periods after which a publisher in real time calls itself late.

Later than the watchdog's safe action, which is due after 2: telling of it takes longer than sending that."""
REQUESTED_DEADLINE = 3.0
"""Control periods after which a subscription in real time does."""
LEASE = 5.0
"""Control periods without a message after which a publisher of commands counts as dead."""
LEAST_LEASE = 0.1
"""Shortest lease [s]; the middleware's own timers are no finer."""
COMMAND_HORIZON = 2.0
"""Control periods for which a command is worth delivering to a controller."""


class Ends(NamedTuple):
    """Both ends of a role."""

    publisher: QoSProfile
    subscription: QoSProfile


def lockstep() -> QoSProfile:
    """Observations, subgoals, results, actions and outcomes in lock-step: reliable and deep, without deadline."""
    return QoSProfile(depth=LOCKSTEP_DEPTH, reliability=ReliabilityPolicy.RELIABLE)


def recording() -> QoSProfile:
    """The recorder's side of the same topics: it keeps everything and acknowledges through the credit window."""
    return QoSProfile(depth=0, history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE)


def latched(writers: int = 1) -> QoSProfile:
    """Run identity, status and policy updates: late joiners get the last value. Never used for commands.

    Args:
        writers: for a subscription, how many publishers' values it must hold until they are taken; with room for one, a
            second simulator's RunInfo and one's own overwrite each other unseen.
    """
    return QoSProfile(
        depth=writers, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    )


def event() -> QoSProfile:
    """Rare events that must arrive: acknowledgements, goals; episode results, where they are only looked at."""
    return QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


def heartbeat(nodes: int = 1) -> QoSProfile:
    """Only the newest beat of each node counts, and it must not wait for a slow reader.

    Args:
        nodes: for a subscription, how many beat at once.
    """
    return QoSProfile(depth=4 * max(1, nodes), reliability=ReliabilityPolicy.BEST_EFFORT)


def state() -> QoSProfile:
    """A robot's state: freshness before completeness; compatible with reliable and best-effort publishers."""
    return QoSProfile(depth=STATE_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)


def command() -> QoSProfile:
    """What a controller is told: the newest only, reliably, and never latched: a restarted robot must not move."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def onlooker(depth: int = 1) -> QoSProfile:
    """An onlooker's side of any topic: it takes what comes and never holds a writer up.

    Args:
        depth: how many of the newest messages are kept between two looks.
    """
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)


def sensor() -> QoSProfile:
    """Standard topics for onlookers (joint states, odometry, clock): reliable, shallow."""
    return QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


def timed_state(period: float) -> Ends:
    """High-rate state in real time: fresh rather than complete, with a deadline.

    Args:
        period: wall seconds between two messages.
    """
    return Ends(
        QoSProfile(
            depth=STATE_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT, deadline=_seconds(OFFERED_DEADLINE * period)
        ),
        QoSProfile(
            depth=STATE_DEPTH,
            reliability=ReliabilityPolicy.BEST_EFFORT,
            deadline=_seconds(REQUESTED_DEADLINE * period),
        ),
    )


def timed_command(period: float, horizon: float = COMMAND_HORIZON) -> Ends:
    """Commands to actuators: the newest or none.

    A ros2_control controller subscribes with its own profile (reliable, volatile, nothing asked for), which fits.

    Args:
        period: wall seconds between two commands.
        horizon: periods after which an undelivered command is dropped.
    """
    lifespan = _seconds(horizon * period)
    return Ends(
        QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, lifespan=lifespan, **_offered_alive(period)),
        QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, **_requested_alive(period)),
    )


def _offered_alive(period: float) -> dict[str, Duration | LivelinessPolicy]:
    """Every message is a sign of life, and nothing else is."""
    return {
        "deadline": _seconds(OFFERED_DEADLINE * period),
        "liveliness": LivelinessPolicy.MANUAL_BY_TOPIC,
        "liveliness_lease_duration": _seconds(max(LEAST_LEASE, LEASE * period)),
    }


def _requested_alive(period: float) -> dict[str, Duration | LivelinessPolicy]:
    return {**_offered_alive(period), "deadline": _seconds(REQUESTED_DEADLINE * period)}


def _seconds(seconds: float) -> Duration:
    return Duration(nanoseconds=round(1e9 * seconds))
