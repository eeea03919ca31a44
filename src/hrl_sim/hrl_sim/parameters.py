"""Parameters of the simulator."""

from dataclasses import dataclass

from hrl_ros.loop.parameters import EnvironmentParameters
from hrl_ros.parameters import parameter


@dataclass(frozen=True)
class SimulatorParameters(EnvironmentParameters):
    """What the simulator takes."""

    randomise: str = parameter(
        "", "how episodes differ, such as delay=0:0.06,loss=0.05 (hrl train --randomise); empty: not at all"
    )
