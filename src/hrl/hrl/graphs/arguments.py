"""The launch arguments that several launch files share, and those of a graph with one robot."""

import math
import re
from dataclasses import dataclass

from hrl.graphs.argument_table import Arguments, Rule, argument
from hrl_core.algorithms import ALGORITHMS
from hrl_core.bags.remote import is_uri
from hrl_core.errors import HrlError
from hrl_core.randomness import MOST_SEED

DEFAULT_OUT = "runs/{time}"
_ACTION_AGE = 2.0
"""Of simulator and bridge, unless told [control periods]."""
_NAMESPACE = re.compile(r"/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?")


def _is_vector(text: str) -> bool:
    try:
        return text == "" or all(math.isfinite(float(part)) for part in text.split(","))
    except ValueError:
        return False


FACTOR = Rule("between 0.001 and 1000", lambda value: 0.001 <= value <= 1000)
COUNT = Rule("0 or more", lambda value: value >= 0 and math.isfinite(value))
PORT = Rule("between 1 and 65535", lambda value: 1 <= value <= 65535)
SEED = Rule(f"between 0 and {MOST_SEED}", lambda value: 0 <= value <= MOST_SEED)
VECTOR = Rule("finite numbers separated by commas, such as 0,16", _is_vector)
NAME = Rule("a ROS namespace, such as robot_1", lambda value: _NAMESPACE.fullmatch(value) is not None)


def _uri(example: str) -> Rule:
    return Rule(f"a URI, such as {example}", lambda value: value == "" or is_uri(value))


STORE, DATA_BASE = _uri("s3://BUCKET/FOLDER"), _uri("postgresql+psycopg://USER@HOST/NAME")
NOT_EMPTY = Rule("given", lambda value: value != "")
NETWORK = (
    "Who may take part: host (this machine only) or subnet (other machines, too, as for a robot's own computer).",
    ("host", "subnet"),
)
"""Description and choices of the argument ``network``."""


def require_namespace(text: str) -> str:
    """A namespace as commands take it, without the slashes around it; raises ``HrlError`` where it is none."""
    if not NAME.holds(text.rstrip("/")):
        raise HrlError(f"--namespace {text}: must be {NAME.text}")
    return text.strip("/")


