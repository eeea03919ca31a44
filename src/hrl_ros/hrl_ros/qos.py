"""Quality of service by role; the one place where profiles are made."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

RIVALS = 10
"""Simulators in one namespace whose RunInfo a subscription can tell apart."""
LOCKSTEP_DEPTH = 2048
"""Two episodes of any shipped task with room to spare: nothing that is still wanted is ever overwritten."""


def lockstep() -> QoSProfile:
    """Observations, subgoals, results and actions in lock-step: reliable and deep, without deadline or lifespan."""
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
    """Rare events that must arrive: episode results, acknowledgements, goals."""
    return QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


def heartbeat(nodes: int = 1) -> QoSProfile:
    """Only the newest beat of each node counts, and it must not wait for a slow reader.

    Args:
        nodes: for a subscription, how many beat at once.
    """
    return QoSProfile(depth=4 * max(1, nodes), reliability=ReliabilityPolicy.BEST_EFFORT)


def state() -> QoSProfile:
    """A robot's state: freshness before completeness; compatible with reliable and best-effort publishers."""
    return QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


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
