"""From which figures on a node calls itself unwell; ROS parameters ``diagnostics.*`` of every node."""

from dataclasses import dataclass

from hrl_ros.parameter_fields import parameter


@dataclass(frozen=True)
class Thresholds:
    """Limits of WARN and ERROR; a figure above a limit is beyond it."""

    rate_error_warn: float = parameter(
        0.1, "WARN when the rate of a stream is off its nominal rate by more than this share of it", low=0.0
    )
    rate_error_error: float = parameter(0.5, "ERROR from this share on", low=0.0)
    latency_warn: float = parameter(
        0.5, "WARN when the 99th percentile of the latency is above this share of the control period", low=0.0
    )
    latency_error: float = parameter(1.0, "ERROR from this share on", low=0.0)
    missed_deadlines_warn: float = parameter(0.0, "WARN above so many missed deadlines [1/s]", low=0.0)
    missed_deadlines_error: float = parameter(3.0, "ERROR above so many missed deadlines [1/s]", low=0.0)
    watchdog_trips_warn: float = parameter(0.0, "WARN above so many watchdog trips [1/s]", low=0.0)
    watchdog_trips_error: float = parameter(0.0, "ERROR above so many watchdog trips [1/s]", low=0.0)
    idle_periods: float = parameter(
        3.0, "ERROR when an answer of the node has been due for more control periods than this", low=0.0
    )
    refused_warn: float = parameter(0.0, "WARN above so many refused messages [1/s]", low=0.0)
    refused_error: float = parameter(10.0, "ERROR above so many refused messages [1/s]", low=0.0)