@dataclass(frozen=True)
class LaunchArguments(Arguments):
    """The arguments of a graph with one robot."""

    task: str = argument(
        "auto",
        "Task: a shipped name such as AntMaze, a .yaml task specification, or auto for the policy's own task.",
        rule=NOT_EMPTY,
    )
    policy: str = argument(
        "auto",
        "Policy: a checkpoint folder, a shipped name, or auto for the best shipped one of the task (hiro_ant_maze).",
        rule=NOT_EMPTY,
    )
    mode: str = argument(
        "lockstep",
        "Clock: lockstep (deterministic, as fast as the machine allows) or realtime (wall clock times rtf).",
        ("lockstep", "realtime"),
    )
    rtf: float = argument(
        1.0, "Real-time factor, simulated seconds per wall second; with mode:=realtime only.", rule=FACTOR
    )
    max_action_age: float = argument(
        _ACTION_AGE,
        "In real time, oldest action that is applied, from its observation to its arrival [control periods]; more "
        "behind a slow link.",
        rule=Rule("1 or more", lambda value: value >= 1 and math.isfinite(value)),
    )
    episodes: int = argument(0, "Number of episodes, 0 for ever.", rule=COUNT)
    seed: int = argument(0, "Seed from which resets and exploration noise are drawn.", rule=SEED)
    goal: str = argument("", "Task goal as x,y in the units of the task; empty for the task's own.", rule=VECTOR)
    randomise: str = argument(
        "", "How simulated episodes differ, as hrl train --randomise: delay=0:0.06,loss=0.05; empty: not at all."
    )
    explore: bool = argument(False, "Run training episodes: the policies add exploration noise.")
    record: bool = argument(True, "Record a rosbag2 directory (MCAP) of all topics of the stack in OUT/bag.")
    split_episodes: int = argument(
        0,
        "Begin a new bag after so many episodes; OUT/bag is then a folder of bags. 0: one bag; where a run is learned "
        "from, a new one after 2.",
        rule=COUNT,
    )
    split_mb: float = argument(
        0.0, "Begin a new bag with the episode after the one that fills it to so many MB, 0: however big.", rule=COUNT
    )
    upload: str = argument(
        "",
        "URI that closed bags are copied to, s3://BUCKET/FOLDER; of several robots in robot_1, ...; empty: nowhere.",
        rule=STORE,
    )
    catalogue: str = argument(
        "",
        "Data base with a row of each closed bag, postgresql+psycopg://USER@HOST/NAME; empty: a file beside them.",
        rule=DATA_BASE,
    )
    learn: bool = argument(
        False,
        "Learn while running: a trainer follows the recording and announces policies, with relabel:=from-relabelled "
        "after a relabeler; implies explore.",
    )
    algorithm: str = argument("hiro", "With learn: algorithm, unless a file of switches names it.", tuple(ALGORITHMS))
    training: str = argument(
        "fast", "With learn: preset (paper, fast) or .json file of training switches.", rule=NOT_EMPTY
    )
    relabel: str = argument(
        "off",
        "With learn: where subgoals are relabelled.",
        ("off", "at-sampling", "from-relabelled"),
    )
    policy_updates: int = argument(1000, "With learn: worker updates between announced policies.", rule=COUNT)
    out: str = argument(
        DEFAULT_OUT,
        "Folder of the results (bag, summary.json); {time} becomes the start time.",
        rule=NOT_EMPTY,
    )
    viewer: bool = argument(False, "Show the run in the web viewer.")
    viewer_port: int = argument(8080, "Port of the web viewer; the next free one if it is taken.", rule=PORT)
    viewer_host: str = argument(
        "127.0.0.1", "Address the web viewer listens at; 0.0.0.0 opens it to other machines.", rule=NOT_EMPTY
    )
    markers: bool = argument(False, "Publish visualization_msgs markers; viewer and rviz need no asking.")
    rviz: bool = argument(False, "Show the run in rviz2.")
    namespace: str = argument("", "Namespace of every node and topic; also the robot's name.", rule=NAME)
    robot: str = argument(
        "sim", "What closes the loop: sim (MuJoCo) or real (a robot; always in real time).", ("sim", "real")
    )
    robot_config: str = argument(
        "fake_ant",
        "With robot:=real: shipped name or .yaml file that maps the robot's joints; fake_ant starts a fake robot.",
        rule=NOT_EMPTY,
    )
    supervise: str = argument(
        "auto",
        "Bring the nodes up in order, watch their heartbeats, make the robot safe when the bridge dies; auto: with "
        "robot:=real.",
        ("auto", "true", "false"),
    )
    respawn: bool = argument(
        False, "Restart a manager or worker that dies, up to 3 times in 60 s; supervised nodes always are."
    )
    autostart: bool = argument(True, "Configure and activate the nodes; false leaves that to a lifecycle manager.")
    share_core: bool = argument(
        True, "In lock-step, keep simulator and worker, who take turns, on one core; false: anywhere."
    )
    wait_limit: float = argument(
        60.0, "Seconds of silence of a lock-step peer after which a node gives up, 0: never.", rule=COUNT
    )
    network: str = argument("host", *NETWORK)
    peers: str = argument("", "With network:=subnet, addresses of other machines that multicast does not reach: A,B.")
    discovery_server: str = argument(
        "",
        "With network:=subnet, HOST:PORT of a server (hrl discovery) by which nodes find each other; else multicast.",
    )
    nodes: str = argument(
        "", "Start these nodes only (simulator,worker,manager,recorder,...); others run on other machines; empty: all."
    )
    log_level: str = argument("info", "Least severe log messages shown.", ("debug", "info", "warn", "error"))

    def check(self) -> None:
        """Refuse what contradicts itself."""
        if self.takes_turns and self.rtf != 1.0:
            raise self.refuse(f"rtf:={self.rtf} has no meaning in lock-step; add mode:=realtime")
        if self.takes_turns and self.max_action_age != _ACTION_AGE:
            raise self.refuse(f"max_action_age:={self.max_action_age} has no meaning in lock-step; add mode:=realtime")
        if (self.peers or self.nodes or self.discovery_server) and self.network != "subnet":
            raise self.refuse(
                "nodes:=, peers:= and discovery_server:= are for graphs of several machines; add network:=subnet"
            )
        if self.peers and self.discovery_server:
            raise self.refuse("nodes find each other by peers:= or by discovery_server:=; give one")
        if (self.upload or self.catalogue) and not (self.learn or self.split_episodes or self.split_mb):
            raise self.refuse("upload:= and catalogue:= are of closed bags; add split_episodes:=2")
        if self.learn and not self.record:
            raise self.refuse("learn:=true learns from the recording; leave record:=true")

    @property
    def supervised(self) -> bool:
        """Whether a supervisor takes part."""
        return self.supervise == "true" or (self.supervise == "auto" and self.robot == "real")

    @property
    def restarts(self) -> bool:
        """Whether a worker or manager that dies is started again."""
        return self.respawn or self.supervised

    @property
    def takes_turns(self) -> bool:
        """Whether simulator and worker wait for each other at every step."""
        return self.mode == "lockstep" and self.robot == "sim"

    @property
    def goal_vector(self) -> tuple[float, ...]:
        """The task goal, empty for the task's own."""
        return tuple(float(part) for part in self.goal.split(",")) if self.goal else ()


@dataclass(frozen=True)
class PolicyArguments(LaunchArguments):
    """The same for any policy: who takes part follows from it, and nothing is chosen for who names nothing."""

    policy: str = argument(
        "",
        "Policy: a checkpoint folder, a training run, a shipped name, or auto for the best shipped one of task:=.",
    )

    def check(self) -> None:
        """Refuse a run of nothing in particular."""
        super().check()
        if self.policy == "" or (self.policy == "auto" and self.task == "auto"):
            raise self.refuse(
                "name the policy to run, policy:=FOLDER or a shipped name such as policy:=hiro_ant_maze, or a "
                "task with its best shipped one, task:=AntMaze policy:=auto"
            )
