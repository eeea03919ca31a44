"""Parameters of the nodes of this package."""

from dataclasses import dataclass

from hrl_robot.robot_config import BODIES
from hrl_ros.loop.parameters import REALTIME, EnvironmentParameters
from hrl_ros.parameters import NodeParameters, parameter


@dataclass(frozen=True)
class BridgeParameters(EnvironmentParameters):
    """What the bridge takes."""

    clock: str = parameter(REALTIME, "a robot knows only the wall clock", choices=(REALTIME,))
    robot_config: str = parameter("fake_ant", "shipped robot name or path of a robot's .yaml file")
    robot_wait: float = parameter(20.0, "seconds to wait for the robot's first joint states", low=0.1)
    silence_limit: float = parameter(
        0.5, "seconds without state after which a running episode is cut as ROBOT_SILENT", low=0.01
    )


@dataclass(frozen=True)
class FakeRobotParameters(NodeParameters):
    """What the fake robot takes."""

    task: str = parameter("AntMaze", "task whose physics it has: shipped name or path of a .yaml specification")
    real_time_factor: float = parameter(1.0, "seconds of its physics per wall second", low=0.001, high=1000.0)
    topics: str = parameter(
        "hardware", "where its state is published and its service is offered; empty: joint_states, odom and place"
    )
    body: str = parameter("ant", "what it is", choices=BODIES)
    controller: str = parameter("effort_controller", "name of its controller")
    gripper: str = parameter("", "name of its gripper's controller; empty: there is none")
    latency: float = parameter(0.0, "delay of states and of commands [s, wall time]", low=0.0)
    jitter: float = parameter(0.0, "greatest random addition to the latency [s]", low=0.0)
    dropout: float = parameter(0.0, "fraction of messages lost each way", low=0.0, high=1.0)
    controller_timeout: float = parameter(
        0.0, "seconds without a command after which the controller sends zeros; 0: it holds the last for ever", low=0.0
    )
    seed: int = parameter(0, "seed of placing, jitter and loss", low=0)
    out: str = parameter("", "folder for fake_robot.jsonl, the journal of commands; empty: none")


@dataclass(frozen=True)
class SupervisorParameters(NodeParameters):
    """What the supervisor takes."""

    nodes: str = parameter("", "names of the lifecycle nodes in the order they are brought up, comma-separated")
    bridge: str = parameter("", "name of the node that commands the robot; empty: none does")
    task: str = parameter("AntMaze", "shipped task name or path of a .yaml task specification")
    robot_config: str = parameter("fake_ant", "shipped robot name or path of a robot's .yaml file")
    bridge_timeout: float = parameter(
        0.13, "seconds without a heartbeat of the bridge after which the supervisor sends the safe action", low=0.02
    )
    node_timeout: float = parameter(
        5.0, "seconds without a heartbeat after which a node counts as dead: killed, and restarted or given up", low=0.1
    )
    writing: str = parameter("", "names of the nodes that a disk may hold up while the robot goes on, comma-separated")
    writing_timeout: float = parameter(20.0, "node_timeout of those", low=0.1)
    load_limit: float = parameter(60.0, "seconds a node may take to appear, to configure or to activate", low=1.0)
    restarts: int = parameter(3, "most restarts of one node within a minute", low=0)
    restarting: str = parameter("", "names of the nodes whose process is restarted when it dies, comma-separated")
